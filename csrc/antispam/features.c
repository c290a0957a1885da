#include "features.h"

#include <string.h>

void spam_features_begin(spam_features *set) {
    set->count = 0;
    memset(set->seen, 0, sizeof set->seen);
}

uint64_t spam_hash_lower(spam_span span, uint64_t kind) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325) ^ (kind * UINT64_C(0xD6E8FEB86659FD93));
    for (size_t i = 0; i < span.length; i++) {
        hash = (hash ^ spam_lower(span.bytes[i])) * UINT64_C(0x100000001B3);
    }
    return hash ^ hash >> 29;
}

void spam_features_add_size(spam_features *set, enum spam_category category, uint64_t kind, uint64_t value) {
    uint64_t magnitude = value < 4 ? value : 2;
    for (; value >= 4; value >>= 1) {
        magnitude++;
    }
    spam_features_add(set, category, (kind * UINT64_C(0xD6E8FEB86659FD93)) ^ (magnitude + 1) << 8);
}

int spam_equals(spam_span span, const char *lower) {
    return strlen(lower) == span.length && spam_starts(span, lower);
}

int spam_starts(spam_span span, const char *lower) {
    for (size_t i = 0; lower[i] != '\0'; i++) {
        if (i == span.length || spam_lower(span.bytes[i]) != (uint8_t)lower[i]) {
            return 0;
        }
    }
    return 1;
}
