/*
 * What one user has taught the filter: a sparse correction that is added to the global log-odds of a message.
 *
 * It sees a message through a view of at most SPAM_VIEW_FEATURES features, those that tell a user's mail apart:
 * subject, sender, links and attachments before words, words before n-grams of the body. Within a rank the features of
 * smallest hash are taken, so that two like messages keep the same ones. Recipients and shapes, which all of a user's
 * mail shares, are left out. A view is what a mark keeps, so it is small; its ids stand in rising order.
 *
 *     correction = sum(weights of the view's features) / sqrt(n + 64)
 *
 * Learning is a pure function of the marks in their order: the same marks give the same bytes, so that a mark is undone
 * by learning without it. Nothing here but spam_personal_learn allocates; nothing keeps state.
 */
#ifndef MDA_SPAM_PERSONAL_H
#define MDA_SPAM_PERSONAL_H

#include "features.h"
#include "score.h"

/* cdef begin */
enum { SPAM_VIEW_FEATURES = 256, SPAM_PERSONAL_FEATURES = 2048, SPAM_PERSONAL_TOP = 6 };

typedef struct {
    uint32_t count;
    uint32_t ids[SPAM_VIEW_FEATURES];
} spam_view;

typedef struct {
    uint32_t count;
    float scale;
    uint32_t ids[SPAM_PERSONAL_FEATURES]; /* rising */
    int8_t weights[SPAM_PERSONAL_FEATURES];
} spam_personal;

typedef struct {
    const uint32_t *ids; /* rising */
    uint32_t count;
    float base; /* the global log-odds of the message when it was marked */
    int is_spam;
} spam_mark;

/* The view of a message that has these features, each given once. */
void spam_view_take(const uint32_t *features, uint32_t count, spam_view *view);

/* The correction in log-odds; *top_count contributions of most weight, largest first, of those that say anything. */
double spam_personal_score(const uint32_t *ids, const int8_t *weights, uint32_t count, float scale,
                           const uint32_t *view, uint32_t view_count, spam_contribution top[SPAM_PERSONAL_TOP],
                           uint32_t *top_count);

/* The weights that these marks make. 0, or -1 without memory. */
int spam_personal_learn(const spam_mark *marks, uint32_t count, spam_personal *out);

/* The margin of a view under weights of the global model's size, and one plain step over the view's features. */
double spam_view_margin(const float *weights, uint32_t bits, const uint32_t *view, uint32_t count);
void spam_view_add(float *weights, uint32_t bits, const uint32_t *view, uint32_t count, double amount);
/* cdef end */

#endif
