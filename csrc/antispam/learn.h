/*
 * Learning one message at a time: logistic regression with AdaGrad's per-weight steps (Duchi, Hazan, Singer 2011), once
 * with small steps and once with large ones, and naive Bayes (bayes.h).
 *
 *     margin = mean of both (bias + trust * prior + sum(weights) / sqrt(n + floor)) + share * Bayes
 *
 * Who learns online lets Bayes go by few features while it has counted few messages (`telling`, and one more for two of
 * the rarer kind, up to SPAM_BAYES_TELLING): of a hundred messages most features were seen in one alone, which all say
 * the same, and say little. And all but the prior is drawn towards 0 as long as one kind is hardly known: it counts by
 * r / (r + doubt), r messages of the rarer kind having been counted.
 *
 * The slow one does not learn noise by heart, the fast one is better on little mail. `prior` is what is known before,
 * the margin of a model that is not learned here; how far it is trusted is learned too. A mask of categories lets it
 * learn from a partial view of a message. Not for two threads at once.
 */
#ifndef MDA_SPAM_LEARN_H
#define MDA_SPAM_LEARN_H

#include "features.h"

/* cdef begin */
typedef struct {
    float weights[2], squares[2]; /* squares: sums of squared gradients */
    uint16_t ham, spam;           /* messages that had it; they stop at their largest value */
} spam_cell;

typedef struct {
    spam_cell *cells; /* 1 << bits, zeroed: all of a feature in one place, as each costs a cache miss */
    uint32_t bits;
    float rates[2];
    float floor;
    float share;
    uint32_t telling; /* features that Bayes goes by before it has counted any message, at most SPAM_BAYES_TELLING */
    float doubt;
    uint32_t ham, spam; /* messages counted */
    float bias[2], bias_squares[2];
    float trust[2], trust_squares[2];
} spam_learner;

/* The margin of a message seen through `categories` (bit i is category i). */
double spam_learner_margin(const spam_learner *learner, const uint32_t *features, uint32_t count,
                           uint32_t categories, double prior);

/* Moves the weights one step towards `is_spam`, times `importance`; returns the margin before the step. */
double spam_learner_step(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                         double prior, int is_spam, double importance);

/* Counts a message for naive Bayes; to be done once a message, however often it is learned from. */
void spam_learner_count(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                        int is_spam);

/* The mean weight and the log-odds (SPAM_BAYES_UNIT to 1) of every bucket, 1 << bits of each. */
void spam_learner_read(const spam_learner *learner, float *weights, int8_t *odds);
/* cdef end */

#endif
