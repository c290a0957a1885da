#include "text.h"

static int is_word_byte(uint8_t c) {
    return spam_is_alnum(c) || c == '$' || c == '%' || c == '\'';
}

static spam_span next_word(spam_span text, size_t *at) {
    size_t i = *at;
    while (i < text.length && !is_word_byte(text.bytes[i])) {
        i++;
    }
    size_t start = i;
    while (i < text.length && is_word_byte(text.bytes[i])) {
        i++;
    }
    *at = i;
    return (spam_span){text.bytes + start, i - start};
}

void spam_text_words(spam_features *set, enum spam_category category, uint64_t kind, spam_span text, size_t limit) {
    uint64_t previous = 0;
    size_t at = 0;
    for (size_t n = 0; n < limit && at < text.length;) {
        spam_span word = next_word(text, &at);
        if (word.length < SPAM_WORD_SHORTEST) {
            continue;
        }
        if (word.length > SPAM_WORD_LONGEST) {
            previous = 0; /* encoded or padding; n-grams see it */
            continue;
        }
        uint64_t hash = spam_hash_lower(word, kind);
        spam_features_add(set, category, hash);
        if (previous != 0) {
            spam_features_add(set, category, (previous << 7 | previous >> 57) ^ hash);
        }
        previous = hash;
        n++;
    }
}

void spam_text_ngrams(spam_features *set, enum spam_category category, spam_span text) {
    uint64_t last = 0;
    for (size_t i = 0; i < text.length; i++) {
        last = last << 8 | spam_lower(text.bytes[i]);
        if (i >= 2) {
            spam_features_add(set, category, (last & UINT64_C(0xffffff)) ^ UINT64_C(0x4000000000000));
        }
        if (i >= 4) {
            spam_features_add(set, category, (last & UINT64_C(0xffffffffff)) ^ UINT64_C(0x6000000000000));
        }
    }
}

size_t spam_text_fold(spam_span text, uint8_t *out, size_t capacity) {
    size_t length = 0;
    int in_space = 1;
    for (size_t i = 0; i < text.length && length < capacity; i++) {
        uint8_t c = text.bytes[i];
        if (c <= ' ') {
            if (!in_space) {
                out[length++] = ' ';
            }
            in_space = 1;
        } else {
            out[length++] = c;
            in_space = 0;
        }
    }
    return length;
}
