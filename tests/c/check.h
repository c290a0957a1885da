/* CHECK: says where and what, ends the program. Exact: bytes in a heap block of their very length, so that
   AddressSanitizer sees a read past the end. */
#ifndef MDA_TEST_ANTISPAM_CHECK_H
#define MDA_TEST_ANTISPAM_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline uint8_t *exact(const void *bytes, size_t length) {
    uint8_t *copy = malloc(length + (length == 0));
    CHECK(copy != NULL);
    memcpy(copy, bytes, length);
    return copy;
}

static inline uint32_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

#endif
