/*
 * What a reader sees of an HTML part, and what the markup gives away.
 *
 * A scanner, not a parser: it never fails, keeps no tree and reads each byte once. Tags become features of the HTML's
 * shape, links become URLs, the rest is copied out as text. It does not apply styles, so text made invisible by CSS is
 * still read.
 */
#ifndef MDA_SPAM_HTML_H
#define MDA_SPAM_HTML_H

#include "normal.h"

/* Appends the visible text of `html` to `out`, which begins with it, until it is full. Adds features of tags and of at most
   `url_limit` links. */
void spam_html_text(spam_features *set, spam_span html, spam_normal *out, size_t url_limit);

#endif
