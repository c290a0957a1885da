/* Delimiter lines of open multiparts: RFC 2046 s5.1.1. */
#ifndef MIME_BOUNDARY_H
#define MIME_BOUNDARY_H

#include "store.h"

/* Opens part `part` with its boundary (absent for message/rfc822). */
void boundary_push(mime_state *state, uint32_t part, mime_span boundary);

/* Matches the line [line, line_end) against all open boundaries, innermost first and whole (trailing white space
 * allowed). Returns the level in state->open, or -1. *is_close: it is the close delimiter. */
int boundary_match(mime_state *state, const uint8_t *line, const uint8_t *line_end, int *is_close);

/* Takes the innermost container off the stack. */
void boundary_pop(mime_state *state);

#endif
