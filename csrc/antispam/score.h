/*
 * Scoring a feature set with a model of two members, and saying why.
 *
 * margin = bias + sum(weights) / sqrt(n + floor) + share * Bayes; score = 1 / (1 + exp(-(slope * margin + intercept))).
 * `floor` is a prior of that many silent features: a two-line note has too little evidence to be sure of anything. Bayes
 * is of bayes.h. Weights are one signed byte each, times `scale`, log-odds too, SPAM_BAYES_UNIT to 1; the two of a
 * feature stand together. Reads the model only; any number of threads may share one.
 */
#ifndef MDA_SPAM_SCORE_H
#define MDA_SPAM_SCORE_H

#include "campaign.h"
#include "features.h"

/* cdef begin */
enum { SPAM_TOP = 12 };

typedef struct {
    const int8_t *weights; /* 1 << bits pairs: weight, log-odds */
    uint32_t bits;         /* 1 to 28 */
    uint32_t categories;   /* bit i: it knows category i; features of others are left out */
    float scale;
    float share;
    float bias;
    float floor;
    float slope;
    float intercept;
} spam_model;

typedef struct {
    uint32_t feature; /* category in the top 4 bits */
    float weight;     /* what it adds to the log-odds of spam; below 0 speaks for ham */
} spam_contribution;

typedef struct {
    double probability;
    spam_campaign campaign; /* set by spam_examine alone */
    float margin;
    uint32_t feature_count;
    uint32_t top_count;
    spam_contribution top[SPAM_TOP]; /* by size, largest first */
    float categories[SPAM_CATEGORIES]; /* sums of all contributions by category */
    uint64_t bands[SPAM_BANDS]; /* by which it was counted; set by spam_examine alone. Last: Python reads it from the end */
} spam_score;

/* Scores `count` features, each given once. */
void spam_score_features(const spam_model *model, const uint32_t *features, uint32_t count, spam_score *out);
/* cdef end */

/* The model's slot for a feature; `bits` as in spam_model. */
static inline uint32_t spam_bucket(uint32_t feature, uint32_t bits) {
    return (feature * UINT32_C(0x9E3779B1)) >> (32 - bits);
}

#endif
