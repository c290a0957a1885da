/*
 * From a parsed message to its features, and in one call from raw bytes to a score.
 *
 * Text is read as the reader sees it (transfer encoding and markup removed), head and tail of each part within a
 * budget of its own, so that neither padding in front nor a wall of harmless text behind starves the rest. Work a
 * message is bounded by the budgets below, not by its size.
 */
#ifndef MDA_SPAM_EXTRACT_H
#define MDA_SPAM_EXTRACT_H

#include "../mime/mime.h"
#include "features.h"
#include "score.h"

/* cdef begin */
/* What is kept from one message to the next: memory. Not for two threads at once. */
typedef struct spam_context spam_context;

/* NULL if there is no memory. */
spam_context *spam_context_new(void);

/* NULL is allowed. */
void spam_context_free(spam_context *context);

/* What is proven of the domain in From: by our own milter, as the caller has read it. */
enum spam_proof {
    SPAM_PROOF_NONE = 0,
    SPAM_PROOF_PASSED = 1,
    SPAM_PROOF_FAILED = 2
};

/* Parses a message and finds its features, those that spam_examine scores where the message was the `copies`-th of its
   campaign (0: of none): *ids, *count of them, are the context's until its next call. Behind them, where `proof` says
   anything, stand that and each feature of the sender together with it: they are for what users' marks teach. It parses
   all that mime_parse does, as also ENVELOPE and BODYSTRUCTURE find defects. What mime_parse answers. */
mime_status spam_read_features(spam_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                               uint32_t copies, enum spam_proof proof, const uint32_t **ids, uint32_t *count);

/* Parses as mime_parse does and, where `model` is not NULL, counts the message among its near copies in `campaigns` (NULL:
   it does not) and scores. *message is set only on MIME_OK, and is the context's until its next call. */
mime_status spam_examine(spam_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                         const spam_model *model, const spam_campaign_table *campaigns, const mime_message **message,
                         spam_score *score);
/* cdef end */

/* The same, with a parse that makes what `wants` says: MIME_WANT_ALL at least. */
mime_status spam_examine_for(spam_context *context, int wants, const uint8_t *input, size_t length,
                             const mime_limits *limits, const spam_model *model, const spam_campaign_table *campaigns,
                             const mime_message **message, spam_score *score);

/* The context's parser. */
mime_context *spam_parser(const spam_context *context);

enum {
    SPAM_TEXT_BUDGET = 16384,     /* bytes of visible text of all parts together */
    SPAM_PART_BUDGET_MIN = 1024, /* of one part, at least */
    SPAM_MARKUP_FACTOR = 8,      /* markup read for each byte of budget */
    SPAM_TEXT_PARTS = 8,         /* text parts read: the first ones and the last two */
    SPAM_SHAPE_PARTS = 24,       /* parts whose type is looked at */
    SPAM_URL_LIMIT = 40,         /* links of one run of text */
    SPAM_WORD_LIMIT = 1200       /* words of one run of text */
};

#endif
