#include "score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t feature;
    int weight;
} candidate;

static void insert_candidate(candidate *top, uint32_t *count, candidate found) {
    uint32_t at = *count < SPAM_TOP ? (*count)++ : SPAM_TOP - 1;
    while (at > 0 && abs(top[at - 1].weight) < abs(found.weight)) {
        top[at] = top[at - 1];
        at--;
    }
    top[at] = found;
}

void spam_score_features(const spam_model *model, const uint32_t *features, uint32_t count, spam_score *out) {
    candidate top[SPAM_TOP];
    int64_t sums[16] = {0};
    memset(out, 0, sizeof *out);
    int least = 0;
    for (uint32_t i = 0; i < count; i++) {
        int weight = model->weights[spam_bucket(features[i], model->bits)];
        sums[features[i] >> 28] += weight;
        if (abs(weight) > least) {
            insert_candidate(top, &out->top_count, (candidate){features[i], weight});
            least = out->top_count == SPAM_TOP ? abs(top[SPAM_TOP - 1].weight) : 0;
        }
    }
    int64_t sum = 0;
    double unit = model->scale / sqrt((double)count + model->floor + (count == 0));
    for (int i = 0; i < SPAM_CATEGORIES; i++) {
        sum += sums[i];
        out->categories[i] = (float)((double)sums[i] * unit * model->slope);
    }
    for (uint32_t i = 0; i < out->top_count; i++) {
        out->top[i] = (spam_contribution){top[i].feature, (float)(top[i].weight * unit * model->slope)};
    }
    double margin = model->bias + (double)sum * unit;
    out->margin = (float)margin;
    out->feature_count = count;
    out->probability = 1.0 / (1.0 + exp(-(model->slope * margin + model->intercept)));
}
