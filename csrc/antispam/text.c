#include "text.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { TILE = 256 };

/* Bit i: octet i of 64 is of a word. */
#ifdef __SSE2__
static uint32_t word_bytes_of(const uint8_t *at) {
    __m128i c = _mm_loadu_si128((const __m128i *)at);
    __m128i letter = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i digit = _mm_sub_epi8(c, _mm_set1_epi8('0'));
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_sign = _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('\'')),
                                   _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8('$')), _mm_cmpeq_epi8(c, _mm_set1_epi8('%'))));
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(is_letter, is_digit), _mm_or_si128(is_sign, c)));
}

static uint64_t word_mask(const uint8_t *at) {
    return (uint64_t)word_bytes_of(at) | (uint64_t)word_bytes_of(at + 16) << 16 | (uint64_t)word_bytes_of(at + 32) << 32 |
           (uint64_t)word_bytes_of(at + 48) << 48;
}
#else
static uint64_t word_mask(const uint8_t *at) {
    uint64_t mask = 0;
    for (int i = 0; i < 64; i++) {
        int is_of_word = spam_is_alnum(at[i]) || at[i] == '$' || at[i] == '%' || at[i] == '\'';
        mask |= (uint64_t)is_of_word << i;
    }
    return mask;
}
#endif

static uint64_t load(const uint8_t *at) {
    uint64_t octets;
    memcpy(&octets, at, sizeof octets);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    octets = __builtin_bswap64(octets);
#endif
    return octets;
}

/* Eight octets at a time: reads up to seven behind the word. */
static uint64_t word_hash(const uint8_t *word, size_t length, uint64_t kind) {
    uint64_t hash = (kind + 1) * UINT64_C(0xD6E8FEB86659FD93) + length;
    for (; length > 8; length -= 8, word += 8) {
        hash = (hash ^ load(word)) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    hash = (hash ^ (load(word) & UINT64_MAX >> (64 - 8 * length))) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

/* Where words begin and end, found 64 octets at once. */
typedef struct {
    spam_span text;
    size_t block; /* its mask is of text.bytes[block ...] */
    uint64_t mask;
} word_finder;

static uint64_t mask_at(const word_finder *find, size_t block) {
    size_t left = find->text.length - block;
    return word_mask(find->text.bytes + block) & (left < 64 ? (UINT64_C(1) << left) - 1 : UINT64_MAX);
}

/* The first octet from `at` on that is of a word, or is none; the text's length if all are of the other kind. */
static size_t next_edge(word_finder *find, size_t at, int is_word) {
    while (at < find->text.length) {
        if (at - find->block >= 64) {
            find->block = at & ~(size_t)63;
            find->mask = mask_at(find, find->block);
        }
        uint64_t wanted = (is_word ? find->mask : ~find->mask) >> (at - find->block);
        if (wanted != 0) {
            at += (size_t)__builtin_ctzll(wanted);
            return at < find->text.length ? at : find->text.length;
        }
        at = find->block + 64;
    }
    return find->text.length;
}

/* Hashes of features on their way to the set. */
typedef struct {
    spam_features *set;
    enum spam_category category;
    uint32_t count;
    uint32_t hashes[TILE];
} batch;

static void flush(batch *all) {
    spam_features_add_hashes(all->set, all->category, all->hashes, all->count);
    all->count = 0;
}

static void add(batch *all, uint64_t key) {
    if (all->count == TILE) {
        flush(all);
    }
    all->hashes[all->count++] = spam_feature_hash(all->category, key);
}

void spam_text_words(spam_features *set, enum spam_category category, uint64_t kind, spam_span text, size_t limit) {
    if (text.length == 0) {
        return;
    }
    word_finder find = {.text = text};
    find.mask = mask_at(&find, 0);
    batch all;
    all.set = set;
    all.category = category;
    all.count = 0;
    uint64_t previous = 0;
    size_t n = 0;
    for (size_t at = next_edge(&find, 0, 1); n < limit && at < text.length; at = next_edge(&find, at, 1)) {
        size_t start = at;
        at = next_edge(&find, at, 0);
        if (at - start < SPAM_WORD_SHORTEST) {
            continue;
        }
        if (at - start > SPAM_WORD_LONGEST) {
            previous = 0; /* encoded or padding; n-grams see it */
            continue;
        }
        uint64_t hash = word_hash(text.bytes + start, at - start, kind);
        add(&all, hash);
        if (previous != 0) {
            add(&all, (previous << 7 | previous >> 57) ^ hash);
        }
        previous = hash;
        n++;
    }
    flush(&all);
}

/* Plain 32-bit arithmetic over whole tiles, which compilers turn into vectors. Reads four octets behind the tile. */
SPAM_VECTORS static void hash_ngrams(const uint8_t *restrict text, size_t count, uint32_t salt, uint32_t *restrict threes,
                        uint32_t *restrict fives) {
    for (size_t i = 0; i < count; i++) {
        uint32_t three = (uint32_t)text[i] | (uint32_t)text[i + 1] << 8 | (uint32_t)text[i + 2] << 16;
        uint32_t two = (uint32_t)text[i + 3] | (uint32_t)text[i + 4] << 8;
        uint32_t a = three * UINT32_C(0x9E3779B1) + salt;
        uint32_t b = a + (two + 1) * UINT32_C(0x85EBCA6B);
        a = (a ^ a >> 15) * UINT32_C(0xC2B2AE35);
        b = (b ^ b >> 15) * UINT32_C(0x27D4EB2F);
        threes[i] = a ^ a >> 16;
        fives[i] = b ^ b >> 16;
    }
}

void spam_text_ngrams(spam_features *set, enum spam_category category, spam_span text) {
    uint32_t threes[TILE], fives[TILE];
    size_t all_threes = text.length < 3 ? 0 : text.length - 2;
    size_t all_fives = text.length < 5 ? 0 : text.length - 4;
    for (size_t at = 0; at < all_threes; at += TILE) {
        size_t count = all_threes - at < TILE ? all_threes - at : TILE;
        size_t of_five = all_fives <= at ? 0 : all_fives - at < TILE ? all_fives - at : TILE;
        hash_ngrams(text.bytes + at, count, ((uint32_t)category + 1) * UINT32_C(0x165667B1), threes, fives);
        spam_features_add_hashes(set, category, threes, count);
        spam_features_add_hashes(set, category, fives, of_five);
    }
}
