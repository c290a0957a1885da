#include "score.h"

#include "bayes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 64 };

/* What the model says of each feature, side by side: what is spread over megabytes is fetched once, and all that follows
   runs over whole vectors. */
typedef struct {
    int8_t weights[SPAM_MAX_FEATURES];
    int8_t odds[SPAM_MAX_FEATURES];
} found_features;

/* The places of a tile's pairs, which are on their way from then on. */
static void prepare(const spam_model *model, const uint32_t *features, uint32_t count, uint32_t places[TILE]) {
    for (uint32_t i = 0; i < count; i++) {
        places[i] = 2 * spam_bucket(features[i], model->bits);
    }
    for (uint32_t i = 0; i < count; i++) {
        __builtin_prefetch(model->weights + places[i]);
    }
}

/* Features of categories that the model does not know say nothing. Returns how many it knows. */
static uint32_t fetch(const spam_model *model, const uint32_t *features, uint32_t count, found_features *found) {
    uint32_t known = 0, places[2][TILE];
    prepare(model, features, count < TILE ? count : TILE, places[0]);
    for (uint32_t at = 0, turn = 0; at < count; at += TILE, turn ^= 1) {
        uint32_t length = count - at < TILE ? count - at : TILE, left = count - at - length;
        prepare(model, features + at + length, left < TILE ? left : TILE, places[turn ^ 1]);
        for (uint32_t i = 0; i < length; i++) {
            const int8_t *pair = model->weights + places[turn][i];
            int is_known = (int)(model->categories >> (features[at + i] >> 28) & 1);
            found->weights[at + i] = (int8_t)(pair[0] & -is_known);
            found->odds[at + i] = (int8_t)(pair[1] & -is_known);
            known += (uint32_t)is_known;
        }
    }
    return known;
}

SPAM_VECTORS static int64_t sum_of(const int8_t *weights, uint32_t count) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    return sum;
}

/* What a unit of weight, and of log-odds, adds to the margin. */
typedef struct {
    float weight;
    float odds;
    float part_odds; /* of the smallest size that still counts */
    int least;
} units;

/* A float's size as a number of the same order; comparing floats would keep compilers from whole vectors. */
static uint32_t size_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x7FFFFFFF;
}

/* Contributions to the margin of a tile of features, and of those how many weigh more than `limit`. */
SPAM_VECTORS static uint32_t weigh(const int8_t *restrict weights, const int8_t *restrict odds, uint32_t count,
                                   units unit, float limit, float *restrict out) {
    uint32_t heavy = 0, limit_size = size_of(limit);
    int least = unit.least;
    for (uint32_t i = 0; i < count; i++) {
        int one = odds[i], size = one < 0 ? -one : one;
        int whole = one & -(size > least), part = one & -(size == least);
        out[i] = (float)weights[i] * unit.weight + (float)whole * unit.odds + (float)part * unit.part_odds;
    }
    for (uint32_t i = 0; i < count; i++) {
        heavy += size_of(out[i]) > limit_size;
    }
    return heavy;
}

/* Sums in sixteen places, so that they can be added side by side; the order is the same on any machine. */
SPAM_VECTORS static float added(const float *values, uint32_t count) {
    float places[16] = {0};
    uint32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        for (uint32_t j = 0; j < 16; j++) {
            places[j] += values[i + j];
        }
    }
    float sum = 0;
    for (uint32_t j = 0; j < 16; j++) {
        sum += places[j];
    }
    for (; i < count; i++) {
        sum += values[i];
    }
    return sum;
}

SPAM_VECTORS static int is_one_category(const uint32_t *features, uint32_t count) {
    uint32_t differs = 0;
    for (uint32_t i = 0; i < count; i++) {
        differs |= features[i] ^ features[0];
    }
    return differs >> 28 == 0;
}

static void add_categories(const uint32_t *features, const float *weights, uint32_t count, float sums[16]) {
    if (is_one_category(features, count)) {
        sums[features[0] >> 28] += added(weights, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sums[features[i] >> 28] += weights[i];
    }
}

static void insert(spam_score *out, uint32_t feature, float weight) {
    spam_contribution *top = out->top;
    uint32_t at = out->top_count < SPAM_TOP ? out->top_count++ : SPAM_TOP - 1;
    while (at > 0 && fabsf(top[at - 1].weight) < fabsf(weight)) {
        top[at] = top[at - 1];
        at--;
    }
    top[at] = (spam_contribution){feature, weight};
}

static float lightest(const spam_score *out) {
    return out->top_count == SPAM_TOP ? fabsf(out->top[SPAM_TOP - 1].weight) : 0.0f;
}

static void add_top(const uint32_t *features, const float *weights, uint32_t count, spam_score *out) {
    for (uint32_t i = 0; i < count; i++) {
        if (fabsf(weights[i]) > lightest(out)) {
            insert(out, features[i], weights[i]);
        }
    }
}

/* Why: the features that weigh most, and the sums by category, as parts of the margin. */
static void explain(const found_features *found, const uint32_t *features, uint32_t count, const units *unit,
                    spam_score *out) {
    float sums[16] = {0}, weights[TILE];
    for (uint32_t at = 0; at < count; at += TILE) {
        uint32_t length = count - at < TILE ? count - at : TILE;
        uint32_t heavy = weigh(found->weights + at, found->odds + at, length, *unit, lightest(out), weights);
        add_categories(features + at, weights, length, sums);
        if (heavy > 0) {
            add_top(features + at, weights, length, out);
        }
    }
    memcpy(out->categories, sums, sizeof out->categories);
}

void spam_score_features(const spam_model *model, const uint32_t *features, uint32_t count, spam_score *out) {
    found_features found;
    found.weights[0] = found.odds[0] = 0; /* also where there are no features */
    memset(out, 0, sizeof *out);
    uint32_t known = fetch(model, features, count, &found);
    spam_bayes telling = spam_bayes_find(found.odds, count, known, SPAM_BAYES_TELLING);
    units unit = {.weight = (float)(model->scale / sqrt((double)known + model->floor + (known == 0))),
                  .odds = (float)(model->share * telling.unit),
                  .least = telling.least};
    unit.part_odds = unit.odds * telling.part;
    double margin = model->bias + (double)sum_of(found.weights, count) * unit.weight + telling.sum * unit.odds;
    explain(&found, features, count, &unit, out);
    for (int i = 0; i < SPAM_CATEGORIES; i++) {
        out->categories[i] *= model->slope;
    }
    for (uint32_t i = 0; i < out->top_count; i++) {
        out->top[i].weight *= model->slope;
    }
    out->margin = (float)margin;
    out->feature_count = count;
    out->probability = 1.0 / (1.0 + exp(-(model->slope * margin + model->intercept)));
}
