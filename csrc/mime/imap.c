/* Strings of IMAP answers; see imap.h. */
#include "imap.h"

#include "header.h"
#include "lexer.h"
#include "octets.h"

/* A quoted string holds no 8-bit octet, no line end and no NUL (RFC 3501 s9, QUOTED-CHAR). Dovecot also sends '"' and
 * '\' in a literal; clients that can't unescape are thereby safe, and we answer alike. */
static int imap_needs_literal(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (bytes[i] >= 0x80 || bytes[i] == '"' || bytes[i] == '\\' || bytes[i] == '\r' || bytes[i] == '\n' || !bytes[i])
            return 1;
    return 0;
}

/* A literal can't hold NUL (RFC 3501 s9, CHAR8); it is sent as 0x80, which no charset takes for text (Dovecot's way). */
static void imap_literal(mime_state *state, const uint8_t *bytes, size_t length) {
    text_byte(state, '{');
    text_number(state, length);
    text_literal(state, "}\r\n");
    for (size_t i = 0; i < length; i++) text_byte(state, bytes[i] ? bytes[i] : 0x80);
}

void imap_string(mime_state *state, const uint8_t *bytes, size_t length) {
    if (imap_needs_literal(bytes, length)) {
        imap_literal(state, bytes, length);
        return;
    }
    text_byte(state, '"');
    text_append(state, bytes, length);
    text_byte(state, '"');
}

void imap_span(mime_state *state, mime_span span) {
    if (span_is_absent(span)) {
        text_literal(state, "NIL");
        return;
    }
    state->second.length = 0;
    store_append(state, &state->second, state->text.bytes + span.offset, span.length);
    if (!store_failed(state)) imap_string(state, state->second.bytes, span.length);
}

void imap_header(mime_state *state, const mime_header *header) {
    if (!header) {
        text_literal(state, "NIL");
        return;
    }
    const uint8_t *end, *at = header_value(state, header, &end);
    while (at < end && octet_is_space(*at)) at++;
    while (end > at && octet_is_space(end[-1])) end--;
    state->second.length = 0;
    while (at < end) {
        const uint8_t *run = at;
        while (at < end && *at != '\r' && *at != '\n') at++;
        store_append(state, &state->second, run, (size_t)(at - run));
        if (at < end) at++;
    }
    if (!store_failed(state)) imap_string(state, state->second.bytes, state->second.length);
}
