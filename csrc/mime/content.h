/* What a part says of its content: Content-Type (RFC 2045 s5), -Transfer-Encoding (s6), -Disposition (RFC 2183). */
#ifndef MIME_CONTENT_H
#define MIME_CONTENT_H

#include "store.h"

/* Reads the content fields of a part whose headers are in the table. Returns the boundary of a multipart (text store),
 * else an absent span. */
mime_span content_read(mime_state *state, uint32_t part);

/* Makes a multipart that can't be taken apart a text leaf. */
void content_demote(mime_part *part);

#endif
