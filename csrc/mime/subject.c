/* The base subject; see subject.h. Only positions move, so that ten thousand "re:" or "[fwd:" cost linear time. */
#include "subject.h"

#include "octets.h"

/* Whether `word`, ASCII in lower case, stands at `at`, whatever its case. */
static int subject_has(const uint8_t *text, size_t at, size_t end, const char *word) {
    for (; *word; word++, at++)
        if (at >= end || octet_lower(text[at]) != (uint8_t)*word) return 0;
    return 1;
}

static size_t subject_past_spaces(const uint8_t *text, size_t at, size_t end) {
    while (at < end && text[at] == ' ') at++;
    return at;
}

/* Behind a `[blob]` and its spaces; `at` where there is none. */
static size_t subject_past_blob(const uint8_t *text, size_t at, size_t end) {
    size_t close = at;
    if (at >= end || text[at] != '[') return at;
    do close++;
    while (close < end && text[close] != '[' && text[close] != ']');
    return close < end && text[close] == ']' ? subject_past_spaces(text, close + 1, end) : at;
}

/* Behind a leader, as `Re :` or `fwd [blob]:`; `at` where there is none. */
static size_t subject_past_leader(const uint8_t *text, size_t at, size_t end) {
    size_t next = subject_has(text, at, end, "re")    ? at + 2
                  : subject_has(text, at, end, "fwd") ? at + 3
                  : subject_has(text, at, end, "fw")  ? at + 2
                                                      : at;
    if (next == at) return at;
    next = subject_past_blob(text, subject_past_spaces(text, next, end), end);
    return next < end && text[next] == ':' ? next + 1 : at;
}

/* Steps 3 to 5: spaces, leaders and blobs, but the last blob stays when nothing follows it. */
static size_t subject_past_leaders(const uint8_t *text, size_t at, size_t end) {
    while (at < end) {
        size_t next = subject_past_spaces(text, at, end);
        if (next == at) next = subject_past_leader(text, at, end);
        if (next == at) {
            next = subject_past_blob(text, at, end);
            if (next == end) return at;
        }
        if (next == at) return at;
        at = next;
    }
    return at;
}

/* Step 2: spaces and `(fwd)` at the end. */
static size_t subject_before_trailers(const uint8_t *text, size_t start, size_t end) {
    while (end > start) {
        if (text[end - 1] == ' ') end--;
        else if (end - start >= 5 && subject_has(text, end - 5, end, "(fwd)")) end -= 5;
        else break;
    }
    return end;
}

/* Step 1: runs of white space are one space, in the scratch store. */
static void subject_collapse(mime_state *state, mime_span subject) {
    state->scratch.length = 0;
    if (span_is_absent(subject)) return;
    for (uint32_t i = 0; i < subject.length && !store_failed(state); i++) {
        uint8_t byte = state->text.bytes[subject.offset + i];
        int is_white = byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
        if (!is_white) store_byte(state, &state->scratch, byte);
        else if (!state->scratch.length || state->scratch.bytes[state->scratch.length - 1] != ' ')
            store_byte(state, &state->scratch, ' ');
    }
}

mime_span subject_base(mime_state *state, mime_span subject) {
    subject_collapse(state, subject);
    const uint8_t *text = state->scratch.bytes;
    size_t length = state->scratch.length, start = 0, end = length;
    while (!store_failed(state)) {
        end = subject_before_trailers(text, start, end);
        start = subject_past_leaders(text, start, end);
        if (start >= end || text[end - 1] != ']' || !subject_has(text, start, length, "[fwd:")) break;
        start += 5;
        end--;
    }
    return (mime_span){(uint32_t)start, (uint32_t)(end - start)};
}
