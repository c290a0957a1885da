/* Tokens of structured header fields: RFC 5322 s3.2, RFC 2045 s5.1, with folds as white space.
 *
 * A cursor walks once over the raw field value; every function moves it forward only, so a field costs linear time
 * however its comments nest or its quotes stay open.
 */
#ifndef MIME_LEXER_H
#define MIME_LEXER_H

#include "octets.h"
#include "store.h"

typedef struct lexer {
    const uint8_t *at;
    const uint8_t *end;
} lexer;

/* Skips white space, folds and comments. Returns whether there was any. With `comment`, the content of the last
 * comment is left there (raw, between its parentheses). */
int lexer_skip_slowly(lexer *cursor, lexer *comment);
static inline int lexer_skip(lexer *cursor, lexer *comment) {
    if (cursor->at == cursor->end || !octet_is_of(*cursor->at, OCTET_SPACE)) return 0;
    return lexer_skip_slowly(cursor, comment);
}

/* The longest run of octets that are no white space, no '(' and none of the classes `stops` (enum octet_class). */
lexer lexer_token(lexer *cursor, int stops);

/* At '"': appends the quoted string's content to the text store, escapes removed and folds unfolded. */
void lexer_quoted(lexer *cursor, mime_state *state);

/* Appends [from, to) to the text store with line ends removed. */
void lexer_unfold(mime_state *state, const uint8_t *from, const uint8_t *to);

#endif
