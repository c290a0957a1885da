/*
 * The MIME shape of a message: types, charsets and encodings of its parts, their order, what is attached, and what
 * is broken (each of the parser's defects is a feature).
 */
#ifndef MDA_SPAM_SHAPE_H
#define MDA_SPAM_SHAPE_H

#include "../mime/mime.h"
#include "features.h"

void spam_shape_add(spam_features *set, const mime_message *message, uint32_t part_limit);

#endif
