/*
 * One step of online logistic regression with AdaGrad's per-weight steps (Duchi, Hazan, Singer 2011).
 *
 * The learner's two arrays are the caller's; a mask of categories lets it learn from a partial view of a message.
 */
#ifndef MDA_SPAM_LEARN_H
#define MDA_SPAM_LEARN_H

#include "features.h"

/* cdef begin */
typedef struct {
    float *weights; /* 1 << bits */
    float *squares; /* 1 << bits: sums of squared gradients */
    uint32_t bits;
    float bias;
    float bias_square;
    float floor;
    float rate;
} spam_learner;

/* The margin of a message seen through `categories` (bit i is category i). */
double spam_learner_margin(const spam_learner *learner, const uint32_t *features, uint32_t count,
                           uint32_t categories);

/* Moves the weights one step towards `is_spam`, times `importance`; returns the margin before the step. */
double spam_learner_step(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                         int is_spam, double importance);
/* cdef end */

#endif
