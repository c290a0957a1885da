/* The first words of a message, for lists of messages. */
#ifndef MIME_PREVIEW_H
#define MIME_PREVIEW_H

#include "store.h"

/* Sets preview, preview_part and preview_foreign of the summary: from the first plain text leaf that is no
 * attachment and not empty, else from the first HTML one. White space is collapsed. */
void preview_read(mime_state *state);

#endif
