/* Strings of IMAP answers: RFC 3501 s4.3, s9 (nstring). */
#ifndef MIME_IMAP_H
#define MIME_IMAP_H

#include "store.h"

/* Appends a quoted string, or a literal where one is needed. The octets must not be in the text store. */
void imap_string(mime_state *state, const uint8_t *bytes, size_t length);

/* The same for a span of the text store; an absent one is NIL. */
void imap_span(mime_state *state, mime_span span);

/* The raw value of a header, white space around it and line ends dropped; NULL is NIL. */
void imap_header(mime_state *state, const mime_header *header);

#endif
