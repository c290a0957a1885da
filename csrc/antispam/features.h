/*
 * The set of features of one message: binary, deduplicated, each tagged with the category of evidence it came from.
 *
 * A feature's id is 32 bits: the category in the top 4, a hash of what was seen in the low 28. The id, not a bucket
 * of some model, is what verdicts show and what is stored, so that models of any size explain themselves alike.
 * Anything that changes which ids a message yields must raise SPAM_FEATURE_VERSION: weights of another version are
 * meaningless.
 *
 * Nothing here fails: what exceeds a limit is left out, and the limits are set so that every source of evidence has
 * room of its own (a wall of harmless text can't crowd out the rest). Not thread-safe; one set belongs to one call.
 */
#ifndef MDA_SPAM_FEATURES_H
#define MDA_SPAM_FEATURES_H

#include <stddef.h>
#include <stdint.h>

/* cdef begin */
enum {
    SPAM_FEATURE_VERSION = 4,
    SPAM_MAX_FEATURES = 40960
};

enum spam_category {
    SPAM_SUBJECT = 0,
    SPAM_SENDER = 1,
    SPAM_RECIPIENT = 2,
    SPAM_HEADER_WORDS = 3,
    SPAM_HEADER_TEXT = 4,
    SPAM_HEADER_SHAPE = 5,
    SPAM_BODY_WORDS = 6,
    SPAM_BODY_TEXT = 7,
    SPAM_HTML_SHAPE = 8,
    SPAM_URLS = 9,
    SPAM_MIME_SHAPE = 10,
    SPAM_ATTACHMENTS = 11,
    SPAM_TRANSPORT = 12,
    SPAM_CAMPAIGN = 13,
    SPAM_AUTHENTICATION = 14,
    SPAM_CATEGORIES = 15
};
/* cdef end */

/* Compiled for each width of vectors, one of which is chosen when the program is loaded; all of them answer alike. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SPAM_VECTORS __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define SPAM_VECTORS
#endif

#define SPAM_SEEN_BITS 18

typedef struct {
    uint32_t count;
    uint64_t seen[1u << (SPAM_SEEN_BITS - 6)]; /* a bit for each hash of an id: of two ids that share one, the first stays */
    uint32_t ids[SPAM_MAX_FEATURES + 1]; /* the last one is written and never counted */
} spam_features;

typedef struct {
    const uint8_t *bytes;
    size_t length;
} spam_span;

/* Empties the set. Must be called before the first add. */
void spam_features_begin(spam_features *set);

/* Adds features by their hashes, which are well mixed, in one category. Thousands of times a message. */
void spam_features_add_hashes(spam_features *set, enum spam_category category, const uint32_t *hashes, size_t count);

/* The hash of feature (category, key); key is a hash or a small value, salted by the caller's kind. Multiplicative hashing
   keeps the high bits of the product: all of the key's bits reach them. */
static inline uint32_t spam_feature_hash(enum spam_category category, uint64_t key) {
    return (uint32_t)((key ^ ((uint64_t)(category + 1) << 56)) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* Adds one feature. */
static inline void spam_features_add(spam_features *set, enum spam_category category, uint64_t key) {
    uint32_t hash = spam_feature_hash(category, key);
    spam_features_add_hashes(set, category, &hash, 1);
}

/* A 64-bit hash of `span` in ASCII lower case, different for each `kind`. */
uint64_t spam_hash_lower(spam_span span, uint64_t kind);

/* Adds a value by its order of magnitude: 0, 1, 2, 3, 4-7, 8-15 ... so that near counts share a feature. */
void spam_features_add_size(spam_features *set, enum spam_category category, uint64_t kind, uint64_t value);

static inline uint8_t spam_lower(uint8_t c) {
    return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

static inline int spam_is_alnum(uint8_t c) {
    return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c >= 0x80;
}

/* Does `span` begin with `lower`, which is ASCII in lower case, without regard to case? */
static inline int spam_starts(spam_span span, const char *lower) {
    for (size_t i = 0; lower[i] != '\0'; i++) {
        if (i == span.length || spam_lower(span.bytes[i]) != (uint8_t)lower[i]) {
            return 0;
        }
    }
    return 1;
}

/* Does it equal `lower`? */
static inline int spam_equals(spam_span span, const char *lower) {
    for (size_t i = 0; i < span.length; i++) {
        if (lower[i] == '\0' || spam_lower(span.bytes[i]) != (uint8_t)lower[i]) {
            return 0;
        }
    }
    return lower[span.length] == '\0';
}

#endif
