/* Views, corrections and learning from marks, on sets made by hand. */
#include "../../../csrc/antispam/personal.h"
#include "../check.h"

#include <math.h>

static uint32_t feature(enum spam_category category, uint32_t low) {
    return (uint32_t)category << 28 | low;
}

static void check_rising(const uint32_t *ids, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        CHECK(ids[i - 1] < ids[i]);
    }
}

static void test_view_takes_the_telling_features_first(void) {
    uint32_t ids[3000], count = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        ids[count++] = feature(SPAM_BODY_TEXT, i);
        ids[count++] = feature(SPAM_HEADER_SHAPE, i);
        ids[count++] = feature(i < 100 ? SPAM_SENDER : SPAM_BODY_WORDS, i);
    }
    uint32_t *given = (uint32_t *)exact(ids, sizeof ids);
    spam_view view;
    spam_view_take(given, count, &view);
    CHECK(view.count == SPAM_VIEW_FEATURES);
    check_rising(view.ids, view.count);
    uint32_t senders = 0, words = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        senders += view.ids[i] >> 28 == SPAM_SENDER;
        words += view.ids[i] >> 28 == SPAM_BODY_WORDS;
    }
    CHECK(senders == 100 && words == SPAM_VIEW_FEATURES - 100);
    free(given);
}

static void test_view_does_not_depend_on_the_order(void) {
    uint32_t ids[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        ids[i] = feature(SPAM_BODY_WORDS, i * 7919);
    }
    spam_view forwards, backwards;
    spam_view_take(ids, 1000, &forwards);
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t kept = ids[i];
        ids[i] = ids[999 - i];
        ids[999 - i] = kept;
    }
    spam_view_take(ids, 1000, &backwards);
    CHECK(memcmp(&forwards, &backwards, sizeof forwards) == 0);
    spam_view_take(NULL, 0, &forwards);
    CHECK(forwards.count == 0);
}

static void fill(uint32_t *ids, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = feature(SPAM_BODY_WORDS, first + i);
    }
}

static double score_of(const spam_personal *learned, const uint32_t *ids, uint32_t count) {
    spam_contribution top[SPAM_PERSONAL_TOP];
    uint32_t top_count;
    return spam_personal_score(learned->ids, learned->weights, learned->count, learned->scale, ids, count, top,
                               &top_count);
}

static void test_one_mark_turns_a_wrong_verdict(void) {
    uint32_t ids[200], other[200];
    fill(ids, 0, 200);
    fill(other, 1000, 200);
    static spam_personal learned;
    spam_mark mark = {ids, 200, -6.0f, 1};
    CHECK(spam_personal_learn(&mark, 1, &learned) == 0);
    check_rising(learned.ids, learned.count);
    CHECK(-6.0 + score_of(&learned, ids, 200) > 1.0);
    CHECK(fabs(score_of(&learned, other, 200)) < 1e-9);
    mark = (spam_mark){ids, 200, 6.0f, 0};
    CHECK(spam_personal_learn(&mark, 1, &learned) == 0);
    CHECK(6.0 + score_of(&learned, ids, 200) < -1.0);
}

static void test_same_marks_give_the_same_bytes(void) {
    uint32_t ids[3][200];
    spam_mark marks[3];
    for (uint32_t i = 0; i < 3; i++) {
        fill(ids[i], 50 * i, 200);
        marks[i] = (spam_mark){ids[i], 200, (float)i - 1, i == 1};
    }
    static spam_personal two, three, again;
    CHECK(spam_personal_learn(marks, 2, &two) == 0);
    CHECK(spam_personal_learn(marks, 3, &three) == 0);
    CHECK(memcmp(&two, &three, sizeof two) != 0);
    CHECK(spam_personal_learn(marks, 2, &again) == 0);
    CHECK(memcmp(&two, &again, sizeof two) == 0);
}

static void test_no_marks_say_nothing(void) {
    static spam_personal learned;
    CHECK(spam_personal_learn(NULL, 0, &learned) == 0);
    CHECK(learned.count == 0);
    uint32_t id = feature(SPAM_SENDER, 1);
    CHECK(score_of(&learned, &id, 1) == 0);
    spam_mark empty = {&id, 0, 50.0f, 0};
    CHECK(spam_personal_learn(&empty, 1, &learned) == 0 && learned.count == 0);
}

static void test_many_marks_stay_small(void) {
    enum { MARKS = 300 };
    uint32_t(*ids)[SPAM_VIEW_FEATURES] = malloc(MARKS * sizeof *ids);
    spam_mark *marks = malloc(MARKS * sizeof *marks);
    CHECK(ids != NULL && marks != NULL);
    for (uint32_t i = 0; i < MARKS; i++) {
        fill(ids[i], i * 300, SPAM_VIEW_FEATURES);
        marks[i] = (spam_mark){ids[i], SPAM_VIEW_FEATURES, i % 2 ? INFINITY : -INFINITY, i % 2 == 0};
    }
    static spam_personal learned;
    CHECK(spam_personal_learn(marks, MARKS, &learned) == 0);
    CHECK(learned.count <= SPAM_PERSONAL_FEATURES && learned.count > 0 && isfinite(learned.scale));
    check_rising(learned.ids, learned.count);
    free(ids);
    free(marks);
}

static void test_steps_over_a_view_are_undone_by_their_opposite(void) {
    enum { BITS = 10 };
    float *weights = calloc(1u << BITS, sizeof *weights);
    CHECK(weights != NULL);
    uint32_t ids[36];
    fill(ids, 0, 36);
    spam_view_add(weights, BITS, ids, 36, 0.5);
    CHECK(spam_view_margin(weights, BITS, ids, 36) >= 36 * 0.5 / 10 - 1e-6);
    spam_view_add(weights, BITS, ids, 36, -0.5);
    CHECK(spam_view_margin(weights, BITS, ids, 36) == 0);
    free(weights);
}

int main(void) {
    test_view_takes_the_telling_features_first();
    test_view_does_not_depend_on_the_order();
    test_one_mark_turns_a_wrong_verdict();
    test_same_marks_give_the_same_bytes();
    test_no_marks_say_nothing();
    test_many_marks_stay_small();
    test_steps_over_a_view_are_undone_by_their_opposite();
    puts("antispam personal: ok");
    return 0;
}
