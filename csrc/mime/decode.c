/* Transfer encodings; see decode.h. */
#include "decode.h"

#include <string.h>

#include "mime.h"
#include "octets.h"

#define PAD 64
#define SPACE 65
#define JUNK 66

static void decode_note(size_t *note, size_t offset) {
    if (!*note) *note = offset + 1;
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

size_t decode_base64(const mime_vector *vector, const uint8_t *encoded, size_t length, uint8_t *decoded,
                     decode_notes *notes) {
    size_t out = 0, at = 0;
    uint32_t bits = 0;
    unsigned count = 0;
    while (at < length) {
        if (!count) at += vector->base64(encoded + at, length - at, decoded, &out);
        if (at == length) break;
        uint8_t digit = VECTOR_DIGITS[encoded[at]];
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
        uint8_t digit = VECTOR_DIGITS[encoded[rest]];
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
    if (end - rest > 1 && rest[0] == '\r' && rest[1] == '\n') return (size_t)(rest + 2 - at);
    return 0;
}

/* Where quoted-printable is decoded to. */
typedef struct decode_line {
    uint8_t *out;
    uint8_t *solid; /* what is before this is no white space that a line end takes away */
} decode_line;

/* At '=': an escape, a soft break, or neither. Returns where the encoded octets go on. */
static const uint8_t *decode_escape(const uint8_t *at, const uint8_t *end, decode_line *line, size_t *bad) {
    int high = end - at > 2 ? octet_hex(at[1]) : -1;
    int low = high < 0 ? -1 : octet_hex(at[2]);
    if (low >= 0) {
        *line->out++ = (uint8_t)(high << 4 | low);
        line->solid = line->out;
        return at + 3;
    }
    size_t skip = decode_soft_break(at, end);
    if (!skip) {
        *bad = 1;
        *line->out++ = *at;
    }
    line->solid = line->out;
    return at + (skip ? skip : 1);
}

/* At a LF whose line, perhaps with its CR, is written. White space before a line end was added on the way and is no
 * content (RFC 2045 s6.7 rule 3). */
static void decode_line_end(decode_line *line) {
    int has_cr = line->out > line->solid && line->out[-1] == '\r';
    line->out -= has_cr;
    while (line->out > line->solid && octet_is_wsp(line->out[-1])) line->out--;
    if (has_cr) *line->out++ = '\r';
    *line->out++ = '\n';
    line->solid = line->out;
}

size_t decode_quoted_printable(const mime_vector *vector, const uint8_t *encoded, size_t length, uint8_t *decoded,
                               decode_notes *notes) {
    const uint8_t *at = encoded, *end = encoded + length;
    decode_line line = {decoded, decoded};
    while (at < end) {
        size_t run = *at == '=' ? 0 : vector->copy_until(at, (size_t)(end - at), '=', '\n', line.out);
        line.out += run;
        at += run;
        if (at == end) break;
        if (*at == '\n') {
            decode_line_end(&line);
            at++;
            continue;
        }
        size_t bad = 0;
        const uint8_t *mark = at;
        at = decode_escape(at, end, &line, &bad);
        if (bad) decode_note(&notes->bad_escape, (size_t)(mark - encoded));
    }
    return (size_t)(line.out - decoded);
}

size_t decode_transfer(const mime_vector *vector, int encoding, const uint8_t *encoded, size_t length,
                       uint8_t *decoded, decode_notes *notes) {
    if (encoding == MIME_BASE64) return decode_base64(vector, encoded, length, decoded, notes);
    if (encoding == MIME_QUOTED_PRINTABLE) return decode_quoted_printable(vector, encoded, length, decoded, notes);
    if (length) memmove(decoded, encoded, length);
    return length;
}

size_t mime_decode(int encoding, const uint8_t *encoded, size_t length, uint8_t *decoded) {
    decode_notes notes = {0};
    return decode_transfer(vector_choose(), encoding, encoded, length, decoded, &notes);
}

size_t mime_decode_part(int encoding, const uint8_t *input, size_t offset, size_t length, uint8_t *decoded) {
    return mime_decode(encoding, input + offset, length, decoded);
}
