/* Transfer encodings: base64 (RFC 2045 s6.8) and quoted-printable (s6.7), and uuencode, decoded as far as they go. */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "vector.h"

/* Where in the encoded octets something was wrong first: offset + 1, or 0 for nothing. */
typedef struct decode_notes {
    size_t junk;          /* base64: octets outside the alphabet, skipped */
    size_t truncated;     /* base64: the last group is not whole */
    size_t after_padding; /* base64: octets after the padding, left out */
    size_t bad_escape;    /* quoted-printable: "=" without two hexadecimal digits, kept */
    size_t bad_uuencode;  /* see uuencode.h */
} decode_notes;

/* All need room for `length` octets in `decoded`, which is apart from `encoded`, and return how many they wrote. */
size_t decode_base64(const mime_vector *vector, const uint8_t *encoded, size_t length, uint8_t *decoded,
                     decode_notes *notes);
size_t decode_quoted_printable(const mime_vector *vector, const uint8_t *encoded, size_t length, uint8_t *decoded,
                               decode_notes *notes);

/* Whether the encoding (enum mime_encoding) is one that changes octets. */
int decode_changes(int encoding);

/* By enum mime_encoding; those that change nothing copy. */
size_t decode_transfer(const mime_vector *vector, int encoding, const uint8_t *encoded, size_t length,
                       uint8_t *decoded, decode_notes *notes);

#endif
