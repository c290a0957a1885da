/* Strings of IMAP answers; see imap.h. */
#include "imap.h"

#include "header.h"
#include "lexer.h"
#include "octets.h"

#define MOST_ESCAPES 4 /* beyond them Dovecot 2.3 sends a literal */

/* A quoted string holds no 8-bit octet, no line end and no NUL (RFC 3501 s9, QUOTED-CHAR). */
static int imap_fits_quotes(const uint8_t *bytes, size_t length, int *specials) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] >= 0x80 || bytes[i] == '\r' || bytes[i] == '\n' || !bytes[i]) return 0;
        if (bytes[i] == '"' || bytes[i] == '\\') ++*specials;
    }
    return *specials <= MOST_ESCAPES;
}

/* A literal can't hold NUL (RFC 3501 s9, CHAR8): it is sent as U+FFFD. */
static void imap_literal(mime_state *state, const uint8_t *bytes, size_t length) {
    size_t nuls = 0;
    for (size_t i = 0; i < length; i++) nuls += bytes[i] == 0;
    text_byte(state, '{');
    text_number(state, length + 2 * nuls);
    text_literal(state, "}\r\n");
    if (!nuls) text_append(state, bytes, length);
    for (size_t i = 0; nuls && i < length; i++) {
        if (bytes[i]) text_byte(state, bytes[i]);
        else text_literal(state, "\xef\xbf\xbd");
    }
}

static void imap_quoted(mime_state *state, const uint8_t *bytes, size_t length, int specials) {
    text_byte(state, '"');
    if (!specials) text_append(state, bytes, length);
    for (size_t i = 0; specials && i < length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') text_byte(state, '\\');
        text_byte(state, bytes[i]);
    }
    text_byte(state, '"');
}

void imap_string(mime_state *state, const uint8_t *bytes, size_t length) {
    int specials = 0;
    if (imap_fits_quotes(bytes, length, &specials)) imap_quoted(state, bytes, length, specials);
    else imap_literal(state, bytes, length);
}

/* A copy of the span that stays where it is while the text store grows. */
static const uint8_t *imap_copy(mime_state *state, mime_span span) {
    state->second.length = 0;
    store_append(state, &state->second, state->text.bytes + span.offset, span.length);
    return state->second.bytes;
}

void imap_span(mime_state *state, mime_span span) {
    int specials = 0;
    if (span_is_absent(span)) {
        text_literal(state, "NIL");
    } else if (imap_fits_quotes(state->text.bytes + span.offset, span.length, &specials) && !specials) {
        text_byte(state, '"');
        text_repeat(state, span);
        text_byte(state, '"');
    } else {
        const uint8_t *bytes = imap_copy(state, span);
        if (!store_failed(state)) imap_string(state, bytes, span.length);
    }
}

/* Into the second store, from which it is sent. Returns whether anything was changed. */
static int imap_collapse(mime_state *state, const uint8_t *bytes, size_t length) {
    state->second.length = 0;
    if (!store_reserve(state, &state->second, length)) return 0;
    uint8_t *out = state->second.bytes, *at = out;
    int is_changed = 0, is_space_due = 0;
    for (size_t i = 0; i < length; i++) {
        if (octet_is_space(bytes[i])) {
            is_changed |= is_space_due || at == out || bytes[i] != ' ' || i + 1 == length;
            is_space_due = at > out;
            continue;
        }
        if (is_space_due) *at++ = ' ';
        is_space_due = 0;
        *at++ = bytes[i];
    }
    state->second.length = (uint32_t)(at - out);
    return is_changed;
}

static void imap_text_bytes(mime_state *state, const uint8_t *bytes, size_t length) {
    int specials = 0, is_changed = imap_collapse(state, bytes, length);
    if (store_failed(state)) return;
    bytes = state->second.bytes;
    length = state->second.length;
    if (!length || (!is_changed && imap_fits_quotes(bytes, length, &specials) && !specials))
        imap_quoted(state, bytes, length, 0);
    else imap_literal(state, bytes, length);
}

void imap_text(mime_state *state, mime_span span) {
    if (span_is_absent(span)) {
        text_literal(state, "NIL");
        return;
    }
    state->scratch.length = 0;
    store_append(state, &state->scratch, state->text.bytes + span.offset, span.length);
    if (!store_failed(state)) imap_text_bytes(state, state->scratch.bytes, span.length);
}

/* The value without the white space between the colon and it; NULL sends NIL. */
static const uint8_t *imap_value(mime_state *state, const mime_header *header, const uint8_t **end) {
    if (!header) {
        text_literal(state, "NIL");
        return NULL;
    }
    const uint8_t *at = header_value(state, header, end);
    while (at < *end && octet_is_wsp(*at)) at++;
    return at;
}

void imap_header_text(mime_state *state, const mime_header *header) {
    const uint8_t *end, *at = imap_value(state, header, &end);
    if (at) imap_text_bytes(state, at, (size_t)(end - at));
}

void imap_header(mime_state *state, const mime_header *header) {
    const uint8_t *end, *at = imap_value(state, header, &end);
    if (!at) return;
    size_t length = (size_t)(end - at), written;
    state->second.length = 0;
    if (!store_reserve(state, &state->second, length + 64)) return;
    if (state->vector->unfold(at, length, state->second.bytes, &written) == length) {
        state->second.length = (uint32_t)written;
        at = end;
    }
    while (at < end) {
        const uint8_t *run = at;
        while (at < end && *at != '\r' && *at != '\n') at++;
        store_append(state, &state->second, run, (size_t)(at - run));
        if (at < end) at++;
    }
    if (!store_failed(state)) imap_string(state, state->second.bytes, state->second.length);
}
