/*
 * Text as a reader takes it, in one pass: white space folded to single spaces, letters small, characters that look like
 * ASCII ones as those, invisible ones left out (confusables.h). So V.I.A.G.R.A. stays one to the n-grams, and a Cyrillic
 * or full-width letter, a soft hyphen or a zero-width space within a word changes nothing.
 *
 * The text is UTF-8; octets that are none, of a charset that nobody decoded, stay as they are. The result is never longer
 * than what was read. It is written with SPAM_PADDING octets of room behind it, which words and n-grams may read.
 */
#ifndef MDA_SPAM_NORMAL_H
#define MDA_SPAM_NORMAL_H

#include "features.h"

enum { SPAM_PADDING = 64 };

typedef struct {
    uint8_t *out; /* capacity + SPAM_PADDING octets */
    size_t capacity;
    size_t length;
    uint64_t in_space;  /* 1: white space now would add nothing */
    uint32_t disguised; /* characters that were others', or invisible */
} spam_normal;

void spam_normal_begin(spam_normal *text, uint8_t *out, size_t capacity);

/* Appends a piece of text; characters are not split between pieces. What exceeds the capacity is left out. */
void spam_normal_add(spam_normal *text, spam_span piece);

/* All at once. */
spam_span spam_normalise(spam_span text, uint8_t *out, size_t capacity);

static inline spam_span spam_normal_text(const spam_normal *text) {
    return (spam_span){text->out, text->length};
}

#endif
