/* Octet classes and case-free comparison in ASCII; no locale, no NUL-terminated strings. */
#ifndef MIME_OCTETS_H
#define MIME_OCTETS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline int octet_is_wsp(uint8_t c) { return c == ' ' || c == '\t'; }
static inline int octet_is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static inline int octet_is_digit(uint8_t c) { return c >= '0' && c <= '9'; }
static inline uint8_t octet_lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c; }
static inline int octet_is_alpha(uint8_t c) { return octet_lower(c) >= 'a' && octet_lower(c) <= 'z'; }

/* Classes of octets, for tokens that end at one of a set: bits to be joined. */
typedef enum octet_class {
    OCTET_SPACE = 1, /* SP, HT, CR, LF and '(', at which every token ends */
    OCTET_SEMICOLON = 2,
    OCTET_EQUALS = 4,
    OCTET_QUOTE = 8,
    OCTET_SLASH = 16,
    OCTET_COMMA = 32,
    OCTET_ADDRESS = 64 /* < > @ : [ ] */
} octet_class;

static inline int octet_is_of(uint8_t c, int classes) {
    static const uint8_t CLASSES[256] = {
        [' '] = OCTET_SPACE,     ['\t'] = OCTET_SPACE,  ['\r'] = OCTET_SPACE,  ['\n'] = OCTET_SPACE,
        ['('] = OCTET_SPACE,     [';'] = OCTET_SEMICOLON, ['='] = OCTET_EQUALS, ['"'] = OCTET_QUOTE,
        ['/'] = OCTET_SLASH,     [','] = OCTET_COMMA,    ['<'] = OCTET_ADDRESS, ['>'] = OCTET_ADDRESS,
        ['@'] = OCTET_ADDRESS,   [':'] = OCTET_ADDRESS,  ['['] = OCTET_ADDRESS, [']'] = OCTET_ADDRESS,
    };
    return CLASSES[c] & classes;
}

/* 0-15, or -1. */
static inline int octet_hex(uint8_t c) {
    static const int8_t DIGITS[256] = {
        ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9, ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
        ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    };
    return DIGITS[c] - 1;
}

/* `lower` must be in lower case already. */
static inline int octets_equal(const uint8_t *bytes, size_t length, const char *lower, size_t lower_length) {
    if (length != lower_length) return 0;
    for (size_t i = 0; i < length; i++)
        if (octet_lower(bytes[i]) != (uint8_t)lower[i]) return 0;
    return 1;
}

#define octets_are(bytes, length, literal) octets_equal((bytes), (length), (literal), sizeof(literal) - 1)

/* Past the line end of the line at `at`, or `end`. */
static inline const uint8_t *octets_next_line(const uint8_t *at, const uint8_t *end) {
    const uint8_t *lf = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return lf ? lf + 1 : end;
}

/* Drops one line end (CRLF or LF) at the end of [at, end). */
static inline const uint8_t *octets_chomp(const uint8_t *at, const uint8_t *end) {
    if (end > at && end[-1] == '\n') end--;
    else return end;
    return end > at && end[-1] == '\r' ? end - 1 : end;
}

#endif
