/* Message ids; see message_id.h. */
#include "message_id.h"

#include "header.h"
#include "lexer.h"
#include "octets.h"

/* The next <id> of the value, white space inside of it still there; 0 at the end. */
static int message_id_next(lexer *cursor, lexer *id) {
    const uint8_t *open = cursor->at < cursor->end ? memchr(cursor->at, '<', (size_t)(cursor->end - cursor->at)) : NULL;
    if (!open) return 0;
    const uint8_t *close = memchr(open, '>', (size_t)(cursor->end - open));
    if (!close) return 0;
    /* QUIRK: an id that lost its '>' is followed by the next '<'. */
    for (const uint8_t *again = open + 1; (again = memchr(again, '<', (size_t)(close - again))) != NULL;) open = again++;
    *id = (lexer){open + 1, close};
    cursor->at = close + 1;
    return 1;
}

/* Folds and white space are no part of an id. */
static void message_id_append(mime_state *state, lexer id) {
    for (const uint8_t *at = id.at; at < id.end; at++)
        if (!octet_is_space(*at)) text_byte(state, *at);
}

mime_span message_id_read(mime_state *state, uint32_t part) {
    const mime_header *header = header_first(state, &state->parts[part], MIME_FIELD_MESSAGE_ID);
    if (!header) return span_absent();
    lexer cursor, id;
    uint32_t from = state->text.length;
    cursor.at = header_value(state, header, &cursor.end);
    /* QUIRK: an id without angle brackets is the whole value. */
    if (!message_id_next(&cursor, &id)) id = cursor;
    message_id_append(state, id);
    return state->text.length > from ? text_since(state, from) : span_absent();
}

static lexer message_id_cursor(const mime_state *state, uint32_t part, mime_field field) {
    const mime_header *header = header_first(state, &state->parts[part], field);
    lexer cursor = {NULL, NULL};
    if (header) cursor.at = header_value(state, header, &cursor.end);
    return cursor;
}

/* Whether the id at `id` to the end of the text store stands in the list before it already. */
static int message_id_is_known(const mime_state *state, uint32_t from, uint32_t id) {
    const uint8_t *text = state->text.bytes, *at = text + from, *list_end = text + id;
    size_t length = state->text.length - id;
    while (at < list_end) {
        const uint8_t *lf = memchr(at, '\n', (size_t)(list_end - at));
        if ((size_t)(lf - at) == length && memcmp(at, text + id, length) == 0) return 1;
        at = lf + 1;
    }
    return 0;
}

mime_span message_id_read_references(mime_state *state, uint32_t part) {
    static const mime_field FIELDS[] = {MIME_FIELD_REFERENCES, MIME_FIELD_IN_REPLY_TO};
    uint32_t from = state->text.length, count = 0, skip;
    lexer id;
    for (size_t f = 0; f < 2; f++)
        for (lexer cursor = message_id_cursor(state, part, FIELDS[f]); message_id_next(&cursor, &id);) count++;
    skip = count > state->limits.references ? count - state->limits.references : 0;
    for (size_t f = 0; f < 2; f++)
        for (lexer cursor = message_id_cursor(state, part, FIELDS[f]); message_id_next(&cursor, &id);) {
            if (skip) {
                skip--;
                continue;
            }
            uint32_t start = state->text.length;
            message_id_append(state, id);
            if (store_failed(state)) return span_absent();
            if (state->text.length == start || message_id_is_known(state, from, start)) state->text.length = start;
            else text_byte(state, '\n');
        }
    return state->text.length > from ? text_since(state, from) : span_absent();
}
