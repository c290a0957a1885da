/* Transfer encodings and scans: every set of kernels answers as the portable one. The first octet chooses. */
#include <stdlib.h>
#include <string.h>

#include "mime/decode.h"
#include "mime/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

static void check(int holds) {
    if (!holds) abort();
}

static void check_set(const mime_vector *vector, int encoding, const uint8_t *input, size_t length) {
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

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    if (!length) return 0;
    int encoding = input[0] & 1 ? MIME_BASE64 : MIME_QUOTED_PRINTABLE;
    for (size_t i = 1; vector_get(i); i++) check_set(vector_get(i), encoding, input + 1, length - 1);
    uint8_t *plain = malloc(length);
    check(plain != NULL && mime_html_text(input + 1, length - 1, plain) < length);
    free(plain);
    return 0;
}
