/*
 * URLs: the host as a whole, its last two labels, its last label, and the shape of the rest.
 *
 * Paths and queries are not features: they hold what identifies the reader, and change with each mail.
 */
#ifndef MDA_SPAM_URL_H
#define MDA_SPAM_URL_H

#include "features.h"

/* Features of one URL (RFC 3986 s3), with or without its scheme. */
void spam_url_add(spam_features *set, spam_span url);

/* Finds URLs in running text (http://, https://, www.) and adds at most `limit` of them; returns how many. */
size_t spam_url_scan(spam_features *set, spam_span text, size_t limit);

/* A domain name's own features: whole, last two labels, last label. */
void spam_domain_add(spam_features *set, enum spam_category category, uint64_t kind, spam_span domain);

#endif
