/* What quoted-printable is at its escapes and line ends (RFC 2045 s6.7); the kernels of vector_kernels.h move what lies
 * between. */
#ifndef MIME_QUOTED_PRINTABLE_H
#define MIME_QUOTED_PRINTABLE_H

#include "octets.h"

/* Where a body is decoded from and to. What is written never outruns what is read. */
typedef struct qp_run {
    const uint8_t *encoded;
    size_t length;
    uint8_t *out;
    uint8_t *solid; /* what is before this is no white space that a line end takes away */
    size_t bad;     /* offset of the first "=" that stands for nothing; `length`: none */
} qp_run;

/* At '=': a soft line break (white space may stand before the line end) gives its length, else 0. */
static inline size_t qp_soft_break(const uint8_t *at, const uint8_t *end) {
    const uint8_t *rest = at + 1;
    while (rest < end && octet_is_wsp(*rest)) rest++;
    if (rest < end && *rest == '\n') return (size_t)(rest + 1 - at);
    if (end - rest > 1 && rest[0] == '\r' && rest[1] == '\n') return (size_t)(rest + 2 - at);
    return 0;
}

/* At '=': an escape, a soft break, or neither. Returns where the encoded octets go on. */
static inline size_t qp_escape(qp_run *run, size_t offset) {
    const uint8_t *at = run->encoded + offset, *end = run->encoded + run->length;
    int high = end - at > 2 ? octet_hex(at[1]) : -1;
    int low = high < 0 ? -1 : octet_hex(at[2]);
    size_t skip = 3;
    if (low >= 0) {
        *run->out++ = (uint8_t)(high << 4 | low);
    } else if ((skip = qp_soft_break(at, end)) == 0) {
        if (run->bad == run->length) run->bad = offset;
        *run->out++ = *at;
        skip = 1;
    }
    run->solid = run->out;
    return offset + skip;
}

/* At a LF whose line, perhaps with its CR, is written. White space before a line end was added on the way and is no
 * content (RFC 2045 s6.7 rule 3). */
static inline void qp_line_end(qp_run *run) {
    int has_cr = run->out > run->solid && run->out[-1] == '\r';
    run->out -= has_cr;
    while (run->out > run->solid && octet_is_wsp(run->out[-1])) run->out--;
    if (has_cr) *run->out++ = '\r';
    *run->out++ = '\n';
    run->solid = run->out;
}

#endif
