/* The base subject: what is left of a subject when replies and forwards are taken off, RFC 5256 s2.1. */
#ifndef MIME_SUBJECT_H
#define MIME_SUBJECT_H

#include "store.h"

/* That of a decoded subject, which is UTF-8 without marks, in the text store. What it answers lies in the scratch store
 * until that is written again. mda/mime/subject.py says the same of text. */
mime_span subject_base(mime_state *state, mime_span subject);

#endif
