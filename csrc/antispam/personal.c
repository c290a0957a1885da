#include "personal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SILENT_FEATURES = 64, PASSES = 10, LEFT_OUT = 3 };

static const float RATE = 0.45f;
static const double COMMON = 0.75;
static const float ENOUGH = 0.02f; /* an error this small teaches nothing */
static const float FURTHEST = 8.0f; /* log-odds beyond which a base says no more */

/* How near to the front a kind stands; those that are not named are left out. */
static const uint8_t NEARNESS[16] = {
    [SPAM_SUBJECT] = 3,     [SPAM_SENDER] = 3,       [SPAM_URLS] = 3,
    [SPAM_ATTACHMENTS] = 3, [SPAM_HEADER_WORDS] = 2, [SPAM_BODY_WORDS] = 2,
    [SPAM_BODY_TEXT] = 1,   [SPAM_CAMPAIGN] = 2,     [SPAM_AUTHENTICATION] = 3,
};

/* Lower ranks are taken first. */
static uint32_t rank_of(uint32_t feature) {
    return LEFT_OUT - NEARNESS[feature >> 28];
}

/* How far a step moves a feature of each rank: who writes and what for says more than the words that mail shares.
   It is divided by the number of marks that have the feature, to the power of COMMON: what all of them have would else
   pull all mail along, as a user's marks are often of one kind only. */
static const float STEPS[LEFT_OUT + 1] = {1.0f, 0.5f, 0.25f, 0.0f};

/* Rank, then hash, then the id itself: a total order. */
static uint64_t order_of(uint32_t feature) {
    uint32_t mixed = feature * UINT32_C(0x85EBCA6B);
    mixed ^= mixed >> 15;
    return (uint64_t)rank_of(feature) << 60 | (uint64_t)(mixed >> 4) << 32 | feature;
}

static void sink(uint64_t *heap, uint32_t count, uint32_t at) {
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && heap[child + 1] > heap[child];
        if (heap[at] >= heap[child]) {
            return;
        }
        uint64_t kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
        at = child;
    }
}

static int by_id(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* The rank within which a choice must be made: those below it are taken whole, those above it are left out. */
static uint32_t cut_of(const uint32_t *features, uint32_t count) {
    uint32_t of_rank[LEFT_OUT + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        of_rank[rank_of(features[i])]++;
    }
    uint32_t cut = 0;
    for (uint32_t taken = of_rank[0]; cut < LEFT_OUT && taken < SPAM_VIEW_FEATURES; taken += of_rank[cut]) {
        cut++;
    }
    return cut;
}

static void take(uint64_t *heap, uint32_t *kept, uint64_t order) {
    if (*kept < SPAM_VIEW_FEATURES) {
        heap[(*kept)++] = order;
        for (uint32_t at = *kept / 2; *kept == SPAM_VIEW_FEATURES && at-- > 0;) {
            sink(heap, *kept, at);
        }
    } else if (order < heap[0]) {
        heap[0] = order;
        sink(heap, *kept, 0);
    }
}

void spam_view_take(const uint32_t *features, uint32_t count, spam_view *view) {
    uint64_t heap[SPAM_VIEW_FEATURES];
    uint32_t kept = 0, cut = cut_of(features, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = rank_of(features[i]);
        if (rank <= cut && rank != LEFT_OUT) {
            take(heap, &kept, order_of(features[i]));
        }
    }
    view->count = kept;
    for (uint32_t i = 0; i < kept; i++) {
        view->ids[i] = (uint32_t)heap[i];
    }
    qsort(view->ids, kept, sizeof *view->ids, by_id);
}

static double norm_of(uint32_t count) {
    return 1.0 / sqrt((double)count + SILENT_FEATURES);
}

static void insert_top(spam_contribution *top, uint32_t *count, spam_contribution found) {
    uint32_t at = *count;
    if (at == SPAM_PERSONAL_TOP) {
        if (fabsf(top[at - 1].weight) >= fabsf(found.weight)) {
            return;
        }
        at--;
    } else {
        (*count)++;
    }
    for (; at > 0 && fabsf(top[at - 1].weight) < fabsf(found.weight); at--) {
        top[at] = top[at - 1];
    }
    top[at] = found;
}

double spam_personal_score(const uint32_t *ids, const int8_t *weights, uint32_t count, float scale,
                           const uint32_t *view, uint32_t view_count, spam_contribution top[SPAM_PERSONAL_TOP],
                           uint32_t *top_count) {
    double unit = scale * norm_of(view_count);
    int64_t sum = 0;
    *top_count = 0;
    for (uint32_t i = 0, j = 0; i < view_count && j < count;) {
        if (view[i] == ids[j]) {
            sum += weights[j];
            if (weights[j] != 0) {
                insert_top(top, top_count, (spam_contribution){view[i], (float)(weights[j] * unit)});
            }
            i++;
            j++;
        } else if (view[i] < ids[j]) {
            i++;
        } else {
            j++;
        }
    }
    return (double)sum * unit;
}

/* All features of all marks, rising, each once, with what has been learned of them. */
typedef struct {
    uint32_t *ids;
    float *weights;
    float *squares;
    uint32_t *places; /* of each mark's features, mark by mark */
    float *marks;     /* how many have each */
    uint32_t count;
} lexicon;

static uint32_t find(const uint32_t *ids, uint32_t count, uint32_t wanted) {
    uint32_t low = 0;
    while (count > 1) {
        uint32_t half = count / 2;
        low += ids[low + half] <= wanted ? half : 0;
        count -= half;
    }
    return low;
}

static int lexicon_open(lexicon *all, const spam_mark *marks, uint32_t count) {
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += marks[i].count;
    }
    all->ids = malloc((total + 1) * sizeof *all->ids);
    all->places = malloc((total + 1) * sizeof *all->places);
    all->weights = calloc(total + 1, sizeof *all->weights);
    all->squares = calloc(total + 1, sizeof *all->squares);
    all->marks = calloc(total + 1, sizeof *all->marks);
    if (all->ids == NULL || all->places == NULL || all->weights == NULL || all->squares == NULL ||
        all->marks == NULL) {
        return -1;
    }
    size_t filled = 0;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(all->ids + filled, marks[i].ids, marks[i].count * sizeof *all->ids);
        filled += marks[i].count;
    }
    qsort(all->ids, filled, sizeof *all->ids, by_id);
    for (size_t i = 0; i < filled; i++) {
        if (all->count == 0 || all->ids[all->count - 1] != all->ids[i]) {
            all->ids[all->count++] = all->ids[i];
        }
    }
    for (uint32_t i = 0, at = 0; i < count; i++) {
        for (uint32_t j = 0; j < marks[i].count; j++) {
            uint32_t place = find(all->ids, all->count, marks[i].ids[j]);
            all->places[at++] = place;
            all->marks[place]++;
        }
    }
    return 0;
}

static void lexicon_close(lexicon *all) {
    free(all->ids);
    free(all->places);
    free(all->weights);
    free(all->squares);
    free(all->marks);
}

/* One AdaGrad step (learn.h) over a mark's features, with the global log-odds as its offset. */
static void learn_mark(lexicon *all, const spam_mark *mark, const uint32_t *places) {
    double norm = norm_of(mark->count);
    double sum = 0;
    for (uint32_t i = 0; i < mark->count; i++) {
        sum += all->weights[places[i]];
    }
    double base = fmin(fmax(mark->base, -FURTHEST), FURTHEST);
    double error = 1.0 / (1.0 + exp(-(base + sum * norm))) - (mark->is_spam ? 1.0 : 0.0);
    if (fabs(error) < ENOUGH) {
        return;
    }
    double gradient = error * norm;
    for (uint32_t i = 0; i < mark->count; i++) {
        uint32_t place = places[i];
        all->squares[place] += (float)(gradient * gradient);
        double rate = RATE * STEPS[rank_of(all->ids[place])] / pow(all->marks[place], COMMON);
        all->weights[place] -= (float)(rate * gradient / sqrt(all->squares[place]));
    }
}

typedef struct {
    uint32_t id;
    float weight;
    float reach; /* weight times marks: what would be lost without it */
} learned;

static int by_reach(const void *a, const void *b) {
    const learned *left = a, *right = b;
    float l = left->reach, r = right->reach;
    return l > r ? -1 : l < r ? 1 : by_id(&left->id, &right->id);
}

static int by_learned_id(const void *a, const void *b) {
    return by_id(&((const learned *)a)->id, &((const learned *)b)->id);
}

/* The weights of most reach, in one byte each. */
static int keep(const lexicon *all, spam_personal *out) {
    learned *found = malloc((all->count + 1u) * sizeof *found);
    if (found == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        found[i] = (learned){all->ids[i], all->weights[i], fabsf(all->weights[i]) * all->marks[i]};
    }
    qsort(found, all->count, sizeof *found, by_reach);
    uint32_t kept = all->count < SPAM_PERSONAL_FEATURES ? all->count : SPAM_PERSONAL_FEATURES;
    float largest = 0;
    for (uint32_t i = 0; i < kept; i++) {
        largest = fmaxf(largest, fabsf(found[i].weight));
    }
    out->scale = largest > 0 ? largest / 127 : 1.0f;
    qsort(found, kept, sizeof *found, by_learned_id);
    for (uint32_t i = 0; i < kept; i++) {
        int weight = (int)lrintf(found[i].weight / out->scale);
        if (weight != 0) {
            out->ids[out->count] = found[i].id;
            out->weights[out->count++] = (int8_t)weight;
        }
    }
    free(found);
    return 0;
}

int spam_personal_learn(const spam_mark *marks, uint32_t count, spam_personal *out) {
    lexicon all = {0};
    memset(out, 0, sizeof *out);
    int status = lexicon_open(&all, marks, count);
    for (int pass = 0; pass < PASSES && status == 0; pass++) {
        size_t first = 0;
        for (uint32_t i = 0; i < count; i++) {
            learn_mark(&all, &marks[i], all.places + first);
            first += marks[i].count;
        }
    }
    if (status == 0) {
        status = keep(&all, out);
    }
    lexicon_close(&all);
    return status;
}

double spam_view_margin(const float *weights, uint32_t bits, const uint32_t *view, uint32_t count) {
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[spam_bucket(view[i], bits)];
    }
    return sum * norm_of(count);
}

void spam_view_add(float *weights, uint32_t bits, const uint32_t *view, uint32_t count, double amount) {
    for (uint32_t i = 0; i < count; i++) {
        weights[spam_bucket(view[i], bits)] += (float)amount;
    }
}
