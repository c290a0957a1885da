/* Address lists: RFC 5322 s3.4 with the obsolete forms of s4.4, and what real mail has instead. */
#ifndef MIME_ADDRESS_H
#define MIME_ADDRESS_H

#include "store.h"

/* A run of the address table. */
typedef struct address_range {
    uint32_t first;
    uint32_t count;
} address_range;

/* Appends the addresses and groups of all fields `field` of a part to the address table, in the order of its headers.
 * Never fails: what can't be an address is flagged, and kept as one without a host where it has any text. */
address_range address_read(mime_state *state, uint32_t part, mime_field field);

/* Whether no address more will be taken: the limit is passed, or there is no memory. */
static inline int address_is_full(const mime_state *state) {
    return store_failed(state) || state->result.summary.defects >> MIME_DEFECT_TOO_MANY_ADDRESSES & 1;
}

#endif
