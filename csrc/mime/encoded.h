/* Messages within a transfer encoding: forbidden (RFC 2046 s5.2.1) but sent, and a place to hide things in. */
#ifndef MIME_ENCODED_H
#define MIME_ENCODED_H

#include "store.h"

/* Decodes each message/rfc822 part that came in base64 or quoted-printable into the decoded store and parses it there,
 * at most limits.encoded_depth of them in one another; deeper ones stay opaque leaves. */
void encoded_parse(mime_state *state);

#endif
