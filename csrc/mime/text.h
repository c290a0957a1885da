/* Decoded text of text leaves. */
#ifndef MIME_TEXT_H
#define MIME_TEXT_H

#include "store.h"

/* Sets `text`, `text_source` and `charset` of each text leaf from part `from` on, and its flags. Text that is UTF-8
 * already, without transfer encoding, stays where it is. */
void text_read(mime_state *state, uint32_t from);

#endif
