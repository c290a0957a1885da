/* Transfer encodings; see decode.h. */
#include "decode.h"

#include <string.h>

#include "mime.h"
#include "octets.h"

#define PAD 64
#define SPACE 65
#define JUNK 66

/* Value of a base64 digit, or one of the classes above. */
static const uint8_t DIGITS[256] = {
    66, 66, 66, 66, 66, 66, 66, 66, 66, 65, 65, 66, 66, 65, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    65, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 62, 66, 66, 66, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 66, 66, 64, 66, 66,
    66, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 66, 66, 66, 66, 66,
    66, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
    66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
};

static void decode_note(size_t *note, size_t offset) {
    if (!*note) *note = offset + 1;
}

/* Whole groups of four digits; stops at the first octet that is none. */
static size_t decode_base64_run(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *written) {
    size_t at = 0, out = *written;
    while (at + 4 <= length) {
        uint32_t a = DIGITS[encoded[at]], b = DIGITS[encoded[at + 1]];
        uint32_t c = DIGITS[encoded[at + 2]], d = DIGITS[encoded[at + 3]];
        if ((a | b | c | d) > 63) break;
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        decoded[out] = (uint8_t)(group >> 16);
        decoded[out + 1] = (uint8_t)(group >> 8);
        decoded[out + 2] = (uint8_t)group;
        out += 3;
        at += 4;
    }
    *written = out;
    return at;
}

/* The digits that are left over when the input or the padding ends: all whole octets in them. */
static size_t decode_base64_rest(uint32_t bits, unsigned count, uint8_t *decoded) {
    if (count == 2) decoded[0] = (uint8_t)(bits >> 4);
    if (count == 3) {
        decoded[0] = (uint8_t)(bits >> 10);
        decoded[1] = (uint8_t)(bits >> 2);
    }
    return count > 1 ? count - 1 : 0;
}

size_t decode_base64(const uint8_t *encoded, size_t length, uint8_t *decoded, decode_notes *notes) {
    size_t out = 0, at = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    while (at < length) {
        if (!count) at += decode_base64_run(encoded + at, length - at, decoded, &out);
        if (at == length) break;
        uint8_t digit = DIGITS[encoded[at]];
        if (digit == PAD) break;
        if (digit == JUNK) decode_note(&notes->junk, at);
        at++;
        if (digit > 63) continue;
        bits = bits << 6 | digit;
        if (++count < 4) continue;
        decoded[out++] = (uint8_t)(bits >> 16);
        decoded[out++] = (uint8_t)(bits >> 8);
        decoded[out++] = (uint8_t)bits;
        bits = count = 0;
    }
    unsigned padding = 0;
    for (size_t rest = at; rest < length; rest++) {
        uint8_t digit = DIGITS[encoded[rest]];
        if (digit == PAD && !notes->after_padding) padding++;
        else if (digit != SPACE) decode_note(&notes->after_padding, rest);
    }
    if (count + padding != 0 && count + padding != 4) decode_note(&notes->truncated, at);
    return out + decode_base64_rest(bits, count, decoded + out);
}

/* At '=': a soft line break (white space may stand before the line end) gives its length, else 0. */
static size_t decode_soft_break(const uint8_t *at, const uint8_t *end) {
    const uint8_t *rest = at + 1;
    while (rest < end && octet_is_wsp(*rest)) rest++;
    if (rest < end && *rest == '\n') return (size_t)(rest + 1 - at);
    if (rest + 1 < end && rest[0] == '\r' && rest[1] == '\n') return (size_t)(rest + 2 - at);
    return 0;
}

static uint8_t *decode_escape(const uint8_t **at, const uint8_t *end, uint8_t *out, size_t *bad) {
    size_t skip = decode_soft_break(*at, end);
    if (skip) {
        *at += skip;
        return out;
    }
    int high = end - *at > 2 ? octet_hex((*at)[1]) : -1;
    int low = end - *at > 2 ? octet_hex((*at)[2]) : -1;
    if (high >= 0 && low >= 0) {
        *out = (uint8_t)(high << 4 | low);
        *at += 3;
    } else {
        *bad = 1;
        *out = *(*at)++;
    }
    return out + 1;
}

size_t decode_quoted_printable(const uint8_t *encoded, size_t length, uint8_t *decoded, decode_notes *notes) {
    const uint8_t *at = encoded, *end = encoded + length;
    uint8_t *out = decoded;
    while (at < end) {
        const uint8_t *line_end = octets_next_line(at, end);
        const uint8_t *content_end = octets_chomp(at, line_end), *break_at = content_end;
        /* White space before a line end was added on the way and is no content (RFC 2045 s6.7 rule 3). */
        while (break_at > at && octet_is_wsp(break_at[-1])) break_at--;
        if (content_end == line_end) break_at = content_end;
        int is_soft = 0;
        while (at < break_at) {
            const uint8_t *mark = memchr(at, '=', (size_t)(break_at - at));
            size_t run = (size_t)((mark ? mark : break_at) - at);
            memmove(out, at, run);
            out += run;
            at += run;
            if (!mark) break;
            size_t bad = 0;
            is_soft = mark + 1 == break_at && content_end != line_end;
            out = decode_escape(&at, is_soft ? line_end : break_at, out, &bad);
            if (bad) decode_note(&notes->bad_escape, (size_t)(mark - encoded));
        }
        if (!is_soft) {
            memmove(out, content_end, (size_t)(line_end - content_end));
            out += line_end - content_end;
        }
        at = line_end;
    }
    return (size_t)(out - decoded);
}

size_t mime_decode(int encoding, const uint8_t *encoded, size_t length, uint8_t *decoded) {
    decode_notes notes = {0};
    if (encoding == MIME_BASE64) return decode_base64(encoded, length, decoded, &notes);
    if (encoding == MIME_QUOTED_PRINTABLE) return decode_quoted_printable(encoded, length, decoded, &notes);
    if (length) memmove(decoded, encoded, length);
    return length;
}
