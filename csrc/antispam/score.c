#include "score.h"

#include "bayes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AHEAD = 16 };

typedef struct {
    uint32_t feature;
    float weight;
} candidate;

static void insert_candidate(candidate *top, uint32_t *count, candidate found) {
    uint32_t at = *count < SPAM_TOP ? (*count)++ : SPAM_TOP - 1;
    while (at > 0 && fabsf(top[at - 1].weight) < fabsf(found.weight)) {
        top[at] = top[at - 1];
        at--;
    }
    top[at] = found;
}

/* Features with their pairs, so that what is spread over megabytes is fetched once. 288 KB on the stack. */
typedef struct {
    int8_t pairs[SPAM_MAX_FEATURES][2];
    uint32_t ids[SPAM_MAX_FEATURES];
    uint32_t count;
} found_features;

/* What a unit of weight, and of log-odds, adds to the margin. */
typedef struct {
    float weight;
    float odds;
    spam_bayes_found telling;
} units;

static float contribution(const int8_t *pair, const units *unit) {
    int size = abs(pair[1]);
    float weight = (float)pair[0] * unit->weight;
    if (size < unit->telling.least) {
        return weight;
    }
    return weight + (float)pair[1] * unit->odds * (size == unit->telling.least ? unit->telling.part : 1.0f);
}

static const int8_t *pair_of(const spam_model *model, uint32_t feature) {
    return model->weights + 2 * (size_t)spam_bucket(feature, model->bits);
}

/* Features of categories that the model does not know are left out. */
static units weigh(const spam_model *model, const uint32_t *features, uint32_t count, found_features *found,
                   double *margin) {
    spam_bayes bayes = {0};
    int64_t sum = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(pair_of(model, features[i + AHEAD]));
        }
        if ((model->categories >> (features[i] >> 28) & 1) == 0) {
            continue;
        }
        const int8_t *pair = pair_of(model, features[i]);
        sum += pair[0];
        spam_bayes_add(&bayes, pair[1]);
        found->ids[known] = features[i];
        found->pairs[known][0] = pair[0];
        found->pairs[known++][1] = pair[1];
    }
    found->count = bayes.features = known;
    units unit = {.weight = (float)(model->scale / sqrt((double)known + model->floor + (known == 0)))};
    unit.telling = spam_bayes_find(&bayes);
    unit.odds = (float)(model->share * unit.telling.unit);
    *margin = model->bias + (double)sum * unit.weight + unit.telling.sum * unit.odds;
    return unit;
}

void spam_score_features(const spam_model *model, const uint32_t *features, uint32_t count, spam_score *out) {
    found_features found;
    candidate top[SPAM_TOP];
    float sums[16] = {0};
    memset(out, 0, sizeof *out);
    double margin;
    units unit = weigh(model, features, count, &found, &margin);
    float least = 0;
    for (uint32_t i = 0; i < found.count; i++) {
        float weight = contribution(found.pairs[i], &unit);
        sums[found.ids[i] >> 28] += weight;
        if (fabsf(weight) > least) {
            insert_candidate(top, &out->top_count, (candidate){found.ids[i], weight});
            least = out->top_count == SPAM_TOP ? fabsf(top[SPAM_TOP - 1].weight) : 0;
        }
    }
    for (int i = 0; i < SPAM_CATEGORIES; i++) {
        out->categories[i] = sums[i] * model->slope;
    }
    for (uint32_t i = 0; i < out->top_count; i++) {
        out->top[i] = (spam_contribution){top[i].feature, top[i].weight * model->slope};
    }
    out->margin = (float)margin;
    out->feature_count = count;
    out->probability = 1.0 / (1.0 + exp(-(model->slope * margin + model->intercept)));
}
