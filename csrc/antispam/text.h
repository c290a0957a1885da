/*
 * Words and byte n-grams of a run of text.
 *
 * Words are runs of letters, digits and bytes above 127 (UTF-8 or an 8-bit charset: either way the same word gives
 * the same bytes), alone and in pairs of neighbours. N-grams are 3 and 5 bytes; they see what words can't: V1AGRA, spaced
 * out l e t t e r s, languages without spaces. docs/antispam.md says what other lengths gave.
 *
 * All text is normal (normal.h), with SPAM_PADDING octets behind it that may be read.
 */
#ifndef MDA_SPAM_TEXT_H
#define MDA_SPAM_TEXT_H

#include "features.h"

enum { SPAM_WORD_SHORTEST = 2, SPAM_WORD_LONGEST = 24 };

/* Words of `text` and their pairs, at most `limit` words. Kind keeps apart words of different fields. */
void spam_text_words(spam_features *set, enum spam_category category, uint64_t kind, spam_span text, size_t limit);

/* Byte 3-grams and 5-grams of `text`. */
void spam_text_ngrams(spam_features *set, enum spam_category category, spam_span text);

#endif
