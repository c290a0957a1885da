/* Any octets as a message, as its HTML, and many times over as its text: features are few enough, each one there once, and
 * learning finds those that are scored; scores, views and what is learned of them are numbers; copies are one campaign.
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "antispam/brief.h"
#include "antispam/learn.h"
#include "antispam/personal.h"

enum { BITS = 8, MARKS = 3, PAST_TEXT = 24000, PAST_HTML = 150000 }; /* octets that are more than is read */

typedef struct {
    spam_context *context;
    spam_campaign_table campaigns;
    mime_limits limits;
    uint32_t ids[SPAM_MAX_FEATURES];
    uint32_t sorted[SPAM_MAX_FEATURES];
    uint32_t count;
    spam_score score;
} findings;

static int by_value(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Weights of every size and sign. */
static spam_model some_model(int8_t weights[2 << BITS]) {
    for (uint32_t i = 0; i < 2u << BITS; i++) {
        weights[i] = (int8_t)(i * 37 % 255 - 127);
    }
    return (spam_model){weights, BITS, (1u << SPAM_CATEGORIES) - 1, 0.01f, 0.2f, -0.5f, 16.0f, 3.0f, -1.0f};
}

static int is_feature(const findings *found, uint32_t id) {
    return bsearch(&id, found->sorted, found->count, sizeof id, by_value) != NULL;
}

static void check_score(const findings *found, double probability) {
    check(probability >= 0.0 && probability <= 1.0 && isfinite(found->score.margin));
    check(found->score.feature_count == found->count && found->score.top_count <= SPAM_TOP);
    for (uint32_t i = 0; i < found->score.top_count; i++) {
        check(isfinite(found->score.top[i].weight) && is_feature(found, found->score.top[i].feature));
    }
}

static void check_features(const findings *found) {
    for (uint32_t i = 0; i < found->count; i++) {
        check(found->sorted[i] >> 28 < SPAM_CATEGORIES);
        check(i == 0 || found->sorted[i - 1] < found->sorted[i]);
    }
}

/* What a user's marks of it make, also of one that says the opposite. */
static void check_personal(const findings *found) {
    spam_view view;
    static spam_personal made;
    spam_contribution top[SPAM_PERSONAL_TOP];
    uint32_t top_count;
    spam_view_take(found->ids, found->count, &view);
    check(view.count <= SPAM_VIEW_FEATURES && view.count <= found->count);
    for (uint32_t i = 0; i < view.count; i++) {
        check(is_feature(found, view.ids[i]) && (i == 0 || view.ids[i - 1] < view.ids[i]));
    }
    spam_mark marks[MARKS];
    for (uint32_t i = 0; i < MARKS; i++) {
        marks[i] = (spam_mark){view.ids, view.count / (i + 1), (float)i - 1, i != 1};
    }
    check(spam_personal_learn(marks, MARKS, &made) == 0);
    double score = spam_personal_score(made.ids, made.weights, made.count, made.scale, view.ids, view.count, top,
                                       &top_count);
    check(isfinite(score) && top_count <= SPAM_PERSONAL_TOP);
}

static void check_learner(const findings *found) {
    static spam_cell cells[1 << BITS];
    memset(cells, 0, sizeof cells);
    spam_learner learner = {.cells = cells, .bits = BITS, .rates = {0.2f, 1.0f}, .share = 0.2f, .telling = 16};
    for (int turn = 0; turn < 3; turn++) {
        check(isfinite(spam_learner_step(&learner, found->ids, found->count, ~0u, 1.0, turn & 1, 1.0)));
        spam_learner_count(&learner, found->ids, found->count, ~0u, turn & 1);
    }
    check(isfinite(spam_learner_margin(&learner, found->ids, found->count, ~0u, 1.0)));
}

/* The message again: one more of its campaign, where it is of one. */
static void check_copy(findings *found, const spam_model *model, const uint8_t *mail, size_t length) {
    const mime_message *message;
    spam_score score;
    check(spam_examine(found->context, mail, length, &found->limits, model, &found->campaigns, &message, &score) ==
          MIME_OK);
    check(score.campaign.id == found->score.campaign.id);
    check(score.campaign.count == found->score.campaign.count + (score.campaign.id != 0));
}

/* As a delivery asks for it, with a room that is too small now and then. */
static void check_brief(const findings *found, const spam_model *model, const uint8_t *mail, size_t length) {
    static uint8_t out[4096];
    int64_t octets = spam_brief(found->context, mail, length, model, &found->campaigns, out, sizeof out);
    check(octets > 0);
    if ((size_t)octets > sizeof out) {
        uint8_t *larger = malloc((size_t)octets);
        check(larger != NULL);
        spam_brief_again(found->context, larger);
        free(larger);
    }
}

/* Into `found`; as a delivery does it and as learning does, whatever the context has read before. */
static void examine(findings *found, const uint8_t *mail, size_t length) {
    static int8_t weights[2 << BITS];
    spam_model model = some_model(weights);
    const mime_message *message;
    const uint32_t *ids;
    spam_score score;
    check(spam_examine(found->context, mail, length, &found->limits, &model, &found->campaigns, &message,
                       &found->score) == MIME_OK);
    check(spam_read_features(found->context, mail, length, &found->limits, found->score.campaign.count,
                             SPAM_PROOF_NONE, &ids, &found->count) == MIME_OK);
    check(found->count <= SPAM_MAX_FEATURES);
    memcpy(found->ids, ids, found->count * sizeof *ids);
    memcpy(found->sorted, ids, found->count * sizeof *ids);
    qsort(found->sorted, found->count, sizeof *ids, by_value);
    spam_score_features(&model, ids, found->count, &score);
    check(score.probability == found->score.probability);
    check_features(found);
    check_score(found, score.probability);
    check_copy(found, &model, mail, length);
    check_brief(found, &model, mail, length);
}

static void check_mail(findings *found, const uint8_t *mail, size_t length) {
    examine(found, mail, length);
    check_personal(found);
    check_learner(found);
}

/* The input behind a header, over and over until there are `least` octets. */
static void check_body(findings *found, const char *header, const uint8_t *input, size_t length, size_t least) {
    size_t before = strlen(header), copies = length == 0 ? 0 : least / length + 1;
    uint8_t *mail = malloc(before + copies * length + 1);
    check(mail != NULL);
    memcpy(mail, header, before);
    for (size_t i = 0; i < copies; i++) {
        memcpy(mail + before + i * length, input, length);
    }
    check_mail(found, mail, before + copies * length);
    free(mail);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    static findings found; /* one context for all: what it has read before is nothing to the next */
    if (found.context == NULL) {
        FILE *file = tmpfile();
        found.context = spam_context_new();
        check(found.context != NULL && file != NULL);
        found.campaigns = (spam_campaign_table){fileno(file), 20, 1000};
        mime_default_limits(&found.limits);
    }
    check(ftruncate(found.campaigns.fd, 0) == 0);
    check_mail(&found, input, length);
    check_body(&found, "Content-Type: text/html\r\n\r\n", input, length, 0);
    if (length > 0 && input[0] % 32 == 0) { /* past the budgets: head and tail are read apart */
        check_body(&found, "Subject: a\r\n\r\n", input, length, PAST_TEXT);
        check_body(&found, "Content-Type: text/html\r\n\r\n", input, length, PAST_HTML);
    }
    return 0;
}
