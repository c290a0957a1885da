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
 * The file is read and written by offset, never mapped: one that is truncated, overwritten or full of garbage costs
 * accuracy and nothing else. Workers do not lock it; of two that write one cell at once, one count is lost.
 */
#ifndef MDA_SPAM_CAMPAIGN_H
#define MDA_SPAM_CAMPAIGN_H

#include <stdint.h>

/* cdef begin */
enum { SPAM_BANDS = 7 };

typedef struct {
    uint32_t id;  /* 0: none */
    float count;  /* this message included */
} spam_campaign;

/* The bands of a message that has these features; 0 where it has none. */
void spam_bands_take(const uint32_t *features, uint32_t count, uint64_t bands[SPAM_BANDS]);

/* Counts a message in the table of 1 << bits cells behind `fd`. `minutes` is the time. */
void spam_campaign_meet(int fd, uint32_t bits, uint32_t minutes, const uint64_t bands[SPAM_BANDS],
                        spam_campaign *out);
/* cdef end */

#endif
