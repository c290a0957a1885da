/* The part tree: RFC 2046 s5.1 (multipart) and s5.2.1 (message/rfc822), built without recursion. */
#ifndef MIME_TREE_H
#define MIME_TREE_H

#include "store.h"

/* Parses [start, end) of the store being parsed as one message below `parent` (MIME_NONE: the root). */
void tree_parse(mime_state *state, uint32_t parent, uint32_t start, uint32_t end);

#endif
