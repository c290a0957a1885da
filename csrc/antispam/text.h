/*
 * Words and byte n-grams of a run of text.
 *
 * Words are runs of letters, digits and bytes above 127 (UTF-8 or an 8-bit charset: either way the same word gives
 * the same bytes), in lower case, alone and in pairs of neighbours. N-grams are 3 and 5 bytes of the text in lower
 * case, white space folded; they see what words can't: V1AGRA, spaced out l e t t e r s, languages without spaces.
 * docs/antispam.md says what other lengths gave.
 */
#ifndef MDA_SPAM_TEXT_H
#define MDA_SPAM_TEXT_H

#include "features.h"

enum { SPAM_WORD_SHORTEST = 2, SPAM_WORD_LONGEST = 24 };

/* Words of `text` and their pairs, at most `limit` words. Kind keeps apart words of different fields. */
void spam_text_words(spam_features *set, enum spam_category category, uint64_t kind, spam_span text, size_t limit);

/* Byte 3-grams and 5-grams of `text`. */
void spam_text_ngrams(spam_features *set, enum spam_category category, spam_span text);

/* Copies `text` with runs of white space folded to one space, until `capacity` is full; returns the copy's length. */
size_t spam_text_fold(spam_span text, uint8_t *out, size_t capacity);

#endif
