/* Strings of IMAP answers: RFC 3501 s4.3, s9 (nstring). */
#ifndef MIME_IMAP_H
#define MIME_IMAP_H

#include "store.h"

/* Appends a quoted string with its escapes, or a literal where it can't be one. The octets must not be in the text
 * store. */
void imap_string(mime_state *state, const uint8_t *bytes, size_t length);

/* The same for a span of the text store; an absent one is NIL. */
void imap_span(mime_state *state, mime_span span);

/* A value for people to read (names, subjects): each run of white space and line ends is one space, none around it.
 * It is a literal where that changed anything or a quoted string would need escapes, as Dovecot sends it. NIL if
 * absent. */
void imap_text(mime_state *state, mime_span span);
void imap_header_text(mime_state *state, const mime_header *header);

/* The raw value of a header, white space around it and line ends inside of it dropped. NULL is NIL. */
void imap_header(mime_state *state, const mime_header *header);

#endif
