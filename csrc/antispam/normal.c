#include "normal.h"

#include "confusables.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 16 };

/* What a block of ASCII holds: bit i is octet i. */
typedef struct {
    uint32_t spaces; /* white space and controls */
    uint32_t high;   /* above 127 */
} kinds;

/* Writes a block with small letters and plain spaces. Reads and writes BLOCK octets. */
#ifdef __SSE2__
static kinds take_block(const uint8_t *at, uint8_t *out) {
    __m128i block = _mm_loadu_si128((const __m128i *)at);
    /* Octets above 127 are negative: below a space, too. */
    __m128i low = _mm_cmplt_epi8(block, _mm_set1_epi8(' ' + 1));
    __m128i capital = _mm_and_si128(_mm_cmpgt_epi8(block, _mm_set1_epi8('A' - 1)),
                                    _mm_cmplt_epi8(block, _mm_set1_epi8('Z' + 1)));
    __m128i small = _mm_or_si128(block, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
    __m128i spaced = _mm_or_si128(_mm_andnot_si128(low, small), _mm_and_si128(low, _mm_set1_epi8(' ')));
    _mm_storeu_si128((__m128i *)out, spaced);
    uint32_t high = (uint32_t)_mm_movemask_epi8(block);
    return (kinds){(uint32_t)_mm_movemask_epi8(low) & ~high, high};
}
#else
static kinds take_block(const uint8_t *at, uint8_t *out) {
    kinds found = {0, 0};
    for (uint32_t i = 0; i < BLOCK; i++) {
        uint8_t c = at[i];
        found.spaces |= (uint32_t)(c <= ' ') << i;
        found.high |= (uint32_t)(c >> 7) << i;
        out[i] = c <= ' ' ? ' ' : spam_lower(c);
    }
    return found;
}
#endif

/* Moves what is kept of a block of `length` octets at text->out + text->length together. */
static void close_up(spam_normal *text, uint32_t drop, uint32_t length) {
    uint8_t block[BLOCK], *out = text->out + text->length;
    memcpy(block, out, BLOCK);
    uint32_t keep = ~drop & ((UINT32_C(1) << length) - 1), from = 0;
    while (keep != 0) {
        uint32_t skip = (uint32_t)__builtin_ctz(keep);
        keep >>= skip;
        from += skip;
        uint32_t run = (uint32_t)__builtin_ctz(~keep);
        for (uint32_t i = 0; i < run; i++) {
            *out++ = block[from + i];
        }
        keep >>= run;
        from += run;
    }
    text->length = (size_t)(out - text->out);
}

/* The first `length` octets of a block, ASCII all of them, of which `spaces` are white space. */
static void add_ascii(spam_normal *text, uint32_t spaces, uint32_t length) {
    uint32_t all = (UINT32_C(1) << length) - 1;
    spaces &= all;
    uint32_t drop = spaces & (spaces << 1 | (uint32_t)text->in_space);
    text->in_space = spaces >> (length - 1) & 1;
    if (drop == 0) {
        text->length += length;
    } else {
        close_up(text, drop, length);
    }
}

/* The length of the UTF-8 character at `at`, and its code; 0 if there is none. */
static size_t read_character(const uint8_t *at, size_t left, uint32_t *code) {
    uint8_t first = at[0];
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > left) {
        return 0;
    }
    *code = first & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (at[i] & 0x3F);
    }
    return length;
}

static void put(spam_normal *text, uint8_t c) {
    if (c != ' ' || !text->in_space) {
        text->out[text->length++] = c;
    }
    text->in_space = c == ' ';
}

static void put_two(spam_normal *text, uint32_t code) {
    put(text, (uint8_t)(0xC0 | code >> 6));
    put(text, (uint8_t)(0x80 | (code & 0x3F)));
}

/* Accents are not a disguise, letters of another script and what can't be seen are. */
static int is_disguise(uint32_t code) {
    return code >= 0x250 && (code < 0x2000 || code > 0x2070 || (code >= 0x200B && code <= 0x200F));
}

/* One character above ASCII, of at most four octets; returns how many of them were read. */
static size_t add_character(spam_normal *text, const uint8_t *at, size_t left) {
    static const char pairs[][2] = {{'a', 'e'}, {'o', 'e'}, {'s', 's'}, {'f', 'f'}, {'f', 'i'}, {'f', 'l'}};
    uint32_t code = 0;
    size_t length = read_character(at, left, &code);
    if (length == 0) {
        put(text, at[0]);
        return 1;
    }
    uint8_t entry = spam_confusable_of(code);
    if (entry == SPAM_CONFUSABLE_NONE) {
        for (size_t i = 0; i < length; i++) {
            put(text, at[i]);
        }
    } else if (entry >= ' ') {
        put(text, entry);
        text->disguised += (uint32_t)is_disguise(code);
    } else if (entry >= SPAM_CONFUSABLE_PAIR) {
        put(text, (uint8_t)pairs[entry - SPAM_CONFUSABLE_PAIR][0]);
        put(text, (uint8_t)pairs[entry - SPAM_CONFUSABLE_PAIR][1]);
    } else if (entry == SPAM_CONFUSABLE_DROP) {
        text->disguised += (uint32_t)is_disguise(code);
    } else {
        put_two(text, code + (entry == SPAM_CONFUSABLE_ADD_32 ? 32 : entry == SPAM_CONFUSABLE_ADD_80 ? 80 : 1));
    }
    return length;
}

void spam_normal_begin(spam_normal *text, uint8_t *out, size_t capacity) {
    *text = (spam_normal){.out = out, .capacity = capacity, .in_space = 1};
}

void spam_normal_add(spam_normal *text, spam_span piece) {
    size_t at = 0;
    while (at < piece.length && text->length < text->capacity) {
        uint8_t last[BLOCK] = {0};
        const uint8_t *from = piece.bytes + at;
        size_t left = piece.length - at;
        if (left < BLOCK) {
            memcpy(last, from, left);
            from = last;
        }
        kinds found = take_block(from, text->out + text->length);
        uint32_t length = left < BLOCK ? (uint32_t)left : BLOCK;
        uint32_t plain = found.high == 0 ? length : (uint32_t)__builtin_ctz(found.high);
        if (plain > 0) {
            add_ascii(text, found.spaces, plain);
            at += plain;
        } else {
            at += add_character(text, piece.bytes + at, left);
        }
    }
    if (text->length > text->capacity) {
        text->length = text->capacity;
    }
}

spam_span spam_normalise(spam_span text, uint8_t *out, size_t capacity) {
    spam_normal normal;
    spam_normal_begin(&normal, out, capacity);
    spam_normal_add(&normal, text);
    return spam_normal_text(&normal);
}
