/* The kernels for processors with AVX2. See vector.h. */
#include "vector.h"

#ifdef VECTOR_X86

#include <immintrin.h>

#define VECTOR_TARGET __attribute__((target("avx2,bmi,bmi2,popcnt")))

typedef struct block {
    __m256i low, high;
} block;

static inline VECTOR_TARGET block block_load(const uint8_t *at) {
    return (block){_mm256_loadu_si256((const __m256i *)(const void *)at),
                   _mm256_loadu_si256((const __m256i *)(const void *)(at + 32))};
}

static inline VECTOR_TARGET void block_store(uint8_t *to, block b) {
    _mm256_storeu_si256((__m256i *)(void *)to, b.low);
    _mm256_storeu_si256((__m256i *)(void *)(to + 32), b.high);
}

static inline VECTOR_TARGET uint64_t block_equal(block b, uint8_t c) {
    __m256i pattern = _mm256_set1_epi8((char)c);
    uint32_t low = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b.low, pattern));
    uint32_t high = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(b.high, pattern));
    return (uint64_t)high << 32 | low;
}

static inline VECTOR_TARGET block block_fill(uint8_t c) {
    return (block){_mm256_set1_epi8((char)c), _mm256_set1_epi8((char)c)};
}

static inline VECTOR_TARGET block block_least(block a, block b) {
    return (block){_mm256_min_epu8(a.low, b.low), _mm256_min_epu8(a.high, b.high)};
}

static inline VECTOR_TARGET block block_join(block a, block b) {
    return (block){_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}

static inline VECTOR_TARGET uint32_t half_stops(__m256i octets) {
    __m256i names = _mm256_cmpgt_epi8(octets, _mm256_set1_epi8(32)); /* above 127 is below 0 */
    __m256i others = _mm256_or_si256(_mm256_cmpeq_epi8(octets, _mm256_set1_epi8(127)),
                                     _mm256_cmpeq_epi8(octets, _mm256_set1_epi8(':')));
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_andnot_si256(others, names));
}

static inline VECTOR_TARGET uint64_t block_stops(block b) {
    return (uint64_t)half_stops(b.high) << 32 | half_stops(b.low);
}

static inline VECTOR_TARGET uint64_t block_high(block b) {
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(b.high) << 32 | (uint32_t)_mm256_movemask_epi8(b.low);
}

#define TWICE(table) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table)))

/* 32 digits are 24 octets. An octet's two nibbles look up which classes they allow; a digit is one for which none is
 * shared. The high nibble ('/' aside) then says what to add to get the digit's value (Mula and Lemire's method, ACM
 * TWEB 12 (2018) 20). */
static inline VECTOR_TARGET size_t base64_wide(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *out) {
    static const uint8_t LOW[16] = {0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                                    0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a};
    static const uint8_t HIGH[16] = {0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08,
                                     0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10};
    static const int8_t SHIFT[16] = {0, 16, 19, 4, -65, -65, -71, -71};
    static const int8_t PACK[16] = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1};
    const __m256i lows = TWICE(LOW), highs = TWICE(HIGH), shifts = TWICE(SHIFT), pack = TWICE(PACK);
    const __m256i nibble = _mm256_set1_epi8(0x0f), slash = _mm256_set1_epi8('/');
    size_t at = 0, to = *out;
    for (; length - at >= 32; at += 32, to += 24) {
        __m256i digits = _mm256_loadu_si256((const __m256i *)(const void *)(encoded + at));
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(digits, 4), nibble);
        __m256i low_class = _mm256_shuffle_epi8(lows, _mm256_and_si256(digits, nibble));
        if (!_mm256_testz_si256(low_class, _mm256_shuffle_epi8(highs, high))) break;
        __m256i shift = _mm256_shuffle_epi8(shifts, _mm256_add_epi8(high, _mm256_cmpeq_epi8(digits, slash)));
        __m256i values = _mm256_add_epi8(digits, shift);
        values = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140)); /* pairs of 6 bits to 12 */
        values = _mm256_madd_epi16(values, _mm256_set1_epi32(0x00011000));    /* pairs of 12 bits to 24 */
        values = _mm256_shuffle_epi8(values, pack);
        values = _mm256_permutevar8x32_epi32(values, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        _mm256_storeu_si256((__m256i *)(void *)(decoded + to), values); /* 8 octets too many: the room is there */
    }
    *out = to;
    return at;
}

#include "vector_kernels.h"

const mime_vector VECTOR_AVX2 = VECTOR_KERNELS("avx2");

#endif
