/* Charsets by label, converted to UTF-8. */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include "store.h"

/* Ids from CHARSET_TABLES on are single-byte charsets: see charset_tables.h. */
typedef enum charset_id {
    CHARSET_RAW = 0,     /* no label: UTF-8 if valid, else windows-1252 */
    CHARSET_UNKNOWN = 1, /* a label that nobody knows: the same */
    CHARSET_FOREIGN = 2, /* known to the caller: left as it is */
    CHARSET_UTF8 = 3,
    CHARSET_UTF16 = 4,   /* by its byte order mark, else big-endian (RFC 2781 s4.3) */
    CHARSET_UTF16_BE = 5,
    CHARSET_UTF16_LE = 6,
    CHARSET_TABLES = 16
} charset_id;

/* The charset of a label, without case; us-ascii and iso-8859-1 are read as windows-1252 says, for what is not ASCII. */
charset_id charset_find(const uint8_t *label, size_t length);

/* Whether `length` octets are valid UTF-8 (RFC 3629); *is_ascii when none is above 127. */
int charset_is_utf8(const mime_vector *vector, const uint8_t *bytes, size_t length, int *is_ascii);

/* Appends octets (not of the text store) to the text store as UTF-8. `offset` is for defects. Not for FOREIGN. */
void charset_append(mime_state *state, charset_id id, const uint8_t *bytes, size_t length, uint32_t offset);

#endif
