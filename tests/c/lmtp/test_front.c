/* The thread: many connections at once, answered from another; a drain; a cut. */
#include "front.h"

#include "../check.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PEERS = 8, MESSAGES = 60 };

static const lmtp_replies replies = {
    "220 hello\r\n", "250 ok\r\n", "250 sender\r\n", "250 recipient\r\n", "354 go\r\n", "421 idle\r\n", "421 slow\r\n",
    "421 bye\r\n", NULL, NULL, NULL};
static const lmtp_limits limits = {.message_bytes = 1 << 20, .held_bytes = 1 << 24, .command_bytes = 2000,
                                   .recipients = 10, .idle_ms = 60000, .data_ms = 60000, .fresh_ms = 60000};

/* Reads up to the end of a line that begins with `code`, or the end of the stream. */
static int hear(int descriptor, const char *code) {
    char line[200];
    size_t length = 0;
    for (;;) {
        char octet;
        if (read(descriptor, &octet, 1) != 1) {
            return 0;
        }
        line[length++] = octet;
        CHECK(length < sizeof line);
        if (octet == '\n') {
            if (strncmp(line, code, strlen(code)) == 0) {
                return 1;
            }
            length = 0;
        }
    }
}

static void say(int descriptor, const char *text) {
    CHECK(write(descriptor, text, strlen(text)) == (ssize_t)strlen(text));
}

static void *speak(void *argument) {
    int descriptor = *(int *)argument;
    CHECK(hear(descriptor, "220 "));
    say(descriptor, "LHLO x\r\n");
    CHECK(hear(descriptor, "250 lhlo"));
    for (int message = 0; message < MESSAGES; message++) {
        say(descriptor, "MAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nDATA\r\n");
        CHECK(hear(descriptor, "354 "));
        say(descriptor, "Subject: x\r\n\r\nhello\r\n.\r\n");
        CHECK(hear(descriptor, "250 saved"));
    }
    CHECK(hear(descriptor, "421 bye"));
    CHECK(!hear(descriptor, "2"));
    close(descriptor);
    return NULL;
}

static size_t pack(uint8_t *out, uint64_t connection, const char *said, uint32_t state, uint32_t flags) {
    lmtp_answer answer = {.connection = connection, .length = (uint32_t)strlen(said), .state = state, .flags = flags};
    memcpy(out, &answer, sizeof answer);
    memcpy(out + sizeof answer, said, strlen(said));
    return sizeof answer + strlen(said);
}

/* As many octets as the message has, each the first letter of its reader's name. */
static uint8_t *read_message(void *reader, const uint8_t *octets, uint64_t length, uint64_t *found) {
    uint8_t *out = malloc(length);
    CHECK(out && octets);
    memset(out, *(const char *)reader, length);
    *found = length;
    return out;
}

/* Answers until all connections have gone; how many messages came. */
static unsigned serve(lmtp_front *front, unsigned peers) {
    unsigned messages = 0;
    while (peers) {
        struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
        CHECK(poll(&ready, 1, 60000) == 1);
        uint32_t count;
        const lmtp_event *events = lmtp_front_take(front, &count);
        uint8_t answers[PEERS * 100];
        size_t length = 0;
        for (uint32_t index = 0; index < count; index++) {
            const lmtp_event *event = events + index;
            if (event->kind == LMTP_GONE) {
                peers--;
            } else if (event->kind == LMTP_LINES) {
                length += pack(answers + length, event->connection, "250 lhlo\r\n", LMTP_READY, 0);
            } else {
                CHECK(event->recipient == 5 && event->length == 21);
                CHECK(memcmp(event->octets, "Subject: x\r\n\r\nhello\r\n", 21) == 0);
                CHECK(!event->found || (event->found_length == 21 && event->found[20] == "eo"[event->reading % 2]));
                messages++;
                length += pack(answers + length, event->connection, "250 saved\r\n", LMTP_READY, LMTP_RESTS);
            }
        }
        CHECK(lmtp_front_answer(front, answers, (uint32_t)length));
        lmtp_front_drop(front);
        lmtp_front_read(front, read_message, messages % 2 ? "odd" : "even", messages, 100);
        if (messages == PEERS * MESSAGES) {
            CHECK(lmtp_front_leave(front));
        }
    }
    return messages;
}

static int connect_to(lmtp_front *front) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK(lmtp_front_add(front, pair[0], 1));
    return pair[1];
}

static lmtp_front *front_that_knows(void) {
    lmtp_front *front = lmtp_front_new(&limits, &replies);
    static const uint8_t line[] = "RCPT TO:<known@d>";
    CHECK(front && lmtp_front_trust(front, UINT64_MAX));
    CHECK(lmtp_front_know(front, line, sizeof line - 1, 5, UINT64_MAX));
    return front;
}

static void test_many(void) {
    lmtp_front *front = front_that_knows();
    pthread_t threads[PEERS];
    int descriptors[PEERS];
    for (int peer = 0; peer < PEERS; peer++) {
        descriptors[peer] = connect_to(front);
        CHECK(pthread_create(threads + peer, NULL, speak, descriptors + peer) == 0);
    }
    CHECK(serve(front, PEERS) == PEERS * MESSAGES);
    for (int peer = 0; peer < PEERS; peer++) {
        pthread_join(threads[peer], NULL);
    }
    while (!lmtp_front_rests(front)) {
        poll(NULL, 0, 1);
    }
    CHECK(lmtp_front_held(front) == 0);
    lmtp_front_free(front);
}

/* Sends a message to the recipient that is known, and waits for its event. */
static const lmtp_event *event_of_message(lmtp_front *front, int descriptor) {
    say(descriptor, "MAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nDATA\r\nhello\r\n.\r\n");
    struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
    CHECK(poll(&ready, 1, 60000) == 1);
    uint32_t count;
    const lmtp_event *event = lmtp_front_take(front, &count);
    CHECK(count == 1 && event->kind == LMTP_MESSAGE && event->length == 7);
    return event;
}

static void begin_session(lmtp_front *front, int descriptor) {
    say(descriptor, "LHLO x\r\n");
    struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
    CHECK(poll(&ready, 1, 60000) == 1);
    uint32_t count;
    uint64_t connection = lmtp_front_take(front, &count)->connection;
    uint8_t answer[100];
    CHECK(lmtp_front_answer(front, answer, (uint32_t)pack(answer, connection, "250 lhlo\r\n", LMTP_READY, 0)));
    CHECK(hear(descriptor, "250 lhlo"));
}

static lmtp_front *front_with_sessions(int *sessions, int count) {
    lmtp_front *front = front_that_knows();
    for (int session = 0; session < count; session++) {
        sessions[session] = connect_to(front);
        begin_session(front, sessions[session]);
    }
    return front;
}

static void end_sessions(lmtp_front *front, const int *sessions, int count) {
    lmtp_front_free(front);
    for (int session = 0; session < count; session++) {
        close(sessions[session]);
    }
}

/* Only what comes beside others, is not too long, and while there is a reader. */
static void test_read(void) {
    enum { SESSIONS = 4 };
    int sessions[SESSIONS];
    lmtp_front *front = front_with_sessions(sessions, SESSIONS);
    lmtp_front_read(front, read_message, "a", 7, 7);
    CHECK(!event_of_message(front, sessions[0])->found);
    const lmtp_event *event = event_of_message(front, sessions[1]);
    CHECK(event->found && event->found_length == 7 && memcmp(event->found, "aaaaaaa", 7) == 0 && event->reading == 7);
    lmtp_front_read(front, read_message, "a", 8, 6);
    CHECK(!event_of_message(front, sessions[2])->found);
    lmtp_front_read(front, NULL, NULL, 9, 7);
    CHECK(!event_of_message(front, sessions[3])->found);
    end_sessions(front, sessions, SESSIONS);
}

static atomic_bool is_reading, may_go_on;

static uint64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static uint8_t *read_slowly(void *reader, const uint8_t *octets, uint64_t length, uint64_t *found) {
    atomic_store(&is_reading, true);
    while (!atomic_load(&may_go_on)) {
        poll(NULL, 0, 1);
    }
    poll(NULL, 0, 5);
    return read_message(reader, octets, length, found);
}

/* What has come meanwhile is in one round, of which the first takes too long already. */
static void test_reading_holds_no_round_up(void) {
    enum { SESSIONS = 5 };
    int sessions[SESSIONS];
    lmtp_front *front = front_with_sessions(sessions, SESSIONS);
    CHECK(!event_of_message(front, sessions[0])->found);
    lmtp_front_read(front, read_slowly, "s", 7, 7);
    uint64_t before = clock_ns();
    for (int session = 1; session < SESSIONS; session++) {
        say(sessions[session], "MAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nDATA\r\nhello\r\n.\r\n");
        while (!atomic_load(&is_reading)) {
            poll(NULL, 0, 1);
        }
    }
    uint64_t since = lmtp_front_busy_since(front);
    CHECK(since >= before && since <= clock_ns());
    atomic_store(&may_go_on, true);
    unsigned messages = 0, found = 0;
    while (messages < SESSIONS - 1) {
        struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
        CHECK(poll(&ready, 1, 60000) == 1);
        uint32_t count;
        const lmtp_event *events = lmtp_front_take(front, &count);
        for (uint32_t index = 0; index < count; index++) {
            found += events[index].found != NULL;
        }
        messages += count;
    }
    CHECK(found == 2);
    while (lmtp_front_busy_since(front)) {
        poll(NULL, 0, 1);
    }
    end_sessions(front, sessions, SESSIONS);
}

/* With an event that nobody has answered, and one that nobody has taken. */
static void test_freed_in_the_middle(void) {
    lmtp_front *front = lmtp_front_new(&limits, &replies);
    CHECK(front);
    int first = connect_to(front), second = connect_to(front);
    say(first, "LHLO x\r\n");
    struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
    CHECK(poll(&ready, 1, 60000) == 1);
    uint32_t count;
    lmtp_front_take(front, &count);
    say(second, "LHLO x\r\n");
    CHECK(poll(&ready, 1, 60000) == 1);
    CHECK(lmtp_front_abort(front));
    uint8_t answer[100];
    size_t length = pack(answer, 99, "250 nobody\r\n", LMTP_READY, 0);
    CHECK(lmtp_front_answer(front, answer, (uint32_t)length));
    lmtp_front_forget(front);
    lmtp_front_free(front);
    CHECK(!hear(first, "250") && !hear(second, "250"));
    close(first);
    close(second);
}

/* As a child does between fork and exec: the socket stays in the epoll set where it is only closed. */
static void test_socket_that_another_holds(void) {
    lmtp_front *front = lmtp_front_new(&limits, &replies);
    CHECK(front);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    int held = dup(pair[0]);
    CHECK(held >= 0 && lmtp_front_add(front, pair[0], 1) && hear(pair[1], "220 "));
    CHECK(lmtp_front_abort(front));
    struct pollfd ready = {.fd = lmtp_front_descriptor(front), .events = POLLIN};
    CHECK(poll(&ready, 1, 60000) == 1); /* gone */
    say(pair[1], "NOOP\r\n");
    poll(NULL, 0, 50);
    lmtp_front_free(front);
    close(held);
    close(pair[1]);
}

int main(void) {
    test_many();
    test_read();
    test_reading_holds_no_round_up();
    test_freed_in_the_middle();
    test_socket_that_another_holds();
    return 0;
}
