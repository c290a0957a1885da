/* Dates of mail: RFC 5322 s3.3, the obsolete forms of s4.3, and the broken ones of real mail. */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include <stddef.h>
#include <stdint.h>

/* Reads a date into seconds since 1970 UTC and minutes east of UTC. 0 if day, month, year or time are not to be had or
 * are out of range; a missing or unknown zone counts as UTC. */
int date_read(const uint8_t *bytes, size_t length, int64_t *seconds, int32_t *offset);

#endif
