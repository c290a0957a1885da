/* Scans and transfer decoding, many octets at once, by what the processor can do; chosen at run time.
 *
 * The kernels stand once, in vector_kernels.h, over a block of 64 octets and its bit masks; each vector_*.c compiles
 * them for one instruction set. All sets answer alike, which a test checks. No kernel reads outside of what it is
 * given.
 */
#ifndef MIME_VECTOR_H
#define MIME_VECTOR_H

#include <stddef.h>
#include <stdint.h>

typedef struct vector_counts {
    uint32_t lf, cr, crlf;
    int has_nul, has_high; /* octets 0, and above 127 */
} vector_counts;

/* A line of a header block. */
typedef struct vector_line {
    uint32_t start;
    uint32_t stop; /* the first octet that can't be in a field name (RFC 5322 s2.2): the colon, if all is well */
    uint32_t next; /* past its line end */
} vector_line;

typedef struct mime_vector {
    const char *name;
    /* `before` is the octet in front of the first one. */
    void (*count)(const uint8_t *bytes, size_t length, uint8_t before, vector_counts *counts);
    /* How many octets from the first one on are below 128. */
    size_t (*ascii_run)(const uint8_t *bytes, size_t length);
    /* Offset of the first LF that two dashes follow; `length` if there is none. */
    size_t (*find_dashes)(const uint8_t *bytes, size_t length);
    /* Offset of the first octet that is `a` or `b`; `length` if there is none. */
    size_t (*find_either)(const uint8_t *bytes, size_t length, uint8_t a, uint8_t b);
    /* The same, and copies what is before it to `out`, which has room for `length` octets: some behind may be written. */
    size_t (*copy_until)(const uint8_t *bytes, size_t length, uint8_t a, uint8_t b, uint8_t *out);
    /* Copies text without its line ends, up to the first octet that is '?', above 127 or a CR with no LF behind it.
     * Returns how many octets it read; *written is how many are in `out`, which has room for 64 more than `length`. */
    size_t (*unfold)(const uint8_t *bytes, size_t length, uint8_t *out, size_t *written);
    /* The lines from offset `at` on, until `most` of them or with the first empty one; returns how many. The last line
     * of the input may lack its line end. */
    size_t (*lines)(const uint8_t *bytes, size_t at, size_t length, vector_line *lines, size_t most);
    /* Decodes whole groups of base64 digits and the line ends between them, up to the first octet that is neither;
     * returns how many octets it read, *written grows by three for four. `decoded` has room for `length` octets behind *written. */
    size_t (*base64)(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *written);
    /* Decodes quoted-printable (RFC 2045 s6.7) to `decoded`, which has room for `length` octets; returns how many it
     * wrote. *bad becomes the offset of the first '=' that stands for nothing, `length` where there is none. */
    size_t (*quoted_printable)(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *bad);
} mime_vector;

/* The widest set that this processor has. */
const mime_vector *vector_choose(void);

/* Set number `index`, from 0 (portable) on; NULL past the last one, and for one that this processor lacks. */
const mime_vector *vector_get(size_t index);

/* The base64 digits' values; 64 is '=', 65 white space, 66 any other octet. */
extern const uint8_t VECTOR_DIGITS[256];

extern const mime_vector VECTOR_PORTABLE;
#if defined(__x86_64__) && defined(__GNUC__)
#define VECTOR_X86 1
extern const mime_vector VECTOR_SSE2, VECTOR_AVX2, VECTOR_AVX512;
#endif

#endif
