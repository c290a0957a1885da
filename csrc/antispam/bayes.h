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

#include <stdint.h>

/* cdef begin */
enum { SPAM_BAYES_TELLING = 128, SPAM_BAYES_UNIT = 12 };
/* cdef end */

/* What one unit of log-odds adds; the sum of those that count; the smallest size that still counts, and what part of that
   size. */
typedef struct {
    double unit;
    double sum;
    int least;
    float part;
} spam_bayes;

/* Of `count` log-odds, the `telling` that count. `known` features were looked at: the others of `odds` are 0. */
spam_bayes spam_bayes_find(const int8_t *odds, uint32_t count, uint32_t known, uint32_t telling);

#endif
