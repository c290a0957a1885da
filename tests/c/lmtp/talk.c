#define _GNU_SOURCE
#include "talk.h"

#include "../check.h"

#define TEXT(text) (const uint8_t *)text, sizeof text - 1

static const lmtp_replies replies = {
    "220 hello\r\n", "250 ok\r\n", "250 sender\r\n", "250 recipient\r\n", "354 go\r\n", "421 idle\r\n", "421 slow\r\n",
    "421 bye\r\n", NULL, NULL, NULL};

lmtp_shared *talk_shared(void) {
    lmtp_shared *shared = calloc(1, sizeof *shared);
    CHECK(shared);
    shared->limits = (lmtp_limits){.message_bytes = 100, .held_bytes = 1000, .command_bytes = 60, .recipients = 3};
    shared->replies = replies;
    shared->trusted_until = 1000;
    lmtp_known_put(&shared->known, TEXT("RCPT TO:<known@d>"), 7, 1000);
    return shared;
}

void talk_begin(talk *talk, lmtp_shared *shared) {
    *talk = (struct talk){.shared = shared, .connection = calloc(1, sizeof(lmtp_connection))};
    talk->has_failed = !talk->connection;
    if (talk->connection) {
        talk->connection->is_trusted = true;
    }
}

static void keep(talk *talk, lmtp_octets *list, const void *octets, size_t length) {
    talk->has_failed = talk->has_failed || !lmtp_octets_add(list, octets, length);
}

/* The entries of the event, a letter each, its recipient and its message. */
static void describe(talk *talk, const lmtp_event *event) {
    char head[80];
    int length = snprintf(head, sizeof head, "%u %u %llu %.*s ", event->kind, event->cause,
                          (unsigned long long)event->recipient, (int)event->path_length,
                          event->lines ? (const char *)event->lines + event->path_start : "");
    keep(talk, &talk->events, head, (size_t)length);
    for (uint64_t at = 0; at < event->lines_length;) {
        uint32_t octets;
        keep(talk, &talk->events, event->lines + at, 1);
        memcpy(&octets, event->lines + at + 1, sizeof octets);
        at += 5 + octets;
        CHECK(at <= event->lines_length);
    }
    keep(talk, &talk->events, event->octets, event->length);
    keep(talk, &talk->events, "\n", 1);
}

/* Of the last line of the event: LHLO, RCPT and DATA as if all went well, anything else is refused. */
static lmtp_answer to_lines(const lmtp_connection *connection, const lmtp_event *event, const char **said) {
    lmtp_answer answer = {.state = connection->state, .accepted = connection->accepted};
    *said = "500 what\r\n";
    const uint8_t *octets = event->lines;
    for (uint64_t at = 0; at < event->lines_length;) {
        uint32_t length;
        memcpy(&length, octets + at + 1, sizeof length);
        const char *line = (const char *)octets + at + 5;
        if (octets[at] == 'N' && length >= 4 && !memcmp(line, "LHLO", 4)) {
            answer.state = LMTP_READY;
            *said = "250 lhlo\r\n";
        } else if (octets[at] == 'N' && length >= 4 && !memcmp(line, "RCPT", 4) && answer.state == LMTP_OPEN) {
            answer.accepted++;
            *said = "250 asked\r\n";
        } else if (octets[at] == 'N' && length == 4 && !memcmp(line, "QUIT", 4)) {
            answer.flags = LMTP_CLOSES;
            *said = "221 quit\r\n";
        } else if (octets[at] == 'N' && length == 6 && !memcmp(line, "DATA  ", 6)) {
            answer.flags = LMTP_COLLECTS;
            *said = "354 go on\r\n";
        }
        at += 5 + length;
    }
    return answer;
}

static void answer(talk *talk, const lmtp_event *event) {
    lmtp_connection *connection = talk->connection;
    const char *said = "250 saved\r\n";
    lmtp_answer answer = {.state = LMTP_READY, .flags = LMTP_RESTS};
    if (event->kind == LMTP_LINES) {
        answer = to_lines(connection, event, &said);
    }
    answer.length = (uint32_t)strlen(said);
    talk->has_failed =
        talk->has_failed || !lmtp_connection_answer(connection, talk->shared, &answer, (const uint8_t *)said, 1);
}

static void go_on(talk *talk) {
    lmtp_connection *connection = talk->connection;
    enum lmtp_step step = LMTP_STEP_EVENT;
    while (step == LMTP_STEP_EVENT && !talk->has_failed && !connection->is_closing) {
        lmtp_event event = {0};
        step = lmtp_connection_advance(connection, talk->shared, 1, &event);
        if (step == LMTP_STEP_EVENT) {
            CHECK(connection->is_waiting);
            describe(talk, &event);
            answer(talk, &event);
            free((void *)event.lines);
            free((void *)event.octets);
        }
    }
    talk->has_failed = talk->has_failed || step == LMTP_STEP_FAILED;
    keep(talk, &talk->heard, connection->output.octets, connection->output.length);
    connection->output.length = 0;
}

void talk_say(talk *talk, const char *octets, size_t length) {
    if (talk->has_failed || talk->connection->is_closing) {
        return;
    }
    void *copy; /* of its very length, and of memory that does not fail */
    CHECK(posix_memalign(&copy, 16, length) == 0);
    memcpy(copy, octets, length);
    talk->has_failed = !lmtp_connection_feed(talk->connection, talk->shared, copy, length, 1);
    free(copy);
    if (!talk->has_failed) {
        go_on(talk);
    }
}

void talk_end(talk *talk) {
    if (talk->connection) {
        lmtp_connection_free(talk->connection, talk->shared);
    }
    lmtp_octets_free(&talk->heard);
    lmtp_octets_free(&talk->events);
    CHECK(talk->shared->held == 0);
}
