/* Which parts a reader would call attachments. */
#ifndef MIME_ATTACHMENT_H
#define MIME_ATTACHMENT_H

#include "store.h"

/* Sets MIME_PART_ATTACHED of all parts and has_attachment of the summary. */
void attachment_find(mime_state *state);

#endif
