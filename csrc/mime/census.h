/* Counts of line ends, and the defects that single octets are: NUL, bare CR, bare LF. */
#ifndef MIME_CENSUS_H
#define MIME_CENSUS_H

#include "store.h"

/* Begins at `start` of the store being parsed. */
void census_begin(mime_state *state, uint32_t start);

/* Counts on from where the last call ended up to `end`; earlier ends change nothing. So each octet is seen once.
 * Leaves the running totals in state->census_lines and state->census_bare_lfs. */
void census_take(mime_state *state, uint32_t end);

#endif
