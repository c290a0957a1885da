#include "known.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4 };

/* FNV-1a, seeded: a sender who knows which lines share a place gains nothing but a question more. */
static size_t place_of(const lmtp_known *known, const uint8_t *line, size_t length) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ known->seed;
    for (size_t at = 0; at < length; at++) {
        hash = (hash ^ line[at]) * UINT64_C(0x100000001b3);
    }
    return (size_t)(hash >> 32) % (LMTP_KNOWN_MOST / WAYS) * WAYS;
}

static bool is_line(const lmtp_known_line *kept, const uint8_t *line, size_t length) {
    return kept->recipient && kept->length == length && memcmp(kept->line, line, length) == 0;
}

uint64_t lmtp_known_find(const lmtp_known *known, const uint8_t *line, size_t length, uint64_t now) {
    const lmtp_known_line *first = known->lines + place_of(known, line, length);
    for (size_t way = 0; way < WAYS; way++) {
        if (is_line(first + way, line, length)) {
            bool is_recent = known->newest - first[way].recipient < LMTP_KNOWN_RECENT;
            return is_recent && now < first[way].until ? first[way].recipient : 0;
        }
    }
    return 0;
}

/* Where the line is, or the place of the one that holds no longer than any other. */
static lmtp_known_line *place_for(lmtp_known *known, const uint8_t *line, size_t length) {
    lmtp_known_line *first = known->lines + place_of(known, line, length), *oldest = first;
    for (size_t way = 0; way < WAYS; way++) {
        if (is_line(first + way, line, length)) {
            return first + way;
        }
        if (first[way].until < oldest->until) {
            oldest = first + way;
        }
    }
    return oldest;
}

void lmtp_known_put(lmtp_known *known, const uint8_t *line, size_t length, uint64_t recipient, uint64_t until) {
    known->newest = recipient > known->newest ? recipient : known->newest;
    uint8_t *copy = length && length <= LMTP_KNOWN_LINE ? malloc(length) : NULL;
    if (!copy) {
        return;
    }
    memcpy(copy, line, length);
    lmtp_known_line *place = place_for(known, line, length);
    free(place->line);
    *place = (lmtp_known_line){.recipient = recipient, .until = until, .line = copy, .length = (uint32_t)length};
}

void lmtp_known_forget(lmtp_known *known) {
    for (size_t index = 0; index < LMTP_KNOWN_MOST; index++) {
        free(known->lines[index].line);
        known->lines[index] = (lmtp_known_line){0};
    }
}
