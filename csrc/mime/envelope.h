/* IMAP ENVELOPE: RFC 3501 s7.4.2. */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "store.h"

/* Appends the envelope of `part` (a root or a message's child) with its parentheses. Reads its addresses into the
 * address table first, so that a message's addresses stand together. */
mime_span envelope_write(mime_state *state, uint32_t part);

#endif
