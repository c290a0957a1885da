/* IMAP BODYSTRUCTURE: RFC 3501 s7.4.2. */
#ifndef MIME_BODY_STRUCTURE_H
#define MIME_BODY_STRUCTURE_H

#include "store.h"

/* Appends the whole tree's structure, with its parentheses, in the extended form. The
 * envelopes must have been written. */
mime_span body_structure_write(mime_state *state);

#endif
