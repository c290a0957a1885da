/* A transfer encoding: every set of kernels answers as the portable one, and never writes more than it reads. */
#ifndef FUZZ_TRANSFER_H
#define FUZZ_TRANSFER_H

#include "check.h"
#include "mime/decode.h"

static inline void check_transfer_set(const mime_vector *vector, int encoding, const uint8_t *input, size_t length) {
    uint8_t *decoded = malloc(length + 1), *expected = malloc(length + 1);
    decode_notes notes = {0}, expected_notes = {0};
    check(decoded && expected);
    size_t written = decode_transfer(vector, encoding, input, length, decoded, &notes);
    check(written <= length);
    check(written == decode_transfer(vector_get(0), encoding, input, length, expected, &expected_notes));
    check(memcmp(decoded, expected, written) == 0 && memcmp(&notes, &expected_notes, sizeof notes) == 0);
    free(decoded);
    free(expected);
}

static inline void check_transfer(int encoding, const uint8_t *input, size_t length) {
    for (size_t i = 0; vector_get(i); i++) check_transfer_set(vector_get(i), encoding, input, length);
}

#endif
