/* Header blocks: RFC 5322 s2.2 and what real mail makes of it (RFC 7103). */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "store.h"

/* Reads the header block at offset `start` of the store being parsed into the header table, for part `part`. Ends
 * after the blank line, before a delimiter line of an open boundary, or at `end`. Returns the offset of the body. */
uint32_t header_read_block(mime_state *state, uint32_t part, uint32_t start, uint32_t end);

/* The raw value of a header, without the line end after it; bytes of the store that its part is in. */
const uint8_t *header_value(const mime_state *state, const mime_header *header, const uint8_t **end);

/* The first header of `part` that is `field`, or NULL. */
const mime_header *header_first(const mime_state *state, const mime_part *part, mime_field field);

/* The next header of `part` behind `header` that is the same field, or NULL. */
const mime_header *header_again(const mime_state *state, const mime_part *part, const mime_header *header);

#endif
