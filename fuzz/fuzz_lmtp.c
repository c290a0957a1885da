/* One LMTP connection, whole and cut anywhere: the same is said and the same messages come, within their bounds. */
#include "check.h"
#include "lmtp/connection.h"

enum { MESSAGE_OCTETS = 200, COMMAND_OCTETS = 80, RECIPIENTS = 3, NEVER = 100000 };

static const char ok[] = "250 ok\r\n", no[] = "500 no\r\n", go[] = "354 go\r\n";

typedef struct {
    lmtp_shared *shared;
    lmtp_connection *connection;
    lmtp_octets heard, messages;
} talk;

static lmtp_shared *begin(void) {
    static lmtp_shared shared;
    if (!shared.trusted_until) {
        static const uint8_t line[] = "RCPT TO:<known@d>";
        shared.limits = (lmtp_limits){.message_bytes = MESSAGE_OCTETS, .held_bytes = 1 << 20,
                                      .command_bytes = COMMAND_OCTETS, .recipients = RECIPIENTS};
        shared.replies = (lmtp_replies){ok, ok, ok, ok, go, ok, ok, ok, ok, ok, ok};
        shared.trusted_until = NEVER;
        lmtp_known_put(&shared.known, line, sizeof line - 1, 7, NEVER);
    }
    return &shared;
}

/* As the session behind it would, in few words: LHLO, RCPT, RSET and QUIT are understood. */
static const char *answer_line(lmtp_answer *answer, char kind, const uint8_t *line, uint32_t length) {
    if (kind != 'N' || length < 4) {
        return no;
    }
    if (memcmp(line, "RCPT", 4) == 0) {
        bool may = answer->state == LMTP_OPEN && answer->accepted < RECIPIENTS;
        answer->accepted += may;
        return may ? ok : no;
    }
    if (memcmp(line, "LHLO", 4) && memcmp(line, "RSET", 4) && memcmp(line, "QUIT", 4)) {
        return no;
    }
    answer->flags = line[0] == 'Q' ? LMTP_CLOSES : 0;
    answer->state = line[0] == 'L' || answer->state != LMTP_GREETED ? LMTP_READY : LMTP_GREETED;
    answer->accepted = 0;
    return ok;
}

static void answer(talk *talk, const lmtp_event *event) {
    lmtp_connection *connection = talk->connection;
    lmtp_answer answer = {.state = connection->state, .accepted = connection->accepted};
    lmtp_octets said = {0};
    uint32_t accepted = connection->accepted;
    for (uint64_t at = 0; at < event->lines_length;) {
        uint32_t length;
        check(event->lines_length - at >= 5);
        memcpy(&length, event->lines + at + 1, sizeof length);
        check(length <= event->lines_length - at - 5 && length <= COMMAND_OCTETS + 8);
        if (event->lines[at] == 'N' || event->lines[at] == 'L') {
            const char *reply = answer_line(&answer, (char)event->lines[at], event->lines + at + 5, length);
            check(lmtp_octets_add(&said, reply, strlen(reply)));
        }
        at += 5 + length;
    }
    if (event->kind == LMTP_MESSAGE) {
        check(accepted > 0 && accepted <= RECIPIENTS && event->length <= MESSAGE_OCTETS);
        check(event->recipient == 0 || (event->recipient == 7 && accepted == 1));
        check((uint64_t)event->path_start + event->path_length <= event->lines_length);
        check(lmtp_octets_add(&talk->messages, event->octets, event->length));
        check(lmtp_octets_add(&talk->messages, event->cause ? "-" : "+", 1));
        check(lmtp_octets_add(&said, ok, sizeof ok - 1));
        answer = (lmtp_answer){.state = LMTP_READY, .flags = LMTP_RESTS};
    }
    answer.length = (uint32_t)said.length;
    check(lmtp_connection_answer(connection, talk->shared, &answer, said.octets, 1));
    lmtp_octets_free(&said);
}

static void say(talk *talk, const uint8_t *octets, size_t length) {
    lmtp_connection *connection = talk->connection;
    if (connection->is_closing) {
        return;
    }
    check(lmtp_connection_feed(connection, talk->shared, octets, length, 1));
    enum lmtp_step step = LMTP_STEP_EVENT;
    while (step == LMTP_STEP_EVENT && !connection->is_closing) {
        lmtp_event event;
        step = lmtp_connection_advance(connection, talk->shared, 1, &event);
        if (step == LMTP_STEP_EVENT) {
            answer(talk, &event);
            free((void *)event.lines);
            free((void *)event.octets);
        }
    }
    check(step != LMTP_STEP_FAILED && talk->shared->held <= MESSAGE_OCTETS);
    check(lmtp_octets_add(&talk->heard, connection->output.octets, connection->output.length));
    connection->output.length = 0;
}

/* All of it in pieces of `piece` octets. */
static talk converse(const uint8_t *octets, size_t length, size_t piece) {
    talk talk = {.shared = begin(), .connection = calloc(1, sizeof(lmtp_connection))};
    check(talk.connection != NULL);
    talk.connection->is_trusted = true;
    for (size_t at = 0; at < length; at += piece) {
        say(&talk, octets + at, length - at < piece ? length - at : piece);
    }
    lmtp_connection_free(talk.connection, talk.shared);
    check(talk.shared->held == 0);
    return talk;
}

static void check_same(const lmtp_octets *one, const lmtp_octets *other) {
    check(one->length == other->length && (!one->length || memcmp(one->octets, other->octets, one->length) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    if (length < 1) {
        return 0;
    }
    talk whole = converse(input + 1, length - 1, length), cut = converse(input + 1, length - 1, 1 + input[0] % 9);
    check_same(&whole.heard, &cut.heard);
    check_same(&whole.messages, &cut.messages);
    lmtp_octets_free(&whole.heard);
    lmtp_octets_free(&whole.messages);
    lmtp_octets_free(&cut.heard);
    lmtp_octets_free(&cut.messages);
    return 0;
}
