/* Campaigns: what is alike meets, what is not does not, and no file is trouble. */
#define _POSIX_C_SOURCE 200809L

#include "../../../csrc/antispam/campaign.h"
#include "../../../csrc/antispam/features.h"
#include "../check.h"

#include <unistd.h>

enum { BITS = 12, WORDS = 200 };

static uint64_t state = 88172645463325252u;

static void draw(uint32_t *ids, uint32_t count, enum spam_category category) {
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = (uint32_t)category << 28 | (next_random(&state) >> 4);
    }
}

static uint32_t shared(const uint64_t *a, const uint64_t *b) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < SPAM_BANDS; i++) {
        count += a[i] != 0 && a[i] == b[i];
    }
    return count;
}

static int open_table(void) {
    FILE *file = tmpfile();
    CHECK(file != NULL);
    return dup(fileno(file));
}

static void test_alike_share_a_band_and_unlike_do_not(void) {
    uint32_t met_near = 0, met_far = 0;
    for (int round = 0; round < 200; round++) {
        uint32_t ids[WORDS], near[WORDS], far[WORDS];
        uint64_t bands[3][SPAM_BANDS];
        draw(ids, WORDS, SPAM_BODY_WORDS);
        memcpy(near, ids, sizeof ids);
        draw(near, WORDS / 20, SPAM_BODY_WORDS); /* 95 of 105 shared: 90 % alike */
        draw(far, WORDS, SPAM_BODY_WORDS);
        memcpy(far, ids, WORDS / 5 * sizeof *far); /* 1 of 9 */
        spam_bands_take(ids, WORDS, bands[0]);
        spam_bands_take(near, WORDS, bands[1]);
        spam_bands_take(far, WORDS, bands[2]);
        met_near += shared(bands[0], bands[1]) > 0;
        met_far += shared(bands[0], bands[2]) > 0;
    }
    CHECK(met_near > 190);
    CHECK(met_far < 10);
}

static void test_order_says_nothing_and_few_words_have_no_bands(void) {
    uint32_t ids[WORDS];
    uint64_t forwards[SPAM_BANDS], backwards[SPAM_BANDS], none[SPAM_BANDS] = {0}, few[SPAM_BANDS];
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, forwards);
    for (uint32_t i = 0; i < WORDS / 2; i++) {
        uint32_t kept = ids[i];
        ids[i] = ids[WORDS - 1 - i];
        ids[WORDS - 1 - i] = kept;
    }
    spam_bands_take(ids, WORDS, backwards);
    CHECK(memcmp(forwards, backwards, sizeof forwards) == 0);
    spam_bands_take(ids, 10, few);
    CHECK(memcmp(few, none, sizeof none) == 0);
}

static void test_links_make_a_campaign_of_what_has_few_words(void) {
    uint32_t ids[10];
    uint64_t first[SPAM_BANDS], second[SPAM_BANDS];
    draw(ids, 5, SPAM_URLS);
    draw(ids + 5, 5, SPAM_BODY_WORDS);
    spam_bands_take(ids, 10, first);
    draw(ids + 5, 5, SPAM_BODY_WORDS);
    spam_bands_take(ids, 10, second);
    CHECK(shared(first, second) == 1 && first[SPAM_BANDS - 1] == second[SPAM_BANDS - 1]);
}

static void test_copies_are_counted_under_one_id_and_fade(void) {
    int fd = open_table();
    uint32_t ids[WORDS];
    uint64_t bands[SPAM_BANDS], other[SPAM_BANDS];
    spam_campaign met = {0}, first;
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, bands);
    spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1000}, bands, &first);
    CHECK(first.count == 1 && first.id != 0);
    for (int i = 2; i <= 312; i++) {
        spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1000}, bands, &met);
        CHECK(met.id == first.id && met.count == (uint32_t)i);
    }
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, other);
    spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1000}, other, &met);
    CHECK(met.id != first.id && met.count == 1);
    spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1120}, bands, &met);
    CHECK(met.id == first.id && met.count >= 156 && met.count <= 158);
    spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1120 + 60 * 24 * 7}, bands, &met);
    CHECK(met.count == 1);
    close(fd);
}

static void test_what_is_withdrawn_was_not_counted(void) {
    int fd = open_table();
    uint32_t ids[WORDS];
    uint64_t bands[SPAM_BANDS], other[SPAM_BANDS];
    spam_campaign met = {0}, first;
    const spam_campaign_table table = {fd, BITS, 1000};
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, bands);
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, other);
    spam_campaign_meet(&table, bands, &first);
    spam_campaign_meet(&table, bands, &met);
    CHECK(met.count == 2);
    spam_campaign_withdraw(&table, other); /* was never met */
    spam_campaign_withdraw(&table, bands);
    spam_campaign_meet(&table, bands, &met);
    CHECK(met.id == first.id && met.count == 2);
    for (int i = 0; i < 5; i++) spam_campaign_withdraw(&table, bands);
    spam_campaign_meet(&table, bands, &met);
    CHECK(met.count == 1);
    spam_campaign_withdraw(&table, (uint64_t[SPAM_BANDS]){0});
    close(fd);
    spam_campaign_withdraw(&(spam_campaign_table){-1, BITS, 1000}, bands);
}

static void test_what_comes_once_does_not_crowd_out_what_comes_often(void) {
    int fd = open_table();
    uint32_t ids[WORDS];
    uint64_t often[SPAM_BANDS], once[SPAM_BANDS];
    spam_campaign met = {0};
    draw(ids, WORDS, SPAM_BODY_WORDS);
    spam_bands_take(ids, WORDS, often);
    for (int i = 0; i < 500; i++) {
        spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1000}, often, &met);
        for (int j = 0; j < 20; j++) {
            draw(ids, WORDS, SPAM_BODY_WORDS);
            spam_bands_take(ids, WORDS, once);
            spam_campaign_meet(&(spam_campaign_table){fd, BITS, 1000}, once, &(spam_campaign){0});
        }
    }
    CHECK(met.count > 400);
    close(fd);
}

static void test_garbage_and_holes_are_no_trouble(void) {
    int fd = open_table();
    uint32_t ids[WORDS];
    uint64_t bands[SPAM_BANDS];
    spam_campaign met;
    for (int round = 0; round < 200; round++) {
        uint8_t garbage[16u << 6];
        for (size_t i = 0; i < sizeof garbage; i++) {
            garbage[i] = round % 3 == 0 ? 0xFF : (uint8_t)next_random(&state);
        }
        CHECK(pwrite(fd, garbage, sizeof garbage, 0) == (ssize_t)sizeof garbage);
        draw(ids, WORDS, SPAM_BODY_WORDS);
        spam_bands_take(ids, WORDS, bands);
        spam_campaign_meet(&(spam_campaign_table){fd, 6, next_random(&state)}, bands, &met);
        CHECK(met.id != 0 && met.count >= 1 && met.count <= 1000000001);
        CHECK(ftruncate(fd, 16 * (round % 64) + 7) == 0);
        spam_campaign_meet(&(spam_campaign_table){fd, 6, 1000}, bands, &met);
        CHECK(met.count <= 1000000001);
    }
    close(fd);
    spam_campaign_meet(&(spam_campaign_table){-1, BITS, 1000}, bands, &met);
    CHECK(met.count == 1);
}

static void test_each_size_reached_is_a_feature(void) {
    uint32_t few[SPAM_CAMPAIGN_FEATURES], many[SPAM_CAMPAIGN_FEATURES];
    CHECK(spam_campaign_hashes(0, few) == 0);
    CHECK(spam_campaign_hashes(1, few) == 1 && spam_campaign_hashes(2, many) == 2 && few[0] == many[0]);
    CHECK(spam_campaign_hashes(3, few) == 2 && memcmp(few, many, 2 * sizeof *few) == 0);
    CHECK(spam_campaign_hashes(127, many) == 7 && spam_campaign_hashes(128, many) == 8);
    CHECK(spam_campaign_hashes(UINT32_MAX, many) == SPAM_CAMPAIGN_FEATURES && many[1] == few[1]);
}

int main(void) {
    test_each_size_reached_is_a_feature();
    test_alike_share_a_band_and_unlike_do_not();
    test_order_says_nothing_and_few_words_have_no_bands();
    test_links_make_a_campaign_of_what_has_few_words();
    test_copies_are_counted_under_one_id_and_fade();
    test_what_is_withdrawn_was_not_counted();
    test_what_comes_once_does_not_crowd_out_what_comes_often();
    test_garbage_and_holes_are_no_trouble();
    puts("antispam campaign: ok");
    return 0;
}
