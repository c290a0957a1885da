/*
 * What a reader takes a character for, where that is another one: the table behind normal.h. tools/build_confusables.py
 * makes it, and names its sources.
 *
 * An entry is an ASCII character, or one of the values of enum spam_confusable.
 */
#ifndef MDA_SPAM_CONFUSABLES_H
#define MDA_SPAM_CONFUSABLES_H

#include <stdint.h>

enum { SPAM_CONFUSABLE_LAST = 0x1FFFF };

enum spam_confusable {
    SPAM_CONFUSABLE_NONE = 0, /* stays as it is */
    SPAM_CONFUSABLE_DROP = 1, /* is not seen */
    SPAM_CONFUSABLE_ADD_32 = 2, /* becomes the character so much further, its small letter */
    SPAM_CONFUSABLE_ADD_80 = 3,
    SPAM_CONFUSABLE_ADD_1 = 4,
    SPAM_CONFUSABLE_PAIR = 5 /* and above, below a space: two letters */
};

extern const uint8_t SPAM_CONFUSABLE_PAGE[SPAM_CONFUSABLE_LAST / 256 + 1];
extern const uint8_t SPAM_CONFUSABLE[][256];

static inline uint8_t spam_confusable_of(uint32_t code) {
    return code > SPAM_CONFUSABLE_LAST ? SPAM_CONFUSABLE_NONE : SPAM_CONFUSABLE[SPAM_CONFUSABLE_PAGE[code >> 8]][code & 255];
}

#endif
