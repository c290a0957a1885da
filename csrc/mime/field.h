/* The header fields that the parser knows by number. */
#ifndef MIME_FIELD_H
#define MIME_FIELD_H

#include <stddef.h>

#include "mime.h"

/* MIME_FIELD_OTHER for a name that is not in the table; names compare without case (RFC 5322 s1.2.2). From `name` on,
 * `readable` octets may be read: at least `length`. */
mime_field field_find(const uint8_t *name, size_t length, size_t readable);

#endif
