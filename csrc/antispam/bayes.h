/*
 * Naive Bayes over the features that tell most, the second member of the score.
 *
 * A linear model spreads a message's evidence over all its features; what a few rare ones say, that each were seen on one side
 * only, is lost in the sum. Here only the TELLING features of largest log-odds count:
 *
 *     sum of them / sqrt(how many)
 *
 * Log-odds are signed bytes, UNIT of them to 1. So the largest are found by counting, in one pass.
 */
#ifndef MDA_SPAM_BAYES_H
#define MDA_SPAM_BAYES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum { SPAM_BAYES_TELLING = 128, SPAM_BAYES_UNIT = 12 };

typedef struct {
    int64_t sizes[129]; /* by the size of log-odds: how many features times 2^32, plus the sum of their log-odds */
    uint32_t features;
} spam_bayes;

static inline void spam_bayes_add(spam_bayes *all, int odds) {
    all->sizes[abs(odds)] += (INT64_C(1) << 32) + odds;
}

static inline int64_t spam_bayes_sum(int64_t size) {
    return (int32_t)(uint32_t)size;
}

static inline uint32_t spam_bayes_count(int64_t size) {
    return (uint32_t)((size - spam_bayes_sum(size)) >> 32);
}

/* What one unit of log-odds adds; the sum of those that count; the smallest size that still counts, and what part of that
   size. */
typedef struct {
    double unit;
    double sum;
    int least;
    float part;
} spam_bayes_found;

static inline spam_bayes_found spam_bayes_find(const spam_bayes *all) {
    spam_bayes_found found = {.least = 128, .part = 1.0f};
    uint32_t left = SPAM_BAYES_TELLING;
    for (;; found.least--) {
        uint32_t count = spam_bayes_count(all->sizes[found.least]);
        found.part = count > left ? (float)left / (float)count : 1.0f;
        found.sum += (double)spam_bayes_sum(all->sizes[found.least]) * found.part;
        if (count >= left || found.least == 1) {
            break;
        }
        left -= count;
    }
    uint32_t taken = all->features < SPAM_BAYES_TELLING ? all->features : SPAM_BAYES_TELLING;
    found.unit = taken == 0 ? 0.0 : 1.0 / (SPAM_BAYES_UNIT * sqrt((double)taken));
    return found;
}

#endif
