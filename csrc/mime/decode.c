/* Transfer encodings; see decode.h. */
#include "decode.h"

#include <string.h>

#include "mime.h"
#include "octets.h"
#include "uuencode.h"

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

size_t decode_quoted_printable(const mime_vector *vector, const uint8_t *encoded, size_t length, uint8_t *decoded,
                               decode_notes *notes) {
    size_t bad = length, written = vector->quoted_printable(encoded, length, decoded, &bad);
    if (bad < length) decode_note(&notes->bad_escape, bad);
    return written;
}

static size_t decode_uuencode(const uint8_t *encoded, size_t length, uint8_t *decoded, decode_notes *notes) {
    size_t bad, written = uuencode_decode(encoded, length, decoded, &bad);
    if (bad < length) decode_note(&notes->bad_uuencode, bad);
    return written;
}

int decode_changes(int encoding) {
    return encoding == MIME_BASE64 || encoding == MIME_QUOTED_PRINTABLE || encoding == MIME_UUENCODE;
}

size_t decode_transfer(const mime_vector *vector, int encoding, const uint8_t *encoded, size_t length,
                       uint8_t *decoded, decode_notes *notes) {
    if (encoding == MIME_BASE64) return decode_base64(vector, encoded, length, decoded, notes);
    if (encoding == MIME_QUOTED_PRINTABLE) return decode_quoted_printable(vector, encoded, length, decoded, notes);
    if (encoding == MIME_UUENCODE) return decode_uuencode(encoded, length, decoded, notes);
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
