#include "features.h"

#include <string.h>

void spam_features_begin(spam_features *set) {
    set->count = 0;
    memset(set->seen, 0, sizeof set->seen);
}

void spam_features_add_hashes(spam_features *set, enum spam_category category, const uint32_t *hashes, size_t count) {
    uint32_t kept = set->count, tag = (uint32_t)category << 28; /* no branch below: it could not be foretold */
    if (count > SPAM_MAX_FEATURES - kept) {
        count = SPAM_MAX_FEATURES - kept;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = hashes[i] >> (32 - SPAM_SEEN_BITS);
        uint64_t seen = set->seen[bit >> 6];
        set->ids[kept] = tag | hashes[i] >> 4;
        set->seen[bit >> 6] = seen | UINT64_C(1) << (bit & 63);
        kept += (uint32_t)(~seen >> (bit & 63) & 1);
    }
    set->count = kept;
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
