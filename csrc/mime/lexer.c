/* Tokens of structured header fields; see lexer.h. */
#include "lexer.h"

#include "octets.h"

/* At '(': past the matching ')', or the end. Nested comments are counted, not recursed into (RFC 5322 s3.2.2). */
static void lexer_comment(lexer *cursor, lexer *comment) {
    size_t depth = 0;
    lexer inside = {cursor->at + 1, cursor->end};
    while (cursor->at < cursor->end) {
        uint8_t c = *cursor->at++;
        if (c == '\\' && cursor->at < cursor->end) {
            cursor->at++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            inside.end = cursor->at - 1;
            break;
        }
    }
    if (comment) *comment = inside;
}

int lexer_skip_slowly(lexer *cursor, lexer *comment) {
    const uint8_t *start = cursor->at;
    while (cursor->at < cursor->end) {
        if (octet_is_space(*cursor->at)) cursor->at++;
        else if (*cursor->at == '(') lexer_comment(cursor, comment);
        else break;
    }
    return cursor->at != start;
}

lexer lexer_token(lexer *cursor, int stops) {
    lexer token = {cursor->at, cursor->at};
    const uint8_t *at = cursor->at;
    while (at < cursor->end && !octet_is_of(*at, stops | OCTET_SPACE)) at++;
    cursor->at = token.end = at;
    return token;
}

void lexer_quoted(lexer *cursor, mime_state *state) {
    cursor->at++;
    while (cursor->at < cursor->end) {
        const uint8_t *run = cursor->at;
        while (cursor->at < cursor->end && *cursor->at != '"' && *cursor->at != '\\' && *cursor->at != '\r' &&
               *cursor->at != '\n')
            cursor->at++;
        text_append(state, run, (size_t)(cursor->at - run));
        if (cursor->at == cursor->end) return;
        uint8_t c = *cursor->at++;
        if (c == '"') return;
        if (c == '\\' && cursor->at < cursor->end) text_byte(state, *cursor->at++);
    }
}

void lexer_unfold(mime_state *state, const uint8_t *from, const uint8_t *to) {
    while (from < to) {
        const uint8_t *run = from;
        while (from < to && *from != '\r' && *from != '\n') from++;
        text_append(state, run, (size_t)(from - run));
        if (from < to) from++;
    }
}
