/* The kernels for every x86-64 processor. See vector.h. */
#include "vector.h"

#ifdef VECTOR_X86

#include <emmintrin.h>

#define VECTOR_TARGET __attribute__((target("sse2")))

typedef struct block {
    __m128i quarters[4];
} block;

static inline VECTOR_TARGET block block_load(const uint8_t *at) {
    block b;
    for (int i = 0; i < 4; i++) b.quarters[i] = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * i));
    return b;
}

static inline VECTOR_TARGET void block_store(uint8_t *to, block b) {
    for (int i = 0; i < 4; i++) _mm_storeu_si128((__m128i *)(void *)(to + 16 * i), b.quarters[i]);
}

static inline VECTOR_TARGET uint64_t block_equal(block b, uint8_t c) {
    __m128i pattern = _mm_set1_epi8((char)c);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++)
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(b.quarters[i], pattern)) << (16 * i);
    return mask;
}

static inline VECTOR_TARGET block block_fill(uint8_t c) {
    block b;
    for (int i = 0; i < 4; i++) b.quarters[i] = _mm_set1_epi8((char)c);
    return b;
}

static inline VECTOR_TARGET block block_least(block a, block b) {
    for (int i = 0; i < 4; i++) a.quarters[i] = _mm_min_epu8(a.quarters[i], b.quarters[i]);
    return a;
}

static inline VECTOR_TARGET block block_join(block a, block b) {
    for (int i = 0; i < 4; i++) a.quarters[i] = _mm_or_si128(a.quarters[i], b.quarters[i]);
    return a;
}

static inline VECTOR_TARGET uint64_t block_stops(block b) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        __m128i octets = b.quarters[i];
        __m128i stops = _mm_or_si128(_mm_cmplt_epi8(octets, _mm_set1_epi8(33)), /* above 127 is below 0 */
                                     _mm_or_si128(_mm_cmpeq_epi8(octets, _mm_set1_epi8(127)),
                                                  _mm_cmpeq_epi8(octets, _mm_set1_epi8(':'))));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(stops) << (16 * i);
    }
    return mask;
}

static inline VECTOR_TARGET uint64_t block_high(block b) {
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(b.quarters[i]) << (16 * i);
    return mask;
}

static inline VECTOR_TARGET size_t base64_wide(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *out) {
    (void)encoded;
    (void)length;
    (void)decoded;
    (void)out;
    return 0;
}

#include "vector_kernels.h"

const mime_vector VECTOR_SSE2 = VECTOR_KERNELS("sse2");

#endif
