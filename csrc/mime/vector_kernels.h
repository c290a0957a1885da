/* The kernels of vector.h, compiled once for each instruction set. Before it is included:
 *     VECTOR_TARGET          attribute of every function
 *     block                  type of 64 octets
 *     block_load(at)         reads 64 octets
 *     block_store(to, block) writes 64 octets
 *     block_equal(block, c)  mask of the octets that are c, first one in bit 0
 *     block_high(block)      mask of the octets above 127
 *     block_fill(c)          64 octets c
 *     block_least(a, b)      octets of which each is 0 if one of the two is, and else is not
 *     block_join(a, b)       bitwise or
 *     block_stops(block)     mask of the octets that are no part of a field name: colon, up to 32, 127 and above
 *     block_load_part(at, length, padding) if BLOCK_LOADS_PART is defined: the last, short block, padded
 *     qp_block(run, at, block, escapes, loose) if BLOCK_DECODES_QP is defined: decodes a block of quoted-printable as a
 *                            whole; `escapes` are its '=', `loose` its line ends that white space may be in front of
 *     base64_wide(encoded, length, decoded, &out)   as mime_vector.base64, as far as wide steps go
 */
#include <string.h>

#include "quoted_printable.h"

#define KERNEL static VECTOR_TARGET

#ifndef BLOCK_LOADS_PART
/* The last, short block, padded with `padding`. */
KERNEL inline block block_load_part(const uint8_t *at, size_t length, uint8_t padding) {
    uint8_t copy[64];
    memset(copy, padding, sizeof copy);
    memcpy(copy, at, length);
    return block_load(copy);
}
#endif

/* Where CRs and LFs do not always go together. */
KERNEL void kernel_count_ends(const uint8_t *bytes, size_t length, uint8_t before, vector_counts *counts) {
    uint64_t carry = before == '\r', crs = 0, crlfs = 0;
    for (size_t at = 0; at < length; at += 64) {
        block b = length - at >= 64 ? block_load(bytes + at) : block_load_part(bytes + at, length - at, ' ');
        uint64_t cr = block_equal(b, '\r');
        crlfs += (uint64_t)__builtin_popcountll(block_equal(b, '\n') & (cr << 1 | carry));
        crs += (uint64_t)__builtin_popcountll(cr);
        carry = cr >> 63;
    }
    counts->cr = (uint32_t)crs;
    counts->crlf = (uint32_t)crlfs;
}

KERNEL void kernel_count(const uint8_t *bytes, size_t length, uint8_t before, vector_counts *counts) {
    uint64_t carry = before == '\r', lfs = 0, crs_seen = carry, unlike = 0;
    block least = block_fill(255), joined = block_fill(0);
    for (size_t at = 0; at < length; at += 64) {
        block b = length - at >= 64 ? block_load(bytes + at) : block_load_part(bytes + at, length - at, ' ');
        uint64_t lf = block_equal(b, '\n'), cr = block_equal(b, '\r');
        lfs += (uint64_t)__builtin_popcountll(lf);
        crs_seen |= cr;
        unlike |= lf ^ (cr << 1 | carry);
        carry = cr >> 63;
        least = block_least(least, b);
        joined = block_join(joined, b);
    }
    int has_nul = block_equal(least, 0) != 0, has_high = block_high(joined) != 0;
    *counts = (vector_counts){(uint32_t)lfs, 0, 0, has_nul, has_high};
    if (!crs_seen) return;
    /* If all LFs had their CRs, and all CRs their LFs: but for one at the end, and one that was in front. */
    counts->cr = (uint32_t)(lfs + carry - (before == '\r'));
    counts->crlf = (uint32_t)lfs;
    if (unlike) kernel_count_ends(bytes, length, before, counts);
}

KERNEL size_t kernel_ascii_run(const uint8_t *bytes, size_t length) {
    for (size_t at = 0; at < length; at += 64) {
        block b = length - at >= 64 ? block_load(bytes + at) : block_load_part(bytes + at, length - at, ' ');
        uint64_t high = block_high(b);
        if (high) return at + (size_t)__builtin_ctzll(high);
    }
    return length;
}

KERNEL size_t kernel_find_either(const uint8_t *bytes, size_t length, uint8_t a, uint8_t b) {
    uint8_t padding = (uint8_t)(a == 'x' || b == 'x' ? 'y' : 'x');
    for (size_t at = 0; at < length; at += 64) {
        block octets = length - at >= 64 ? block_load(bytes + at) : block_load_part(bytes + at, length - at, padding);
        uint64_t found = block_equal(octets, a) | block_equal(octets, b);
        if (found) return at + (size_t)__builtin_ctzll(found);
    }
    return length;
}

KERNEL size_t kernel_copy_until(const uint8_t *bytes, size_t length, uint8_t a, uint8_t b, uint8_t *out) {
    size_t at = 0;
    for (; length - at >= 64; at += 64) {
        block octets = block_load(bytes + at);
        uint64_t found = block_equal(octets, a) | block_equal(octets, b);
        block_store(out + at, octets);
        if (found) return at + (size_t)__builtin_ctzll(found);
    }
    size_t rest = kernel_find_either(bytes + at, length - at, a, b);
    if (rest) memcpy(out + at, bytes + at, rest);
    return at + rest;
}

KERNEL size_t kernel_unfold(const uint8_t *bytes, size_t length, uint8_t *out, size_t *written) {
    size_t at = 0, to = 0;
    while (at < length) {
        size_t run = length - at < 64 ? length - at : 64;
        block b = run == 64 ? block_load(bytes + at) : block_load_part(bytes + at, run, 'x');
        uint64_t marks = block_equal(b, '?') | block_equal(b, '\r') | block_equal(b, '\n') | block_high(b);
        if (marks) run = (size_t)__builtin_ctzll(marks);
        block_store(out + to, b);
        to += run;
        at += run;
        if (!marks) continue;
        if (bytes[at] == '\n') at++;
        else if (bytes[at] == '\r' && at + 1 < length && bytes[at + 1] == '\n') at += 2;
        else break;
    }
    *written = to;
    return at;
}

KERNEL size_t kernel_find_dashes(const uint8_t *bytes, size_t length) {
    size_t at = 0;
    for (; length - at >= 66; at += 64) {
        uint64_t found = block_equal(block_load(bytes + at + 1), '-');
        if (!found) continue;
        found &= block_equal(block_load(bytes + at), '\n');
        if (!found) continue;
        found &= block_equal(block_load(bytes + at + 2), '-');
        if (found) return at + (size_t)__builtin_ctzll(found);
    }
    for (; at + 2 < length; at++)
        if (bytes[at] == '\n' && bytes[at + 1] == '-' && bytes[at + 2] == '-') return at;
    return length;
}

KERNEL size_t kernel_lines(const uint8_t *bytes, size_t at, size_t length, vector_line *lines, size_t most) {
    size_t count = 0, start = at, stop = length;
    for (size_t from = at; from < length; from += 64) {
        block b = length - from >= 64 ? block_load(bytes + from) : block_load_part(bytes + from, length - from, 'x');
        uint64_t stops = block_stops(b);
        for (uint64_t ends = block_equal(b, '\n'); ends; ends &= ends - 1) {
            unsigned end = (unsigned)__builtin_ctzll(ends);
            if (stop == length) stop = from + (size_t)__builtin_ctzll(stops); /* the LF itself at the latest */
            size_t next = from + end + 1, size = next - start;
            lines[count++] = (vector_line){(uint32_t)start, (uint32_t)stop, (uint32_t)next};
            if (count == most || size == 1 || (size == 2 && bytes[start] == '\r')) return count;
            start = next;
            stop = length;
            stops &= ~UINT64_C(1) << end;
        }
        if (stop == length && stops) stop = from + (size_t)__builtin_ctzll(stops);
    }
    if (start < length) lines[count++] = (vector_line){(uint32_t)start, (uint32_t)stop, (uint32_t)length};
    return count;
}

KERNEL size_t kernel_base64(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *written) {
    size_t out = *written, at = 0;
    while (at < length) {
        at += base64_wide(encoded + at, length - at, decoded, &out);
        for (; length - at >= 4; at += 4, out += 3) {
            uint32_t a = VECTOR_DIGITS[encoded[at]], b = VECTOR_DIGITS[encoded[at + 1]];
            uint32_t c = VECTOR_DIGITS[encoded[at + 2]], d = VECTOR_DIGITS[encoded[at + 3]];
            if ((a | b | c | d) > 63) break;
            uint32_t group = a << 18 | b << 12 | c << 6 | d;
            decoded[out] = (uint8_t)(group >> 16);
            decoded[out + 1] = (uint8_t)(group >> 8);
            decoded[out + 2] = (uint8_t)group;
        }
        /* A line end between two groups: goes on with the next line. */
        if (length - at > 2 && encoded[at] == '\r' && encoded[at + 1] == '\n') at += 2;
        else if (length - at > 1 && encoded[at] == '\n') at++;
        else break;
    }
    *written = out;
    return at;
}

/* The octets [from, to) of a body that are neither '=' nor LF, to where it is decoded. `to` - `from` is up to 64, and 64
 * octets may be read and written. */
KERNEL inline void qp_move(qp_run *run, size_t from, size_t to) {
    block_store(run->out, block_load(run->encoded + from));
    run->out += to - from;
}

KERNEL inline size_t qp_act(qp_run *run, size_t at) {
    if (run->encoded[at] != '\n') return qp_escape(run, at);
    qp_line_end(run);
    return at + 1;
}

/* Of the block `b` at `at`, the LFs that white space stands in front of, perhaps with a CR between. */
KERNEL inline uint64_t kernel_loose_ends(block b, const uint8_t *encoded, size_t at) {
    uint64_t wsp = block_equal(b, ' ') | block_equal(b, '\t'), cr = block_equal(b, '\r');
    uint64_t before = at > 0 && octet_is_wsp(encoded[at - 1]);
    uint64_t cr_before = at > 1 && encoded[at - 1] == '\r' && octet_is_wsp(encoded[at - 2]);
    return block_equal(b, '\n') & (wsp << 1 | before | ((wsp << 1 | before) & cr) << 1 | cr_before);
}

KERNEL size_t kernel_quoted_printable(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *bad) {
    qp_run run = {encoded, length, decoded, decoded, length};
    size_t at = 0;
    while (length - at >= 128) {
        block b = block_load(encoded + at);
        uint64_t escapes = block_equal(b, '='), loose = kernel_loose_ends(b, encoded, at);
#ifdef BLOCK_DECODES_QP
        size_t read = qp_block(&run, at, b, escapes, loose);
        at += read;
        if (read) continue;
#endif
        uint64_t marks = escapes | loose;
        size_t from = at, limit = at + 64;
        while (marks) {
            size_t mark = at + (size_t)__builtin_ctzll(marks);
            qp_move(&run, from, mark);
            from = qp_act(&run, mark);
            marks = from < limit ? marks & ~UINT64_C(0) << (from - at) : 0;
        }
        if (from < limit) {
            qp_move(&run, from, limit);
            from = limit;
        }
        at = from;
    }
    while (at < length) {
        if (encoded[at] == '=' || encoded[at] == '\n') at = qp_act(&run, at);
        else *run.out++ = encoded[at++];
    }
    *bad = run.bad;
    return (size_t)(run.out - decoded);
}

#define VECTOR_KERNELS(label)                                                                                \
    {label,         kernel_count, kernel_ascii_run, kernel_find_dashes, kernel_find_either, kernel_copy_until, \
     kernel_unfold, kernel_lines, kernel_base64,    kernel_quoted_printable}
