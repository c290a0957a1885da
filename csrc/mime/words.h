/* Text of header fields: folds, encoded words (RFC 2047, RFC 2231 s5), raw UTF-8 (RFC 6532) and raw 8-bit. */
#ifndef MIME_WORDS_H
#define MIME_WORDS_H

#include "store.h"

/* Appends the text of [at, end), which must not be in the text store, as UTF-8: encoded words decoded, line ends
 * dropped, white space around it trimmed. Words in foreign charsets stand in marks (MIME_MARK_OPEN). */
mime_span words_decode(mime_state *state, const uint8_t *at, const uint8_t *end);

/* The same for a span of the text store. Without an encoded word or 8-bit octet it is the span itself. */
mime_span words_decode_span(mime_state *state, mime_span span);

/* Appends `length` octets (not of the text store) in the charset that the span of the text store names (absent: raw
 * header text). Foreign charsets give marks. */
void words_convert(mime_state *state, mime_span charset, const uint8_t *bytes, size_t length);

/* As words_decode(), but appends to another store and leaves nothing in the text store. */
void words_decode_into(mime_state *state, const uint8_t *at, const uint8_t *end, mime_bytes_store *store);

#endif
