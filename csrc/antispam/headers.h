/*
 * Features of the top header block: the words of each field under its name, who it claims to come from, and its shape
 * (which fields, in which order, which are missing).
 *
 * Left out, so that weights carry over from one site to another and a filter in front of us is not learned by rote:
 * verdicts of other filters, hops (Received), what delivery and mailing list software adds on our side, and the date.
 */
#ifndef MDA_SPAM_HEADERS_H
#define MDA_SPAM_HEADERS_H

#include "../mime/mime.h"
#include "features.h"

typedef struct {
    spam_features *set;
    uint64_t previous; /* hash of the field name before */
    uint32_t seen;     /* bit set of SPAM_SEEN_* */
    uint32_t fields;
    size_t text_left; /* n-gram budget of the fields without a category of their own */
    size_t transport_left;
    uint64_t from_domain; /* hashes; 0 where there is none */
    uint64_t reply_domain;
    uint64_t id_domain;
} spam_headers;

void spam_headers_begin(spam_headers *state, spam_features *set);

/* One field, in order, of number `field` (enum mime_field): its value as normal text (normal.h), and as it is written. */
void spam_headers_field(spam_headers *state, int field, spam_span name, spam_span value, spam_span written);

void spam_headers_end(spam_headers *state);

#endif
