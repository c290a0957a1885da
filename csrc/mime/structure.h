/* The part table as it is stored beside a message: enough to fetch any part's bytes without parsing. */
#ifndef MIME_STRUCTURE_H
#define MIME_STRUCTURE_H

#include "store.h"

/* Appends it; the layout is in structure.c. */
mime_span structure_write(mime_state *state);

#endif
