/* What the parser's C tests share: sample mails in memory, an allocator that fails on purpose, and what must hold of
 * every result whatever the input was. */
#ifndef MDA_TEST_MIME_MESSAGE_H
#define MDA_TEST_MIME_MESSAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mime.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

typedef struct sample {
    const char *path;
    uint8_t *bytes;
    size_t length;
} sample;

sample sample_load(const char *path);

/* The same mail with LF for each CRLF. */
sample sample_with_lf(const sample *with_crlf);

/* Allocations succeed this many times more, then fail; negative: always succeed. */
extern long allocations_left;

/* Parses a copy that ends where its heap block ends, so that AddressSanitizer sees a read past the end, and checks
 * the result. Returns the status. */
mime_status message_check(const uint8_t *bytes, size_t length);

#endif
