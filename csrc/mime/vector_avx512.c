/* The kernels for processors with AVX-512 BW, VBMI and VBMI2. See vector.h. */
#include "vector.h"

#ifdef VECTOR_X86

#include <immintrin.h>

#include "quoted_printable.h"

#define VECTOR_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2,bmi,bmi2,popcnt")))

typedef __m512i block;

static inline VECTOR_TARGET block block_load(const uint8_t *at) { return _mm512_loadu_si512(at); }

static inline VECTOR_TARGET void block_store(uint8_t *to, block b) { _mm512_storeu_si512(to, b); }

static inline VECTOR_TARGET uint64_t block_equal(block b, uint8_t c) {
    return _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8((char)c));
}

static inline VECTOR_TARGET block block_fill(uint8_t c) { return _mm512_set1_epi8((char)c); }
static inline VECTOR_TARGET block block_least(block a, block b) { return _mm512_min_epu8(a, b); }
static inline VECTOR_TARGET block block_join(block a, block b) { return _mm512_or_si512(a, b); }

static inline VECTOR_TARGET uint64_t block_stops(block b) {
    return _mm512_cmplt_epi8_mask(b, _mm512_set1_epi8(33)) | /* above 127 is below 0 */
           _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8(127)) | _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8(':'));
}

static inline VECTOR_TARGET uint64_t block_high(block b) { return _mm512_movepi8_mask(b); }

/* Where the 48 octets of 64 digits lie once each four are joined in the low 24 bits of a word. */
static const uint8_t PACK[64] = {2,  1,  0,  6,  5,  4,  10, 9,  8,  14, 13, 12, 18, 17, 16, 22, 21, 20, 26, 25, 24, 30,
                                 29, 28, 34, 33, 32, 38, 37, 36, 42, 41, 40, 46, 45, 44, 50, 49, 48, 54, 53, 52, 58, 57,
                                 56, 62, 61, 60};

/* A step reads up to 64 octets, takes the whole groups of digits at their begin, and stores their octets. Values
 * of all octets below 128 are looked up in one table of two registers; what is no digit gives 0x80 or more. */
static inline VECTOR_TARGET size_t base64_wide(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *out) {
    const __m512i top = _mm512_set1_epi8((char)0x80);
    const __m512i table_low = _mm512_loadu_si512(VECTOR_DIGITS), table_high = _mm512_loadu_si512(VECTOR_DIGITS + 64);
    const __m512i pack = _mm512_loadu_si512(PACK);
    size_t at = 0, to = *out, rest = 12; /* of a line of 76 digits */
    while (at < length) {
        size_t left = length - at;
        __mmask64 there = left >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << left) - 1;
        __m512i digits = _mm512_mask_loadu_epi8(top, there, encoded + at);
        __m512i values = _mm512_permutex2var_epi8(table_low, digits, table_high);
        uint64_t wrong = _mm512_movepi8_mask(digits) | _mm512_cmpgt_epu8_mask(values, _mm512_set1_epi8(63));
        size_t good = (wrong ? (size_t)__builtin_ctzll(wrong) : 64) & ~(size_t)3;
        values = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140)); /* pairs of 6 bits to 12 */
        values = _mm512_madd_epi16(values, _mm512_set1_epi32(0x00011000));    /* pairs of 12 bits to 24 */
        values = _mm512_permutexvar_epi8(pack, values);
        if (left >= 64) _mm512_storeu_si512(decoded + to, values); /* up to 64 octets too many: the room is there */
        else _mm512_mask_storeu_epi8(decoded + to, (UINT64_C(1) << good / 4 * 3) - 1, values);
        if (good < 64) {
            /* Lines are alike: `rest` is guessed, so that the next step need not wait for what this one counts. */
            if (__builtin_expect(good != rest, 0)) {
                rest = good;
                __asm__("" : "+r"(rest)); /* else the compiler would take `good` below */
            }
            at += rest;
            to += rest / 4 * 3;
            if (length - at < 2 || encoded[at] != '\r' || encoded[at + 1] != '\n') break;
            at += 2;
            continue;
        }
        at += 64;
        to += 48;
    }
    *out = to;
    return at;
}

/* The values of the octets that are hexadecimal digits, and which are. */
static inline VECTOR_TARGET __m512i qp_digits(block b, __mmask64 *are_digits) {
    __m512i digits = _mm512_sub_epi8(b, _mm512_set1_epi8('0'));
    __m512i letters = _mm512_sub_epi8(_mm512_or_si512(b, _mm512_set1_epi8(0x20)), _mm512_set1_epi8('a'));
    __mmask64 are_letters = _mm512_cmplt_epu8_mask(letters, _mm512_set1_epi8(6));
    *are_digits = _mm512_cmplt_epu8_mask(digits, _mm512_set1_epi8(10)) | are_letters;
    return _mm512_mask_add_epi8(digits, are_letters, letters, _mm512_set1_epi8(10));
}

/* Decodes the 64 octets at `at` at once: all escapes and soft breaks in them, and what of the last one lies behind
 * them. Returns how many octets it read: 0 if there is more to it, a `loose` line end or '=' that stands for nothing or
 * has white space behind it. At least 66 octets lie ahead. */
static inline VECTOR_TARGET size_t qp_block(qp_run *run, size_t at, block b, uint64_t escapes, uint64_t loose) {
    const uint8_t *encoded = run->encoded + at;
    block second = block_load(encoded + 1), third = block_load(encoded + 2);
    __mmask64 are_high, are_low;
    __m512i high = qp_digits(second, &are_high), low = qp_digits(third, &are_low);
    uint64_t octets = escapes & are_high & are_low, lf = escapes & block_equal(second, '\n');
    uint64_t crlf = escapes & block_equal(second, '\r') & block_equal(third, '\n');
    if (loose || escapes != (octets | lf | crlf)) return 0;
    uint64_t three = octets | crlf, gone = lf | lf << 1 | crlf | three << 1 | three << 2;
    /* Two octets at a time: what goes over from an octet to the next is that of '=' itself, 13, which is below 16. */
    b = _mm512_mask_mov_epi8(b, octets, _mm512_or_si512(_mm512_slli_epi16(high, 4), low));
    block_store(run->out, _mm512_maskz_compress_epi8(~gone, b));
    if (escapes) {
        uint64_t up_to = ~UINT64_C(0) >> __builtin_clzll(escapes);
        run->solid = run->out + __builtin_popcountll(~gone & up_to);
    }
    run->out += __builtin_popcountll(~gone);
    return 64 + (size_t)(three >> 63) * 2 + (size_t)(three >> 62 & 1) + (size_t)(lf >> 63);
}

#define BLOCK_DECODES_QP

#include "vector_kernels.h"

const mime_vector VECTOR_AVX512 = VECTOR_KERNELS("avx512");

#endif
