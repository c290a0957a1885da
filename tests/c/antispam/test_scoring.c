/* Scoring and learning on sets made by hand, where the right numbers are known. */
#include "../../../csrc/antispam/bayes.h"
#include "../../../csrc/antispam/brief.h"
#include "../../../csrc/antispam/learn.h"
#include "../../../csrc/antispam/score.h"
#include "../check.h"

#include <math.h>

enum { BITS = 12 };

static uint32_t feature(enum spam_category category, uint32_t low) {
    return (uint32_t)category << 28 | low;
}

static int near(double a, double b) {
    return fabs(a - b) < 1e-5;
}

static void test_score_is_the_formula(void) {
    int8_t *weights = calloc(2u << BITS, 1);
    uint32_t ids[] = {feature(SPAM_URLS, 5), feature(SPAM_BODY_WORDS, 6), feature(SPAM_BODY_WORDS, 7)};
    weights[2 * spam_bucket(ids[0], BITS)] = 100;
    weights[2 * spam_bucket(ids[1], BITS)] = -128;
    weights[2 * spam_bucket(ids[2], BITS)] = 4;
    spam_model model = {weights, BITS, ~0u, 0.5f, 0.0f, 0.25f, 1.0f, 2.0f, -1.0f};
    spam_score score;
    spam_score_features(&model, ids, 3, &score);
    CHECK(near(score.margin, 0.25 + 0.5 * (100 - 128 + 4) / 2));
    CHECK(near(score.probability, 1 / (1 + exp(-(2 * (0.25 - 6) - 1)))));
    CHECK(near(score.categories[SPAM_URLS], 2 * 0.5 * 100 / 2) && near(score.categories[SPAM_BODY_WORDS], -62));
    CHECK(score.top_count == 3 && score.top[0].feature == ids[1] && score.top[1].feature == ids[0]);
    CHECK(near(score.top[0].weight, -64) && near(score.top[2].weight, 2));
    free(weights);
}

static void test_top_holds_the_heaviest(void) {
    int8_t *weights = calloc(2u << BITS, 1);
    uint32_t ids[100];
    for (uint32_t i = 0; i < 100; i++) {
        ids[i] = feature(SPAM_SUBJECT, i * 7919 % 100003);
        weights[2 * spam_bucket(ids[i], BITS)] = (int8_t)(i < 50 ? i : 0);
    }
    spam_model model = {weights, BITS, ~0u, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};
    spam_score score;
    spam_score_features(&model, ids, 100, &score);
    CHECK(score.top_count == SPAM_TOP);
    for (uint32_t i = 0; i < SPAM_TOP; i++) {
        CHECK(near(score.top[i].weight, (49.0 - i) / 10));
    }
    free(weights);
}

static void test_nothing_known_is_the_prior(void) {
    int8_t *weights = calloc(2u << BITS, 1);
    spam_model model = {weights, BITS, ~0u, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, -2.0f};
    spam_score score;
    spam_score_features(&model, NULL, 0, &score);
    CHECK(score.top_count == 0 && score.feature_count == 0);
    CHECK(isnan(score.probability) || near(score.probability, 1 / (1 + exp(2.0))));
    CHECK(!isnan(score.probability));
    free(weights);
}

static void test_learner_separates_and_obeys_its_mask(void) {
    spam_cell *cells = calloc(1u << BITS, sizeof *cells);
    spam_learner learner = {.cells = cells, .bits = BITS, .rates = {0.2f, 1.0f}, .floor = 1.0f};
    uint32_t spam[] = {feature(SPAM_SUBJECT, 1), feature(SPAM_BODY_WORDS, 2)};
    uint32_t ham[] = {feature(SPAM_SUBJECT, 3), feature(SPAM_BODY_WORDS, 2)};
    uint32_t only_body = 1u << SPAM_BODY_WORDS;
    for (int i = 0; i < 50; i++) {
        spam_learner_step(&learner, spam, 2, ~0u, 0, 1, 1.0);
        spam_learner_step(&learner, ham, 2, ~0u, 0, 0, 1.0);
    }
    CHECK(spam_learner_margin(&learner, spam, 2, ~0u, 0) > 1.0);
    CHECK(spam_learner_margin(&learner, ham, 2, ~0u, 0) < -1.0);
    CHECK(near(spam_learner_margin(&learner, spam, 2, only_body, 0), spam_learner_margin(&learner, ham, 2, only_body, 0)));
    float before = cells[spam_bucket(spam[0], BITS)].weights[1];
    spam_learner_step(&learner, spam, 2, only_body, 0, 0, 1.0);
    CHECK(cells[spam_bucket(spam[0], BITS)].weights[1] == before);
    CHECK(!isnan(spam_learner_step(&learner, NULL, 0, ~0u, 0, 1, 1.0)));
    free(cells);
}

/* Log-odds of the TELLING largest, each on the side where it was seen: 12 * log(250.1 / 0.1) a byte; of the first messages
   fewer count. */
static void test_bayes_counts_what_tells_most(void) {
    enum { SHARED = 1000, MESSAGES = 250, FEW = 8, FIRST = 16, TELLING_OF_FEW = FIRST + FEW / 2 };
    spam_cell *cells = calloc(1u << BITS, sizeof *cells);
    spam_learner learner = {.cells = cells, .bits = BITS, .rates = {0.2f, 1.0f}, .share = 1.0f, .telling = FIRST};
    uint32_t ids[SHARED + 1];
    for (uint32_t i = 0; i <= SHARED; i++) {
        ids[i] = feature(SPAM_BODY_WORDS, i * 7919 % 100003);
    }
    double odds_of_few = rint(SPAM_BAYES_UNIT * log((FEW + 0.1) / 0.1)) / SPAM_BAYES_UNIT;
    for (int i = 0; i < MESSAGES; i++) {
        if (i == FEW) {
            double margin = spam_learner_margin(&learner, ids, SHARED + 1, ~0u, 0);
            CHECK(fabs(margin - odds_of_few / sqrt(TELLING_OF_FEW)) < 0.02);
        }
        spam_learner_count(&learner, ids, SHARED + 1, ~0u, 1);
        spam_learner_count(&learner, ids, SHARED, ~0u, 0);
    }
    double odds = rint(SPAM_BAYES_UNIT * log((MESSAGES + 0.1) / 0.1)) / SPAM_BAYES_UNIT;
    CHECK(fabs(spam_learner_margin(&learner, ids, SHARED + 1, ~0u, 0) - odds / sqrt(SPAM_BAYES_TELLING)) < 0.02);
    CHECK(fabs(spam_learner_margin(&learner, ids + SHARED, 1, ~0u, 0) - odds) < 1e-6);
    CHECK(spam_learner_margin(&learner, ids, SHARED, ~0u, 0) < 0.02);
    int8_t *pairs = calloc(2u << BITS, 1), *read = calloc(1u << BITS, 1);
    float *means = calloc(1u << BITS, sizeof *means);
    spam_learner_read(&learner, means, read);
    for (uint32_t i = 0; i < 1u << BITS; i++) {
        pairs[2 * i + 1] = read[i];
    }
    spam_model model = {pairs, BITS, ~0u, 1.0f, 1.0f, 0.0f, 0.0f, 1.0f, 0.0f};
    spam_score score;
    spam_score_features(&model, ids, SHARED + 1, &score);
    CHECK(fabs(score.margin - spam_learner_margin(&learner, ids, SHARED + 1, ~0u, 0)) < 1e-5);
    CHECK(score.top[0].feature == ids[SHARED] && fabs(score.top[0].weight - odds / sqrt(SPAM_BAYES_TELLING)) < 1e-5);
    model.categories = 1u << SPAM_SUBJECT;
    spam_score_features(&model, ids, SHARED + 1, &score);
    CHECK(score.margin == 0 && score.top_count == 0);
    free(cells);
    free(pairs);
    free(read);
    free(means);
}

/* What is known before counts as far as it holds. */
static void test_prior_is_trusted_as_far_as_it_holds(void) {
    spam_cell *cells = calloc(1u << BITS, sizeof *cells);
    spam_learner right = {.cells = cells, .bits = BITS, .rates = {0.2f, 1.0f}, .trust = {0.5f, 0.5f}};
    CHECK(near(spam_learner_margin(&right, NULL, 0, ~0u, 3.0), 1.5));
    spam_learner wrong = right;
    for (int i = 0; i < 200; i++) {
        spam_learner_step(&right, NULL, 0, ~0u, i % 2 ? 3.0 : -3.0, i % 2, 1.0);
        spam_learner_step(&wrong, NULL, 0, ~0u, i % 2 ? -3.0 : 3.0, i % 2, 1.0);
    }
    CHECK(right.trust[1] > 0.5 && wrong.trust[1] < 0);
    free(cells);
}

static void test_examine_is_parse_and_score_in_one(void) {
    int8_t *weights = calloc(2u << BITS, 1);
    spam_model model = {weights, BITS, ~0u, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};
    mime_limits limits;
    mime_default_limits(&limits);
    const char *raw = "Subject: a\r\n\r\nbody of words\r\n";
    const mime_message *message = NULL;
    spam_context *context = spam_context_new();
    spam_score score = {0};
    CHECK(spam_examine(context, (const uint8_t *)raw, strlen(raw), &limits, &model, NULL, &message, &score) == MIME_OK);
    CHECK(message != NULL && score.feature_count > 5 && near(score.probability, 0.5));
    CHECK(spam_examine(context, (const uint8_t *)raw, strlen(raw), &limits, NULL, NULL, &message, NULL) == MIME_OK);
    limits.size = 3;
    CHECK(spam_examine(context, (const uint8_t *)raw, strlen(raw), &limits, &model, NULL, &message, &score) == MIME_TOO_LARGE);
    spam_context_free(context);
    free(weights);
}

static void test_brief_is_the_message_and_its_score(void) {
    int8_t *weights = calloc(2u << BITS, 1);
    spam_model model = {weights, BITS, ~0u, 1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};
    const char *raw = "Subject: a\r\n\r\nbody of words\r\n";
    uint8_t out[4096], again[4096], small[1];
    spam_context *context = spam_context_new();
    int64_t unscored = spam_brief(context, (const uint8_t *)raw, strlen(raw), NULL, NULL, out, sizeof out);
    CHECK(unscored > 0 && out[unscored - 1] == 0xc0);
    int64_t length = spam_brief(context, (const uint8_t *)raw, strlen(raw), &model, NULL, out, sizeof out);
    CHECK(length > unscored && length <= unscored + SPAM_SCORE_ROOM);
    CHECK(spam_brief(context, (const uint8_t *)raw, strlen(raw), &model, NULL, small, sizeof small) == length);
    spam_brief_again(context, again);
    CHECK(memcmp(out, again, (size_t)length) == 0);
    CHECK(spam_brief(context, NULL, 1, &model, NULL, out, sizeof out) == -(int64_t)MIME_BAD_ARGUMENT);
    spam_context_free(context);
    free(weights);
}

static void test_score_has_room(void) {
    static uint8_t out[SPAM_SCORE_ROOM];
    spam_score score = {.top_count = SPAM_TOP, .campaign = {1, 1}};
    for (uint32_t i = 0; i < SPAM_CATEGORIES; i++) {
        score.categories[i] = i % 2 ? 1.0f : -1.0f;
        score.top[i % SPAM_TOP] = (spam_contribution){i << 28, INFINITY};
    }
    CHECK(spam_score_write(&score, out) <= SPAM_SCORE_ROOM);
}

int main(void) {
    test_score_is_the_formula();
    test_top_holds_the_heaviest();
    test_nothing_known_is_the_prior();
    test_learner_separates_and_obeys_its_mask();
    test_bayes_counts_what_tells_most();
    test_prior_is_trusted_as_far_as_it_holds();
    test_examine_is_parse_and_score_in_one();
    test_brief_is_the_message_and_its_score();
    test_score_has_room();
    puts("antispam scoring: ok");
    return 0;
}
