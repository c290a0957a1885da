/* The header fields that the parser knows by number; see field.h. */
#include "field.h"

#include "octets.h"

typedef struct field_name {
    const char *name;
    uint8_t length;
    uint8_t field;
} field_name;

#define FIELD(name, field) {name, sizeof(name) - 1, field}
#define SLOTS 32

/* Each name stands where field_slot() puts it. Its factors were found by trial: a new name takes a slot of its own, or
 * other factors. */
static const field_name FIELDS[SLOTS] = {
    [0] = FIELD("message-id", MIME_FIELD_MESSAGE_ID),
    [3] = FIELD("reply-to", MIME_FIELD_REPLY_TO),
    [4] = FIELD("in-reply-to", MIME_FIELD_IN_REPLY_TO),
    [5] = FIELD("from", MIME_FIELD_FROM),
    [7] = FIELD("content-disposition", MIME_FIELD_CONTENT_DISPOSITION),
    [8] = FIELD("content-location", MIME_FIELD_CONTENT_LOCATION),
    [9] = FIELD("references", MIME_FIELD_REFERENCES),
    [10] = FIELD("content-transfer-encoding", MIME_FIELD_CONTENT_TRANSFER_ENCODING),
    [12] = FIELD("mime-version", MIME_FIELD_MIME_VERSION),
    [13] = FIELD("date", MIME_FIELD_DATE),
    [15] = FIELD("content-type", MIME_FIELD_CONTENT_TYPE),
    [17] = FIELD("to", MIME_FIELD_TO),
    [18] = FIELD("sender", MIME_FIELD_SENDER),
    [19] = FIELD("content-language", MIME_FIELD_CONTENT_LANGUAGE),
    [20] = FIELD("received", MIME_FIELD_RECEIVED),
    [21] = FIELD("subject", MIME_FIELD_SUBJECT),
    [22] = FIELD("content-md5", MIME_FIELD_CONTENT_MD5),
    [23] = FIELD("content-description", MIME_FIELD_CONTENT_DESCRIPTION),
    [24] = FIELD("content-id", MIME_FIELD_CONTENT_ID),
    [26] = FIELD("bcc", MIME_FIELD_BCC),
    [31] = FIELD("cc", MIME_FIELD_CC),
};

static size_t field_slot(const uint8_t *name, size_t length) {
    return (length + (name[0] | 0x20u) * 6 + (name[length - 1] | 0x20u) * 13 + (name[length / 2] | 0x20u) * 12) % SLOTS;
}

/* Of octets that a name may have, 0x20 added makes lower case of letters and leaves '-' alone, and nothing else
 * becomes one of these. So names are compared in words of eight octets, the last one over the one before it. */
#define LOWER UINT64_C(0x2020202020202020)

static uint64_t field_word(const uint8_t *octets) {
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return word | LOWER;
}

static uint64_t field_short_word(const uint8_t *name, size_t length) {
    uint32_t head, tail;
    if (length < 4) return name[0] | (uint64_t)name[length / 2] << 8 | (uint64_t)name[length - 1] << 16 | LOWER;
    memcpy(&head, name, sizeof head);
    memcpy(&tail, name + length - sizeof tail, sizeof tail);
    return head | (uint64_t)tail << 32 | LOWER;
}

/* Names of 8 to 25 octets in three or four words, some over another. */
static int field_is(const uint8_t *name, const uint8_t *lower, size_t length) {
    if (length < 8) return field_short_word(name, length) == field_short_word(lower, length);
    uint64_t other = (field_word(name) ^ field_word(lower)) |
                     (field_word(name + length - 8) ^ field_word(lower + length - 8));
    if (length > 16)
        other |= (field_word(name + 8) ^ field_word(lower + 8)) |
                 (field_word(name + length - 16) ^ field_word(lower + length - 16));
    return other == 0;
}

mime_field field_find(const uint8_t *name, size_t length) {
    if (!length) return MIME_FIELD_OTHER;
    const field_name *known = &FIELDS[field_slot(name, length)];
    if (length != known->length || !field_is(name, (const uint8_t *)known->name, length)) return MIME_FIELD_OTHER;
    return (mime_field)known->field;
}
