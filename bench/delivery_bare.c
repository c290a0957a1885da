/*
 * The least that a delivery costs at the MDA's durability, as a bound for it: LMTP, the octets and one fdatasync a
 * batch, the MDA's own statements on its own tables, the replies. One thread; nothing is parsed, scored, compressed,
 * looked up or logged, and whatever goes wrong ends it.
 *
 * delivery_bare SOCKET SEGMENT CONNINFO SETUP ACCOUNTS ELEMENTS
 *   SEGMENT   the file that takes the messages
 *   SETUP     a file of SQL statements, each ended by a NUL
 *   ACCOUNTS  a file of account ids; a recipient's local part begins with the number of its line, from 0 on
 *   ELEMENTS  a file of one line per parameter of the store statement: an element of an array, or @account, @content
 *             or @offset, which are each message's own
 *
 * Prints "ready" when it listens, and ends when its standard input does. A batch waits for as many as the last ones
 * had, for as long as the last one took and 10 ms at most; no account may be twice in one.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* libpq, of which Debian's server brings the library and not the header. */
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
extern PGconn *PQconnectdb(const char *conninfo);
extern int PQstatus(const PGconn *connection);
extern char *PQerrorMessage(const PGconn *connection);
extern PGresult *PQexec(PGconn *connection, const char *query);
extern int PQresultStatus(const PGresult *result);
extern int PQntuples(const PGresult *result);
extern void PQclear(PGresult *result);
enum { CONNECTION_OK = 0, COMMAND_OK = 1, TUPLES_OK = 2 };

enum { SESSIONS = 256, ACCOUNTS = 100000, PARAMETERS = 64, BUFFER = 1 << 20, STATEMENT = 4 << 20 };

typedef struct session {
    int fd;
    bool in_data, is_whole;
    uint64_t account;
    size_t length, message; /* octets in the buffer; of them, those of the whole message */
    char *buffer;
} session;

static session sessions[SESSIONS];
static uint64_t accounts[ACCOUNTS];
static char *elements[PARAMETERS];
static char statement[STATEMENT];
static size_t account_count, parameter_count;
static uint64_t next_content, offset;
static int segment;
static PGconn *connection;

static void fail(const char *what) {
    fprintf(stderr, "delivery_bare: %s: %s\n", what, errno ? strerror(errno) : "failed");
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static char *contents(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(STATEMENT);
    if (!file || !text)
        fail(path);
    *length = fread(text, 1, STATEMENT - 1, file);
    text[*length] = '\0';
    fclose(file);
    return text;
}

static int rows_of(const char *query) {
    PGresult *result = PQexec(connection, query);
    int status = PQresultStatus(result), rows = PQntuples(result);
    if (status != COMMAND_OK && status != TUPLES_OK) {
        fprintf(stderr, "delivery_bare: %s", PQerrorMessage(connection));
        exit(1);
    }
    PQclear(result);
    return rows;
}

static void say(session *to, const char *reply) {
    size_t length = strlen(reply);
    ssize_t sent = send(to->fd, reply, length, MSG_NOSIGNAL);
    /* Who has said QUIT may have gone; that it has is heard at its socket. */
    if (sent != (ssize_t)length && errno != EPIPE && errno != ECONNRESET)
        fail("send");
}

/* A message's element of the parameter; the message begins in the segment at `place`. */
static char *put_element(char *at, const char *element, const session *message, uint64_t content, uint64_t place) {
    if (element[0] != '@')
        return stpcpy(at, element);
    uint64_t number = element[1] == 'a' ? message->account : element[1] == 'c' ? content : place;
    return at + sprintf(at, "%" PRIu64, number);
}

/* For one message, whose parameters are values: of an octets' element "\\x..." without its quotes. */
static char *put_values(char *at, const session *message) {
    at += sprintf(at, "EXECUTE mda_lock_lone (%" PRIu64 "); EXECUTE mda_store_lone (", message->account);
    for (size_t parameter = 0; parameter < parameter_count; parameter++) {
        const char *element = elements[parameter];
        if (parameter)
            *at++ = ',';
        if (!strcmp(element, "NULL"))
            at = stpcpy(at, element);
        else if (element[0] == '"')
            at += sprintf(at, "'%.*s'", (int)strlen(element) - 3, element + 2);
        else {
            *at++ = '\'';
            at = put_element(at, element, message, next_content, offset);
            *at++ = '\'';
        }
    }
    return at;
}

static char *put_arrays(char *at, session *const *batch, size_t count) {
    at = stpcpy(at, "EXECUTE mda_lock ('{");
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, i ? ",%" PRIu64 : "%" PRIu64, batch[i]->account);
    at = stpcpy(at, "}'); EXECUTE mda_store_plain (");
    for (size_t parameter = 0; parameter < parameter_count; parameter++) {
        uint64_t place = offset;
        at = stpcpy(at, parameter ? ",'{" : "'{");
        for (size_t i = 0; i < count; i++) {
            if (i)
                *at++ = ',';
            at = put_element(at, elements[parameter], batch[i], next_content + i, place);
            place += batch[i]->message;
        }
        at = stpcpy(at, "}'");
    }
    return at;
}

/* The statement's text; the batch's messages begin in the segment at `offset`. */
static void compose(session *const *batch, size_t count) {
    char *end = count == 1 ? put_values(statement, batch[0]) : put_arrays(statement, batch, count);
    strcpy(end, ")");
    next_content += count;
}

/* One fdatasync, one transaction, the replies. */
static void deliver(session *const *batch, size_t count) {
    struct iovec parts[SESSIONS];
    size_t octets = 0;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){batch[i]->buffer, batch[i]->message};
        octets += batch[i]->message;
    }
    if (pwritev(segment, parts, (int)count, (off_t)offset) != (ssize_t)octets || fdatasync(segment))
        fail("segment");
    compose(batch, count);
    offset += octets;
    if (rows_of(statement) != (int)count)
        fail("not every message was stored");
    for (size_t i = 0; i < count; i++) {
        session *one = batch[i];
        one->length -= one->message;
        memmove(one->buffer, one->buffer + one->message, one->length);
        one->in_data = one->is_whole = false;
        say(one, "250 2.0.0 stored\r\n");
    }
}

static void command(session *from, const char *line) {
    if (!strncasecmp(line, "LHLO", 4))
        say(from, "250-bare\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
    else if (!strncasecmp(line, "RCPT TO:<", 9)) {
        size_t number = strtoul(line + 9, NULL, 10);
        from->account = number < account_count ? accounts[number] : accounts[0];
        say(from, "250 2.1.5 Ok\r\n");
    } else if (!strncasecmp(line, "DATA", 4)) {
        from->in_data = true;
        say(from, "354 go on\r\n");
    } else if (!strncasecmp(line, "QUIT", 4))
        say(from, "221 2.0.0 Bye\r\n");
    else
        say(from, "250 2.0.0 Ok\r\n");
}

/* What has come, up to the end of a message, which waits for its delivery. */
static void take(session *from) {
    while (!from->is_whole && from->length) {
        if (from->in_data) {
            char *end = memmem(from->buffer, from->length, "\r\n.\r\n", 5);
            if (!end)
                return;
            from->message = (size_t)(end - from->buffer) + 5;
            from->is_whole = true;
            return;
        }
        char *end = memchr(from->buffer, '\n', from->length);
        if (!end)
            return;
        *end = '\0';
        command(from, from->buffer);
        from->length -= (size_t)(end + 1 - from->buffer);
        memmove(from->buffer, end + 1, from->length);
    }
}

static void receive(session *from, int poller) {
    ssize_t got = recv(from->fd, from->buffer + from->length, BUFFER - from->length, 0);
    if (got <= 0) {
        epoll_ctl(poller, EPOLL_CTL_DEL, from->fd, NULL);
        close(from->fd);
        *from = (session){.fd = -1, .buffer = from->buffer};
        return;
    }
    from->length += (size_t)got;
    take(from);
}

static void welcome(int listener, int poller) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        fail("accept");
    for (size_t i = 0; i < SESSIONS; i++)
        if (sessions[i].fd < 0) {
            struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &sessions[i]};
            sessions[i].fd = fd;
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
            say(&sessions[i], "220 bare LMTP\r\n");
            return;
        }
    fail("too many sessions");
}

static void serve(int listener) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event ended = {.events = EPOLLIN, .data.ptr = sessions + SESSIONS};
    session *batch[SESSIONS];
    size_t expected = 0;
    double patience = 0, until = 0;

    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &ended))
        fail("standard input is no pipe");
    for (;;) {
        struct epoll_event events[SESSIONS];
        size_t count = 0;
        for (size_t i = 0; i < SESSIONS; i++)
            if (sessions[i].fd >= 0 && sessions[i].is_whole)
                batch[count++] = &sessions[i];
        if (count && !until)
            until = now() + patience;
        double left = until - now();
        if (count && (count >= expected || left <= 0)) {
            double began = now();
            deliver(batch, count);
            patience = now() - began;
            if (patience > 0.01)
                patience = 0.01;
            until = 0;
            expected = count > expected ? count : (expected + count) / 2;
            for (size_t i = 0; i < count; i++)
                take(batch[i]);
            continue;
        }
        struct timespec wait = {0, (long)(left * 1e9)};
        int ready = epoll_pwait2(poller, events, SESSIONS, count ? &wait : NULL, NULL);
        for (int i = 0; i < ready; i++) {
            if (!events[i].data.ptr)
                welcome(listener, poller);
            else if (events[i].data.ptr == sessions + SESSIONS)
                return;
            else
                receive(events[i].data.ptr, poller);
        }
    }
}

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;
    char *text, *line, *rest;

    if (argc != 7 || strlen(argv[1]) >= sizeof address.sun_path) {
        fprintf(stderr, "usage: delivery_bare SOCKET SEGMENT CONNINFO SETUP ACCOUNTS ELEMENTS\n");
        return 2;
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        sessions[i].fd = -1;
        if (!(sessions[i].buffer = malloc(BUFFER)))
            fail("memory");
    }
    connection = PQconnectdb(argv[3]);
    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "delivery_bare: %s", PQerrorMessage(connection));
        return 1;
    }
    text = contents(argv[4], &length);
    for (char *at = text; at < text + length; at += strlen(at) + 1)
        rows_of(at);
    text = contents(argv[5], &length);
    for (line = strtok_r(text, "\n", &rest); line && account_count < ACCOUNTS; line = strtok_r(NULL, "\n", &rest))
        accounts[account_count++] = strtoull(line, NULL, 10);
    text = contents(argv[6], &length);
    for (line = strtok_r(text, "\n", &rest); line && parameter_count < PARAMETERS; line = strtok_r(NULL, "\n", &rest))
        elements[parameter_count++] = line;
    next_content = (uint64_t)time(NULL) * 1000000000;
    segment = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (segment < 0)
        fail(argv[2]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(address.sun_path, argv[1]);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || chmod(argv[1], 0666) ||
        listen(listener, 4096))
        fail(argv[1]);
    printf("ready\n");
    fflush(stdout);
    serve(listener);
    return 0;
}
