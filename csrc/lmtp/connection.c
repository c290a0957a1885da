#include "connection.h"

#include "command.h"

#include <stdlib.h>
#include <string.h>

enum {
    KIND = 1,
    LENGTH = 4,
    NUMBER = 8,
    NOTED = 32768 /* octets of lines that are kept for the next event before it comes whatever they are */
};

static void put_little(uint8_t *out, uint64_t value, size_t count) {
    for (size_t at = 0; at < count; at++) {
        out[at] = (uint8_t)(value >> (8 * at));
    }
}

/* Adds an entry to the lines; a `recipient` that is not 0 goes in front of its octets. */
static bool note(lmtp_connection *connection, char kind, const uint8_t *line, size_t length, uint64_t recipient) {
    uint8_t head[KIND + LENGTH + NUMBER] = {(uint8_t)kind};
    size_t number = recipient ? NUMBER : 0;
    put_little(head + KIND, length + number, LENGTH);
    put_little(head + KIND + LENGTH, recipient, NUMBER);
    return lmtp_octets_add(&connection->lines, head, KIND + LENGTH + number) &&
           lmtp_octets_add(&connection->lines, line, length);
}

bool lmtp_connection_say(lmtp_connection *connection, const char *reply) {
    return lmtp_octets_add(&connection->output, reply, strlen(reply));
}

void lmtp_connection_forget_message(lmtp_connection *connection, lmtp_shared *shared) {
    lmtp_octets_free(&connection->collector.message);
    shared->held -= connection->held;
    connection->held = 0;
    connection->is_collecting = false;
}

void lmtp_connection_free(lmtp_connection *connection, lmtp_shared *shared) {
    lmtp_connection_forget_message(connection, shared);
    lmtp_octets_free(&connection->input);
    lmtp_octets_free(&connection->output);
    lmtp_octets_free(&connection->lines);
    free(connection);
}

/* What the message holds now counts; beyond the bound of all it is not kept, which costs its peer another try, where
 * waiting could deadlock messages that have come half against each other. */
static void count_held(lmtp_connection *connection, lmtp_shared *shared) {
    uint64_t held = connection->collector.message.length;
    shared->held += held - connection->held;
    if (held > connection->held && shared->held > shared->limits.held_bytes) {
        shared->held -= held;
        held = 0;
        lmtp_collector_discard(&connection->collector);
    }
    connection->held = held;
}

/* Octets of the message; what lies behind its end stays for `input`. */
static bool collect(
    lmtp_connection *connection, lmtp_shared *shared, const uint8_t *octets, size_t length, size_t *taken) {
    enum lmtp_collected found = lmtp_collector_feed(&connection->collector, octets, length, taken);
    count_held(connection, shared);
    if (found == LMTP_COLLECTED_WHOLE) {
        connection->is_collecting = false;
        connection->has_message = true;
    }
    return found != LMTP_COLLECTED_NOTHING;
}

bool lmtp_connection_feed(
    lmtp_connection *connection, lmtp_shared *shared, const uint8_t *octets, size_t length, uint64_t now) {
    size_t taken = 0;
    connection->heard_at = now;
    if (connection->is_collecting && !connection->input.length &&
        !collect(connection, shared, octets, length, &taken)) {
        return false;
    }
    return lmtp_octets_add(&connection->input, octets + taken, length - taken);
}

static void begin_collecting(lmtp_connection *connection, lmtp_shared *shared, uint64_t now) {
    lmtp_collector_begin(&connection->collector, shared->limits.message_bytes);
    connection->is_collecting = true;
    connection->data_at = now;
}

static bool begins_transaction(
    lmtp_connection *connection, const lmtp_shared *shared, const uint8_t *line, size_t length) {
    size_t start, path;
    if (connection->state != LMTP_READY ||
        !lmtp_is_plain_mail(line, length, shared->limits.message_bytes, &start, &path)) {
        return false;
    }
    connection->path_start = (uint32_t)(connection->lines.length + KIND + LENGTH + start);
    connection->path_length = (uint32_t)path;
    connection->state = LMTP_OPEN;
    connection->is_whole = true;
    connection->accepted = 0;
    connection->recipient = 0;
    return true;
}

static uint64_t known_recipient(
    const lmtp_connection *connection, const lmtp_shared *shared, const uint8_t *line, size_t length, uint64_t now) {
    bool may = connection->state == LMTP_OPEN && connection->accepted < shared->limits.recipients &&
               now < shared->trusted_until;
    return may ? lmtp_known_find(&shared->known, line, length, now) : 0;
}

/* Postfix asks so whether a connection is still good before it uses it again. Behind the replies to a message nothing
 * is left to be reset, so that nobody need be told. */
static bool asks_to_go_on(
    const lmtp_connection *connection, const lmtp_shared *shared, const uint8_t *line, size_t length) {
    return connection->is_at_rest && !shared->is_leaving && lmtp_is_rset(line, length);
}

enum answered { NOT_ANSWERED, ANSWERED, NO_MEMORY };

static enum answered said(bool is_noted, bool is_said) {
    return is_noted && is_said ? ANSWERED : NO_MEMORY;
}

/* Answers a line that needs nobody's help. */
static enum answered answer_line(
    lmtp_connection *connection, lmtp_shared *shared, const uint8_t *line, size_t length, uint64_t now) {
    const lmtp_replies *replies = &shared->replies;
    if (connection->lines.length > NOTED) {
        return NOT_ANSWERED;
    }
    if (lmtp_is_rcpt(line, length)) {
        uint64_t recipient = known_recipient(connection, shared, line, length, now);
        if (!recipient) {
            return NOT_ANSWERED;
        }
        if (!connection->accepted++) {
            connection->recipient = recipient;
        }
        return said(note(connection, 'R', line, length, recipient),
                    lmtp_connection_say(connection, replies->recipient_ok));
    }
    if (replies->bye && lmtp_is_quit(line, length)) {
        connection->is_closing = true;
        return said(true, lmtp_connection_say(connection, replies->bye));
    }
    if (asks_to_go_on(connection, shared, line, length)) {
        return said(true, lmtp_connection_say(connection, replies->ok));
    }
    const char *hello = connection->is_trusted ? replies->hello_trusted : replies->hello;
    if (hello && connection->state == LMTP_GREETED && lmtp_is_plain_lhlo(line, length)) {
        connection->state = LMTP_READY;
        return said(note(connection, 'H', line, length, 0), lmtp_connection_say(connection, hello));
    }
    if (begins_transaction(connection, shared, line, length)) {
        return said(note(connection, 'M', line, length, 0), lmtp_connection_say(connection, replies->sender_ok));
    }
    if (connection->state == LMTP_OPEN && connection->accepted && lmtp_is_data(line, length)) {
        begin_collecting(connection, shared, now);
        return said(note(connection, 'D', line, length, 0), lmtp_connection_say(connection, replies->start_mail));
    }
    if (connection->is_trusted && connection->state == LMTP_READY && lmtp_is_plain_xforward(line, length)) {
        return said(note(connection, 'X', line, length, 0), lmtp_connection_say(connection, replies->ok));
    }
    return NOT_ANSWERED;
}

/* A line of the input: where it ends without CRLF, `next` where the one behind it begins. */
typedef struct {
    size_t start, length, next;
    bool is_too_long;
} input_line;

static const uint8_t *find_end(const uint8_t *octets, size_t length) {
    const uint8_t *at = octets, *end = octets + length;
    while (at < end && (at = memchr(at, '\r', (size_t)(end - at)))) {
        if (at + 1 < end && at[1] == '\n') {
            return at;
        }
        at++;
    }
    return NULL;
}

/* The first line at `start`; false where none has come whole. */
static bool find_line(const lmtp_connection *connection, const lmtp_shared *shared, size_t start, input_line *line) {
    const lmtp_octets *input = &connection->input;
    const uint8_t *end = start < input->length ? find_end(input->octets + start, input->length - start) : NULL;
    if (!end) {
        return false;
    }
    line->start = start;
    line->length = (size_t)(end - input->octets) - start;
    line->next = start + line->length + 2;
    line->is_too_long = (start == 0 && connection->is_swallowing) || line->length > shared->limits.command_bytes;
    return true;
}

/* Forgets the begin of a line that is too long already, but for a CR that may be half of its end. */
static void swallow(lmtp_connection *connection, const lmtp_shared *shared) {
    if (connection->input.length > (size_t)shared->limits.command_bytes + 1) {
        connection->is_swallowing = true;
        lmtp_octets_drop(&connection->input, connection->input.length - 1);
    }
}

static bool note_line(lmtp_connection *connection, const input_line *line) {
    const uint8_t *octets = connection->input.octets + line->start;
    return line->is_too_long ? note(connection, 'L', octets, 0, 0) : note(connection, 'N', octets, line->length, 0);
}

static bool is_rcpt(const lmtp_connection *connection, const input_line *line) {
    return !line->is_too_long && lmtp_is_rcpt(connection->input.octets + line->start, line->length);
}

static void hand_over(lmtp_connection *connection, lmtp_event *event, uint32_t kind) {
    *event = (lmtp_event){
        .connection = connection->number,
        .kind = kind,
        .lines = connection->lines.octets,
        .lines_length = connection->lines.length,
    };
    connection->lines = (lmtp_octets){0};
    connection->is_waiting = true;
    connection->is_at_rest = false;
}

/* Hands over the line that begins at 0, and the RCPTs behind it where it is one. */
static enum lmtp_step hand_over_lines(
    lmtp_connection *connection, const lmtp_shared *shared, input_line line, lmtp_event *event) {
    bool is_list = is_rcpt(connection, &line);
    size_t next = line.next;
    if (!note_line(connection, &line)) {
        return LMTP_STEP_FAILED;
    }
    for (size_t count = 1; is_list && count < LMTP_TOGETHER; count++) {
        if (!find_line(connection, shared, next, &line) || !is_rcpt(connection, &line)) {
            break;
        }
        if (!note_line(connection, &line)) {
            return LMTP_STEP_FAILED;
        }
        next = line.next;
    }
    lmtp_octets_drop(&connection->input, next);
    connection->is_swallowing = false;
    connection->is_whole = false;
    hand_over(connection, event, LMTP_LINES);
    return LMTP_STEP_EVENT;
}

static enum lmtp_step hand_over_message(lmtp_connection *connection, lmtp_event *event) {
    const lmtp_collector *collector = &connection->collector;
    hand_over(connection, event, LMTP_MESSAGE);
    connection->has_message = false;
    event->cause = !collector->is_discarded ? LMTP_KEPT : collector->is_too_large ? LMTP_TOO_LARGE : LMTP_OVERLOADED;
    event->octets = collector->message.octets;
    event->length = collector->message.length;
    connection->collector.message = (lmtp_octets){0};
    if (connection->is_whole && connection->accepted == 1) {
        event->recipient = connection->recipient;
        event->path_start = connection->path_start;
        event->path_length = connection->path_length;
    }
    return LMTP_STEP_EVENT;
}

/* The line at `at`, if it has come whole: answered, and `at` behind it, or handed over. */
static enum lmtp_step act_on_line(
    lmtp_connection *connection, lmtp_shared *shared, size_t *at, uint64_t now, lmtp_event *event) {
    input_line line;
    if (!find_line(connection, shared, *at, &line)) {
        return LMTP_STEP_NONE;
    }
    enum answered answered = NOT_ANSWERED;
    if (!line.is_too_long) {
        answered = answer_line(connection, shared, connection->input.octets + *at, line.length, now);
    }
    if (answered == ANSWERED) {
        connection->is_at_rest = false;
        *at = line.next;
        return connection->is_closing ? LMTP_STEP_NONE : LMTP_STEP_FURTHER;
    }
    if (answered == NO_MEMORY) {
        return LMTP_STEP_FAILED;
    }
    lmtp_octets_drop(&connection->input, *at);
    *at = 0;
    find_line(connection, shared, 0, &line);
    return hand_over_lines(connection, shared, line, event);
}

static enum lmtp_step act_on_message(lmtp_connection *connection, lmtp_shared *shared) {
    size_t taken = 0;
    if (!collect(connection, shared, connection->input.octets, connection->input.length, &taken)) {
        return LMTP_STEP_FAILED;
    }
    lmtp_octets_drop(&connection->input, taken);
    return connection->has_message ? LMTP_STEP_FURTHER : LMTP_STEP_NONE;
}

enum lmtp_step lmtp_connection_advance(
    lmtp_connection *connection, lmtp_shared *shared, uint64_t now, lmtp_event *event) {
    enum lmtp_step step = LMTP_STEP_FURTHER;
    size_t at = 0; /* up to here the input has been acted upon */
    while (step == LMTP_STEP_FURTHER) {
        if (connection->has_message) {
            step = hand_over_message(connection, event);
        } else if (connection->is_collecting) {
            lmtp_octets_drop(&connection->input, at);
            at = 0;
            step = act_on_message(connection, shared);
        } else {
            step = act_on_line(connection, shared, &at, now, event);
        }
    }
    lmtp_octets_drop(&connection->input, at);
    if (step == LMTP_STEP_NONE && !connection->is_collecting) {
        swallow(connection, shared);
    }
    return step;
}

bool lmtp_connection_answer(
    lmtp_connection *connection, lmtp_shared *shared, const lmtp_answer *answer, const uint8_t *octets, uint64_t now) {
    connection->is_waiting = false;
    connection->heard_at = now;
    connection->state = answer->state;
    connection->accepted = answer->accepted;
    connection->is_at_rest = answer->flags & LMTP_RESTS;
    connection->is_closing = connection->is_closing || answer->flags & LMTP_CLOSES;
    lmtp_connection_forget_message(connection, shared);
    if (answer->flags & LMTP_COLLECTS) {
        begin_collecting(connection, shared, now);
    }
    return lmtp_octets_add(&connection->output, octets, answer->length);
}
