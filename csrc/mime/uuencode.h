/* uuencode, older than MIME and no part of it: the form that POSIX.1 gives for uuencode(1). */
#ifndef MIME_UUENCODE_H
#define MIME_UUENCODE_H

#include <stddef.h>
#include <stdint.h>

/* The line "begin MODE NAME" that opens the encoded octets. */
typedef struct uuencode_begin {
    const uint8_t *name; /* into the encoded octets; without white space around it */
    size_t name_length;
    size_t next;         /* offset of the first line of digits */
} uuencode_begin;

/* Finds the first such line at a line's begin; 0 if there is none. */
int uuencode_find(const uint8_t *encoded, size_t length, uuencode_begin *begin);

/* Decodes what the first "begin" line opens, up to its end, into `decoded`, which has room for `length` octets; returns
 * how many were written. What is no uuencode at all is copied as it stands. *bad becomes the offset of what was wrong
 * first (no "begin" or "end", a line that is too short), `length` where nothing was. */
size_t uuencode_decode(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *bad);

#endif
