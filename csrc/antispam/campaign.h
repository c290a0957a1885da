/*
 * Campaigns: runs of near copies, counted while they run, in a file that all workers share.
 *
 * A message's bands are hashes of small samples of its words (MinHash: Broder 1997), so that two messages that
 * share most words share at least one band, and unlike ones none: with 6 bands of 4 samples, 96 of 100 pairs that are
 * 80 % alike meet, 5 of 100 that are 30 % alike. What has few words has none of these: short notes are all alike. Instead
 * it has one band of the set of its links, if there are any: pictures to be clicked.
 *
 * The table keeps, for each band, a count that halves every two hours, and the campaign's id. A cell is taken from
 * another band when that one's count has faded, or been worn down by those that wanted its place: what comes once does
 * not crowd out what comes often.
 *
 * How often is a feature like any other (category SPAM_CAMPAIGN): newsletters are campaigns, and what a run is, mail and
 * marks must teach.
 *
 * The file is read and written by offset, never mapped: one that is truncated, overwritten or full of garbage costs
 * accuracy and nothing else. Workers do not lock it; of two that write one cell at once, one count is lost.
 */
#ifndef MDA_SPAM_CAMPAIGN_H
#define MDA_SPAM_CAMPAIGN_H

#include <stdint.h>

/* cdef begin */
enum { SPAM_BANDS = 7, SPAM_CAMPAIGN_FEATURES = 8 };

typedef struct {
    uint32_t id;    /* 0: none */
    uint32_t count; /* of the last hours, this message included; 0: none */
} spam_campaign;

/* 1 << bits cells of 16 octets behind `fd`, as they are at a time. */
typedef struct {
    int fd;
    uint32_t bits;
    uint32_t minutes;
} spam_campaign_table;

/* The bands of a message that has these features; 0 where it has none. */
void spam_bands_take(const uint32_t *features, uint32_t count, uint64_t bands[SPAM_BANDS]);

/* Counts a message. */
void spam_campaign_meet(const spam_campaign_table *table, const uint64_t bands[SPAM_BANDS], spam_campaign *out);

/* Takes back what a meeting has counted: the message had come before, or comes again. */
void spam_campaign_withdraw(const spam_campaign_table *table, const uint64_t bands[SPAM_BANDS]);

/* The features of the count-th message of a campaign, as spam_features_add_hashes takes them: one for each size that the
   count has reached. How many. */
uint32_t spam_campaign_hashes(uint32_t count, uint32_t hashes[SPAM_CAMPAIGN_FEATURES]);
/* cdef end */

#endif
