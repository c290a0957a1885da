/* Address lists: RFC 5322 s3.4 with the obsolete forms of s4.4, and what real mail has instead. */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "store.h"

/* Appends the addresses and groups of header `header` (index) to the address table. Never fails: what can't be an
 * address is flagged, and kept as one without a host where it has any text. */
void address_read(mime_state *state, uint32_t header);

/* Whether no address more will be taken: the limit is passed, or there is no memory. */
static inline int address_is_full(const mime_state *state) {
    return store_failed(state) || state->result.summary.defects >> MIME_DEFECT_TOO_MANY_ADDRESSES & 1;
}

#endif
