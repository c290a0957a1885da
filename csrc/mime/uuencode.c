/* uuencode; see uuencode.h.
 *
 * A line is a digit that counts its octets, then four digits for each three of them; a digit is its value + 32, and 0 is
 * written as a grave accent too. A line of no octets ends the data, and "end" stands behind it.
 */
#include "uuencode.h"

#include "octets.h"

#define MODE_DIGITS 8

static int uuencode_is_digit(uint8_t c) { return c >= 32 && c <= 96; }

static uint32_t uuencode_value(uint8_t c) { return (c - 32u) & 63; }

/* Whether the line [at, end) is "begin MODE NAME". */
static int uuencode_is_begin(const uint8_t *at, const uint8_t *end, uuencode_begin *begin) {
    if (end - at < 8 || memcmp(at, "begin ", 6) != 0) return 0;
    const uint8_t *mode = at += 6;
    while (at < end && *at >= '0' && *at <= '7') at++;
    if (at == mode || at - mode > MODE_DIGITS || at == end || !octet_is_wsp(*at)) return 0;
    while (at < end && octet_is_wsp(*at)) at++;
    while (end > at && octet_is_space(end[-1])) end--;
    begin->name = at;
    begin->name_length = (size_t)(end - at);
    return end > at;
}

int uuencode_find(const uint8_t *encoded, size_t length, uuencode_begin *begin) {
    const uint8_t *at = encoded, *end = encoded + length;
    while (at < end) {
        const uint8_t *next = octets_next_line(at, end);
        begin->next = (size_t)(next - encoded);
        if (*at == 'b' && uuencode_is_begin(at, next, begin)) return 1;
        at = next;
    }
    return 0;
}

/* The octets of one line; `count` of them were promised. Returns how many there were. QUIRK: programs and relays cut
 * spaces, which are digits of value 0, from the ends of lines: what lacks is read as such, up to a group. */
static size_t uuencode_line(const uint8_t *at, const uint8_t *end, size_t count, uint8_t *decoded) {
    size_t written = 0;
    for (; written < count && at < end && uuencode_is_digit(*at); at += 4) {
        uint32_t group = 0;
        for (int i = 0; i < 4; i++) group = group << 6 | (at + i < end ? uuencode_value(at[i]) : 0);
        for (int shift = 16; shift >= 0 && written < count; shift -= 8) decoded[written++] = (uint8_t)(group >> shift);
        if (end - at < 4) break;
    }
    return written;
}

static int uuencode_is_end(const uint8_t *at, const uint8_t *end) {
    return end - at == 3 && memcmp(at, "end", 3) == 0;
}

static void uuencode_note(size_t *bad, size_t length, size_t offset) {
    if (*bad == length) *bad = offset;
}

size_t uuencode_decode(const uint8_t *encoded, size_t length, uint8_t *decoded, size_t *bad) {
    uuencode_begin begin;
    size_t out = 0;
    int has_end = 0;
    *bad = length;
    if (!uuencode_find(encoded, length, &begin)) {
        if (length) {
            *bad = 0;
            memcpy(decoded, encoded, length);
        }
        return length;
    }
    const uint8_t *at = encoded + begin.next, *end = encoded + length;
    while (at < end && !has_end) {
        const uint8_t *next = octets_next_line(at, end), *line_end = octets_chomp(at, next);
        size_t count = at < line_end && uuencode_is_digit(*at) ? uuencode_value(*at) : 0, written = 0;
        has_end = uuencode_is_end(at, line_end);
        if (!has_end) written = uuencode_line(at + (at < line_end), line_end, count, decoded + out);
        if (written < count && !has_end) uuencode_note(bad, length, (size_t)(at - encoded));
        out += written;
        at = next;
    }
    if (!has_end) uuencode_note(bad, length, length - 1);
    return out;
}
