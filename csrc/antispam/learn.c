#include "learn.h"

#include "bayes.h"
#include "score.h"

#include <math.h>

enum { AHEAD = 16, MESSAGES_A_TELLING = 2 };

static const float RARE = 0.1f; /* messages that a feature is taken to have been in besides, on both sides */

static int is_seen(uint32_t feature, uint32_t categories) {
    return (categories >> (feature >> 28) & 1) != 0;
}

/* Cells are spread over megabytes: those of the next features are on their way while this one is read. */
static void fetch(const spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t at) {
    if (at + AHEAD < count) {
        __builtin_prefetch(&learner->cells[spam_bucket(features[at + AHEAD], learner->bits)]);
    }
}

static int odds_of(const spam_learner *learner, const spam_cell *cell) {
    if (learner->ham == 0 || learner->spam == 0) {
        return 0;
    }
    float rate = (float)learner->ham / (float)learner->spam;
    float odds = logf(((float)cell->spam + RARE) / ((float)cell->ham + RARE) * rate) * SPAM_BAYES_UNIT;
    return odds > 127 ? 127 : odds < -127 ? -127 : (int)lrintf(odds);
}

/* How many messages of the kind that is less known. */
static uint32_t rarer_of(const spam_learner *learner) {
    return learner->ham < learner->spam ? learner->ham : learner->spam;
}

/* By how many features Bayes goes. */
static uint32_t telling_of(const spam_learner *learner) {
    uint32_t telling = learner->telling + rarer_of(learner) / MESSAGES_A_TELLING;
    return telling < SPAM_BAYES_TELLING ? telling : SPAM_BAYES_TELLING;
}

typedef struct {
    double norm;
    double margins[2];
    double bayes;
} outlook;

static outlook look(const spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                    double prior) {
    double sums[2] = {0, 0};
    uint32_t seen = 0;
    int8_t odds[SPAM_MAX_FEATURES];
    for (uint32_t i = 0; i < count; i++) {
        fetch(learner, features, count, i);
        if (is_seen(features[i], categories)) {
            const spam_cell *cell = &learner->cells[spam_bucket(features[i], learner->bits)];
            sums[0] += cell->weights[0];
            sums[1] += cell->weights[1];
            odds[seen++] = (int8_t)odds_of(learner, cell);
        }
    }
    outlook found = {.norm = 1.0 / sqrt((double)seen + learner->floor + (seen == 0))};
    for (int i = 0; i < 2; i++) {
        found.margins[i] = learner->bias[i] + learner->trust[i] * prior + sums[i] * found.norm;
    }
    spam_bayes bayes = spam_bayes_find(odds, seen, seen, telling_of(learner));
    found.bayes = bayes.sum * bayes.unit;
    return found;
}

static double together(const spam_learner *learner, const outlook *found, double prior) {
    double known = (learner->trust[0] + learner->trust[1]) / 2 * prior;
    double learned = (found->margins[0] + found->margins[1]) / 2 - known + learner->share * found->bayes;
    double rarer = rarer_of(learner);
    return known + (learner->doubt > 0 ? rarer / (rarer + learner->doubt) : 1.0) * learned;
}

double spam_learner_margin(const spam_learner *learner, const uint32_t *features, uint32_t count,
                           uint32_t categories, double prior) {
    outlook found = look(learner, features, count, categories, prior);
    return together(learner, &found, prior);
}

static void descend(float *weight, float *square, double gradient, float rate) {
    *square += (float)(gradient * gradient);
    *weight -= (float)(rate * gradient / (sqrt((double)*square) + 1e-6));
}

double spam_learner_step(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                         double prior, int is_spam, double importance) {
    outlook found = look(learner, features, count, categories, prior);
    double margin = together(learner, &found, prior), errors[2], gradients[2];
    for (int i = 0; i < 2; i++) {
        errors[i] = (1.0 / (1.0 + exp(-found.margins[i])) - (is_spam ? 1.0 : 0.0)) * importance;
        gradients[i] = errors[i] * found.norm;
    }
    for (uint32_t at = 0; at < count; at++) {
        fetch(learner, features, count, at);
        if (is_seen(features[at], categories)) {
            spam_cell *cell = &learner->cells[spam_bucket(features[at], learner->bits)];
            for (int i = 0; i < 2; i++) {
                descend(&cell->weights[i], &cell->squares[i], gradients[i], learner->rates[i]);
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        descend(&learner->bias[i], &learner->bias_squares[i], errors[i], learner->rates[i] * 0.1f);
        if (prior != 0) {
            descend(&learner->trust[i], &learner->trust_squares[i], errors[i] * prior, learner->rates[i] * 0.1f);
        }
    }
    return margin;
}

void spam_learner_count(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                        int is_spam) {
    for (uint32_t i = 0; i < count; i++) {
        fetch(learner, features, count, i);
        if (is_seen(features[i], categories)) {
            spam_cell *cell = &learner->cells[spam_bucket(features[i], learner->bits)];
            uint16_t *side = is_spam ? &cell->spam : &cell->ham;
            *side = (uint16_t)(*side + (*side < UINT16_MAX));
        }
    }
    *(is_spam ? &learner->spam : &learner->ham) += 1;
}

void spam_learner_read(const spam_learner *learner, float *weights, int8_t *odds) {
    for (uint32_t i = 0; i < UINT32_C(1) << learner->bits; i++) {
        const spam_cell *cell = &learner->cells[i];
        weights[i] = (cell->weights[0] + cell->weights[1]) / 2;
        odds[i] = (int8_t)(cell->ham || cell->spam ? odds_of(learner, cell) : 0);
    }
}
