/* Parameters of Content-Type and Content-Disposition: RFC 2045 s5.1, with RFC 2231 values and segments. */
#ifndef MIME_PARAMETER_H
#define MIME_PARAMETER_H

#include "lexer.h"

/* Reads "; name=value ..." up to the cursor's end into the parameter table: first the plain ones in their order, then
 * the RFC 2231 ones, segments joined, in order of their first segment. Sets *first and *count. */
void parameter_read(mime_state *state, lexer *cursor, uint32_t *first, uint32_t *count);

/* The parameter `name` (lower case) among `count` from `first`: its RFC 2231 form if there is one (RFC 6266 s4.3),
 * else the first plain one, else NULL. */
const mime_parameter *parameter_find(const mime_state *state, uint32_t first, uint32_t count, const char *name);

#endif
