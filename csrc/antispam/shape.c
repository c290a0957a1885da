#include "shape.h"

#include "normal.h"
#include "text.h"

enum {
    KIND_TYPE = 401,
    KIND_PLACE = 402,
    KIND_CHARSET = 403,
    KIND_ENCODING = 404,
    KIND_PARTS = 405,
    KIND_DEFECT = 406,
    KIND_ORDER = 407,
    KIND_SIZE = 408,
    KIND_EXTENSION = 409,
    KIND_NAME = 410,
    KIND_ATTACHED_SIZE = 411,
    KIND_NO_TYPE = 412
};

enum { EXTENSION_LONGEST = 8, NAME_WORDS = 8, NAME_BYTES = 256 };

static spam_span text_span(const mime_message *message, mime_span span) {
    spam_span found;
    found.bytes = mime_bytes(message, MIME_IN_TEXT, span, &found.length);
    return found;
}

static uint64_t type_hash(const mime_message *message, const mime_part *part) {
    uint64_t type = spam_hash_lower(text_span(message, part->type), KIND_TYPE);
    return (type << 1 | type >> 63) ^ spam_hash_lower(text_span(message, part->subtype), KIND_TYPE);
}

static void add_encoding(spam_features *set, const mime_message *message, const mime_part *part, uint64_t type) {
    spam_features_add(set, SPAM_MIME_SHAPE, type ^ ((uint64_t)KIND_ENCODING << 32) ^ (uint64_t)(part->encoding + 1));
    if ((part->flags & MIME_PART_TEXT) != 0) {
        spam_features_add(set, SPAM_MIME_SHAPE, spam_hash_lower(text_span(message, part->charset), KIND_CHARSET));
        spam_features_add_size(set, SPAM_MIME_SHAPE, type ^ KIND_SIZE, part->end - part->body);
    }
}

static void add_attachment(spam_features *set, const mime_message *message, const mime_part *part, uint64_t type) {
    spam_span name = text_span(message, part->filename);
    spam_features_add(set, SPAM_ATTACHMENTS, type);
    spam_features_add_size(set, SPAM_ATTACHMENTS, KIND_ATTACHED_SIZE, part->end - part->body);
    uint8_t plain[NAME_BYTES + SPAM_PADDING] = {0};
    spam_text_words(set, SPAM_ATTACHMENTS, KIND_NAME, spam_normalise(name, plain, NAME_BYTES), NAME_WORDS);
    size_t dot = name.length;
    while (dot > 0 && name.bytes[dot - 1] != '.') {
        dot--;
    }
    if (dot > 0 && name.length - dot <= EXTENSION_LONGEST) {
        spam_span extension = {name.bytes + dot, name.length - dot};
        spam_features_add(set, SPAM_ATTACHMENTS, spam_hash_lower(extension, KIND_EXTENSION));
        spam_features_add(set, SPAM_ATTACHMENTS, spam_hash_lower(extension, KIND_EXTENSION) ^ type);
    }
}

static int is_attachment(const mime_part *part) {
    return part->kind == MIME_LEAF &&
           ((part->flags & MIME_PART_ATTACHED) != 0 || (part->flags & MIME_PART_TEXT) == 0);
}

static void add_defects(spam_features *set, uint64_t defects) {
    for (uint64_t bit = 0; bit < MIME_DEFECT_COUNT; bit++) {
        if ((defects >> bit & 1) != 0) {
            spam_features_add(set, SPAM_MIME_SHAPE, ((uint64_t)KIND_DEFECT << 32) + bit);
        }
    }
}

void spam_shape_add(spam_features *set, const mime_message *message, uint32_t part_limit) {
    uint32_t count = message->part_count < part_limit ? message->part_count : part_limit;
    uint64_t order = KIND_ORDER;
    for (uint32_t i = 0; i < count; i++) {
        const mime_part *part = &message->parts[i];
        uint64_t type = part->type.offset == MIME_NONE ? KIND_NO_TYPE : type_hash(message, part);
        spam_features_add(set, SPAM_MIME_SHAPE, type);
        spam_features_add(set, SPAM_MIME_SHAPE, type ^ ((uint64_t)KIND_PLACE << 32) ^ (uint64_t)part->depth << 16);
        add_encoding(set, message, part, type);
        order = (order ^ type) * UINT64_C(0x100000001B3);
        if (is_attachment(part)) {
            add_attachment(set, message, part, type);
        }
    }
    spam_features_add(set, SPAM_MIME_SHAPE, order);
    spam_features_add_size(set, SPAM_MIME_SHAPE, KIND_PARTS, message->part_count);
    add_defects(set, message->summary.defects & ~(UINT64_C(1) << MIME_DEFECT_BARE_LF));
}
