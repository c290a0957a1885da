/* IMAP ENVELOPE: RFC 3501 s7.4.2. */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "store.h"

/* Sets the envelope, with its parentheses, of the root and of each message's child; reads their addresses into the
 * address table. */
void envelope_write_all(mime_state *state);

#endif
