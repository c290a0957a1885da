/* Message ids: RFC 5322 s3.6.4. */
#ifndef MIME_MESSAGE_ID_H
#define MIME_MESSAGE_ID_H

#include "store.h"

/* Appends the id of Message-ID without its angle brackets; absent if there is none. */
mime_span message_id_read(mime_state *state, uint32_t part);

/* Appends the ids of References, then of In-Reply-To, each once, an LF after each; absent if there is none. Of more
 * than limits.references the last ones are taken: the nearest ancestors. */
mime_span message_id_read_references(mime_state *state, uint32_t part);

#endif
