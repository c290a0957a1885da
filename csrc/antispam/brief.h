/*
 * The brief of a message and its score: what a delivery asks of them, as MessagePack of which Python makes one struct.
 *
 * The message's half is csrc/mime/brief.h's, the first of an array of two. The second is nil where nothing was scored,
 * else an array, in an order that mda.binding.SpamScore has too:
 *     the octets of the spam_score
 *     version of the model: empty, it is the caller's to know
 *     probability
 *     campaign: array of id and count; nil where it is of none
 *     the reasons (spam_score.top) in columns, as rows keep them (mda/metadata/content/spam_reasons.py): array of four,
 *         all categories, each once, in the order of the reasons; for each reason the place of its category; its
 *         feature in 4 octets, little-endian; its weight as IEEE 754 binary16, little-endian, where what is no number is
 *         0, and what is too large the largest
 *     categories that speak for spam, and those that speak against it, each the four heaviest, heaviest first
 */
#ifndef MDA_SPAM_BRIEF_H
#define MDA_SPAM_BRIEF_H

#include "extract.h"

/* cdef begin */
enum { SPAM_SCORE_ROOM = 1024 };

/* The score's half alone. Returns its octets, SPAM_SCORE_ROOM at most. */
size_t spam_score_write(const spam_score *score, uint8_t out[SPAM_SCORE_ROOM]);

/* Does as spam_examine does, with the parser's default limits, and copies the brief to `out` if it fits in `room`. Returns
   its length, or minus the mime_status. */
int64_t spam_brief(spam_context *context, const uint8_t *input, size_t length, const spam_model *model,
                   const spam_campaign_table *campaigns, uint8_t *out, size_t room);

/* Copies the brief that was made last, for which there was no room. */
void spam_brief_again(const spam_context *context, uint8_t *out);
/* cdef end */

#endif
