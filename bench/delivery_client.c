/*
 * delivery_client SOCKET SESSIONS COUNT DOMAIN MAILS: hands mails to an LMTP server as Postfix's lmtp(8) does, and times
 * each transaction.
 *
 * The sessions stay open over messages; XFORWARD (where it is announced), MAIL, RCPT and DATA go in one write, the
 * message when all are answered. Message n goes to na@DOMAIN, n from 1 to COUNT, and is the next of MAILS: a file of
 * mails, each its length in decimal, a line feed, and the octets with dots stuffed and the final dot (RFC 5321 s4.5.2).
 * Prints the seconds of all, then the microseconds of each transaction, a line each. Exit 1, and the server's words,
 * where it answers anything but yes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MOST_MAILS = 16384, MOST_SESSIONS = 512 };

enum step { GREETING, LHLO, ENVELOPE, MESSAGE, OVER };

struct mail {
    const char *octets;
    size_t length;
};

struct session {
    int fd;
    enum step step;
    bool has_xforward;
    int replies_awaited;
    long number;
    double began;
    size_t got;
    char replies[4096];
    char commands[512];
    const char *unsent;
    size_t unsent_length;
};

static struct mail mails[MOST_MAILS];
static size_t mail_count;
static struct session sessions[MOST_SESSIONS];
static const char *domain;
static long begun, count, answered;
static double *microseconds;
static unsigned long first_id;
static int epoll;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "delivery_client: %s: %s\n", what, why);
    exit(1);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void map_mails(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    const char *at, *end;

    if (fd < 0 || fstat(fd, &status) != 0)
        fail(path, strerror(errno));
    at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED)
        fail(path, strerror(errno));
    for (end = at + status.st_size; at < end && mail_count < MOST_MAILS; mail_count++) {
        char *octets;
        size_t length = strtoul(at, &octets, 10);

        if (length == 0 || *octets != '\n' || length > (size_t)(end - octets - 1))
            fail(path, "not a file of mails");
        mails[mail_count] = (struct mail){octets + 1, length};
        at = octets + 1 + length;
    }
    close(fd);
}

/* Writes what the socket takes; the rest waits for epoll. */
static void push(struct session *session)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    ssize_t sent;

    while (session->unsent_length > 0) {
        sent = send(session->fd, session->unsent, session->unsent_length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            fail("send", strerror(errno));
        session->unsent += sent;
        session->unsent_length -= (size_t)sent;
    }
    if (session->unsent_length > 0)
        event.events |= EPOLLOUT;
    epoll_ctl(epoll, EPOLL_CTL_MOD, session->fd, &event);
}

static void say(struct session *session, enum step step, int replies, const char *octets, size_t length)
{
    session->step = step;
    session->replies_awaited = replies;
    session->unsent = octets;
    session->unsent_length = length;
    push(session);
}

static void begin_message(struct session *session)
{
    char xforward[64] = "";
    int length;

    if (begun == count) {
        say(session, OVER, 0, "QUIT\r\n", 6);
        return;
    }
    session->number = ++begun;
    if (session->has_xforward)
        snprintf(xforward, sizeof xforward, "XFORWARD IDENT=%lX SOURCE=REMOTE\r\n",
                 first_id + (unsigned long)session->number);
    length = snprintf(session->commands, sizeof session->commands,
                      "%sMAIL FROM:<sender@example.org>\r\nRCPT TO:<%lda@%s>\r\nDATA\r\n", xforward, session->number,
                      domain);
    session->began = now();
    say(session, ENVELOPE, session->has_xforward ? 4 : 3, session->commands, (size_t)length);
}

static void send_message(struct session *session)
{
    const struct mail *mail = &mails[(size_t)session->number % mail_count];

    say(session, MESSAGE, 1, mail->octets, mail->length);
}

static void advance(struct session *session)
{
    switch (session->step) {
    case GREETING:
        say(session, LHLO, 1, "LHLO client.bench.test\r\n", 24);
        break;
    case LHLO:
        begin_message(session);
        break;
    case ENVELOPE:
        send_message(session);
        break;
    case MESSAGE:
        microseconds[answered++] = 1e6 * (now() - session->began);
        begin_message(session);
        break;
    case OVER:
        break;
    }
}

/* One line of a reply (RFC 5321 s4.2.1); the last of a reply has no hyphen behind its code. */
static void take_line(struct session *session, char *line)
{
    if (line[0] != '2' && line[0] != '3')
        fail("answer", line);
    if (session->step == LHLO && strstr(line, "XFORWARD") != NULL && strstr(line, "IDENT") != NULL)
        session->has_xforward = true;
    if (line[3] != '-' && --session->replies_awaited == 0)
        advance(session);
}

static void pull(struct session *session)
{
    ssize_t got = recv(session->fd, session->replies + session->got, sizeof session->replies - 1 - session->got, 0);
    char *line = session->replies, *end;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        fail("recv", got < 0 ? strerror(errno) : "the server has closed");
    session->got += (size_t)got;
    session->replies[session->got] = '\0';
    while ((end = strstr(line, "\r\n")) != NULL) {
        *end = '\0';
        take_line(session, line);
        line = end + 2;
    }
    session->got -= (size_t)(line - session->replies);
    memmove(session->replies, line, session->got);
}

static void open_session(struct session *session, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    session->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (session->fd < 0 || connect(session->fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        fcntl(session->fd, F_SETFL, O_NONBLOCK) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, session->fd, &event) != 0)
        fail(path, strerror(errno));
    session->step = GREETING;
    session->replies_awaited = 1;
}

static void run(void)
{
    struct epoll_event events[64];

    while (answered < count) {
        int ready = epoll_wait(epoll, events, 64, 60000);

        if (ready == 0)
            fail("wait", "no answer within 60 s");
        for (int at = 0; at < ready; at++) {
            struct session *session = events[at].data.ptr;

            if (session->step != OVER && (events[at].events & EPOLLOUT) != 0)
                push(session);
            if (session->step != OVER && (events[at].events & ~(unsigned)EPOLLOUT) != 0)
                pull(session);
        }
    }
}

int main(int argc, char **argv)
{
    double began;
    long session_count;

    if (argc != 6)
        fail("usage", "delivery_client SOCKET SESSIONS COUNT DOMAIN MAILS");
    session_count = strtol(argv[2], NULL, 10);
    count = strtol(argv[3], NULL, 10);
    domain = argv[4];
    map_mails(argv[5]);
    microseconds = calloc((size_t)(count > 0 ? count : 1), sizeof *microseconds);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (session_count < 1 || session_count > MOST_SESSIONS || count < 1 || mail_count == 0 || microseconds == NULL ||
        epoll < 0)
        fail("usage", "1 to 512 sessions, at least one message and one mail");
    began = now();
    first_id = (unsigned long)time(NULL) << 24 | ((unsigned long)getpid() & 0xff) << 16;
    for (long at = 0; at < session_count; at++)
        open_session(&sessions[at], argv[1]);
    run();
    printf("%.6f\n", now() - began);
    for (long at = 0; at < count; at++)
        printf("%.0f\n", microseconds[at]);
    return 0;
}
