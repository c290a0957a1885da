#include "learn.h"

#include "score.h"

#include <math.h>

static int is_seen(uint32_t feature, uint32_t categories) {
    return (categories >> (feature >> 28) & 1) != 0;
}

static double sum_and_norm(const spam_learner *learner, const uint32_t *features, uint32_t count,
                           uint32_t categories, double *norm) {
    double sum = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_seen(features[i], categories)) {
            sum += learner->weights[spam_bucket(features[i], learner->bits)];
            seen++;
        }
    }
    *norm = 1.0 / sqrt((double)seen + learner->floor + (seen == 0));
    return learner->bias + sum * *norm;
}

double spam_learner_margin(const spam_learner *learner, const uint32_t *features, uint32_t count,
                           uint32_t categories) {
    double norm;
    return sum_and_norm(learner, features, count, categories, &norm);
}

static void descend(float *weight, float *square, double gradient, float rate) {
    *square += (float)(gradient * gradient);
    *weight -= (float)(rate * gradient / (sqrt((double)*square) + 1e-6));
}

double spam_learner_step(spam_learner *learner, const uint32_t *features, uint32_t count, uint32_t categories,
                         int is_spam, double importance) {
    double norm;
    double margin = sum_and_norm(learner, features, count, categories, &norm);
    double error = (1.0 / (1.0 + exp(-margin)) - (is_spam ? 1.0 : 0.0)) * importance;
    double gradient = error * norm;
    for (uint32_t i = 0; i < count; i++) {
        if (is_seen(features[i], categories)) {
            uint32_t bucket = spam_bucket(features[i], learner->bits);
            descend(&learner->weights[bucket], &learner->squares[bucket], gradient, learner->rate);
        }
    }
    descend(&learner->bias, &learner->bias_square, error, learner->rate * 0.1f);
    return margin;
}
