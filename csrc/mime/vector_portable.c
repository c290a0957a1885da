/* The kernels for any processor: eight octets at a time in a 64-bit word. See vector.h. */
#include "vector.h"

#include <string.h>

#define VECTOR_TARGET

typedef struct block {
    uint64_t words[8]; /* the first octet in the lowest bits, whatever the processor's order */
} block;

#define LOW UINT64_C(0x7f7f7f7f7f7f7f7f)
#define TOP UINT64_C(0x8080808080808080)

static inline block block_load(const uint8_t *at) {
    block b;
    memcpy(b.words, at, sizeof b.words);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 8; i++) b.words[i] = __builtin_bswap64(b.words[i]);
#endif
    return b;
}

/* The top bits of the eight octets, first one in bit 0: the factor moves each to a place of its own in the top octet. */
static inline uint64_t word_tops(uint64_t word) { return ((word & TOP) >> 7) * UINT64_C(0x0102040810204080) >> 56; }

/* Top bit of each octet that is 0, and of no other: no carry goes from one octet to the next. */
static inline uint64_t word_zeros(uint64_t word) { return ~(((word & LOW) + LOW) | word | LOW); }

static inline void block_store(uint8_t *to, block b) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int i = 0; i < 8; i++) b.words[i] = __builtin_bswap64(b.words[i]);
#endif
    memcpy(to, b.words, sizeof b.words);
}

static inline uint64_t block_equal(block b, uint8_t c) {
    uint64_t pattern = UINT64_C(0x0101010101010101) * c, mask = 0;
    for (int i = 0; i < 8; i++) mask |= word_tops(word_zeros(b.words[i] ^ pattern)) << (8 * i);
    return mask;
}

static inline block block_fill(uint8_t c) {
    block b;
    for (int i = 0; i < 8; i++) b.words[i] = UINT64_C(0x0101010101010101) * c;
    return b;
}

static inline block block_least(block a, block b) {
    for (int i = 0; i < 8; i++) a.words[i] &= ~((word_zeros(b.words[i]) >> 7) * 255);
    return a;
}

static inline block block_join(block a, block b) {
    for (int i = 0; i < 8; i++) a.words[i] |= b.words[i];
    return a;
}

/* Octets from 33 to 126 but ':' are none. Below 128, adding 95 and 1 carries into the top bit from 33 and 127 on. */
static inline uint64_t block_stops(block b) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t mask = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t word = b.words[i], low = word & LOW;
        uint64_t is_above_32 = low + ones * 95, is_127 = low + ones;
        mask |= word_tops(word | ~is_above_32 | is_127 | word_zeros(word ^ ones * ':')) << (8 * i);
    }
    return mask;
}

static inline uint64_t block_high(block b) {
    uint64_t mask = 0;
    for (int i = 0; i < 8; i++) mask |= word_tops(b.words[i]) << (8 * i);
    return mask;
}

static inline size_t base64_wide(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *out) {
    (void)encoded;
    (void)length;
    (void)decoded;
    (void)out;
    return 0;
}

#include "vector_kernels.h"

const mime_vector VECTOR_PORTABLE = VECTOR_KERNELS("portable");
