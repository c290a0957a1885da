/* The header fields that the parser knows by number; see field.h. */
#include "field.h"

#include <string.h>

#define LONGEST 25
#define SLOT_BITS 5

typedef struct field_name {
    char name[LONGEST + 8]; /* in lower case, zeros behind it */
    uint8_t length;
    uint8_t field;
} field_name;

#define FIELD(name, field) {name, sizeof(name) - 1, field}

/* Each name stands where field_slot() puts it. Its factor was found by trial: a new name takes a slot of its own, or
 * another factor. */
static const field_name FIELDS[1 << SLOT_BITS] = {
    [0] = FIELD("subject", MIME_FIELD_SUBJECT),
    [2] = FIELD("cc", MIME_FIELD_CC),
    [4] = FIELD("content-location", MIME_FIELD_CONTENT_LOCATION),
    [7] = FIELD("received", MIME_FIELD_RECEIVED),
    [9] = FIELD("content-md5", MIME_FIELD_CONTENT_MD5),
    [10] = FIELD("date", MIME_FIELD_DATE),
    [11] = FIELD("content-id", MIME_FIELD_CONTENT_ID),
    [12] = FIELD("mime-version", MIME_FIELD_MIME_VERSION),
    [13] = FIELD("content-transfer-encoding", MIME_FIELD_CONTENT_TRANSFER_ENCODING),
    [14] = FIELD("from", MIME_FIELD_FROM),
    [16] = FIELD("content-disposition", MIME_FIELD_CONTENT_DISPOSITION),
    [17] = FIELD("sender", MIME_FIELD_SENDER),
    [19] = FIELD("content-description", MIME_FIELD_CONTENT_DESCRIPTION),
    [20] = FIELD("message-id", MIME_FIELD_MESSAGE_ID),
    [22] = FIELD("to", MIME_FIELD_TO),
    [23] = FIELD("bcc", MIME_FIELD_BCC),
    [24] = FIELD("references", MIME_FIELD_REFERENCES),
    [25] = FIELD("reply-to", MIME_FIELD_REPLY_TO),
    [26] = FIELD("content-language", MIME_FIELD_CONTENT_LANGUAGE),
    [27] = FIELD("in-reply-to", MIME_FIELD_IN_REPLY_TO),
    [31] = FIELD("content-type", MIME_FIELD_CONTENT_TYPE),
};

/* Of octets that a name may have, 0x20 added makes lower case of letters and leaves '-' alone, and nothing else
 * becomes one of these. So names are compared in words of eight octets, the last one over the one before it. */
#define LOWER UINT64_C(0x2020202020202020)

static uint64_t field_word(const char *octets) {
    uint64_t word;
    memcpy(&word, octets, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word | LOWER;
}

static size_t field_slot(uint64_t first, uint64_t last) {
    return (size_t)((first + 3 * last) * UINT64_C(0x90911bb9d3a340ad) >> (64 - SLOT_BITS));
}

/* The two octets and more that neither the first word nor the last one has. */
static int field_is_between(const char *name, const char *lower, size_t length) {
    return ((field_word(name + 8) ^ field_word(lower + 8)) |
            (field_word(name + length - 16) ^ field_word(lower + length - 16))) == 0;
}

mime_field field_find(const uint8_t *octets, size_t length, size_t readable) {
    char copy[8] = {0};
    const char *name = (const char *)octets;
    if (length - 1 >= LONGEST) return MIME_FIELD_OTHER;
    if (readable < sizeof copy) {
        memcpy(copy, name, length);
        name = copy;
    }
    /* Of a name shorter than a word, zeros stand for the rest. */
    uint64_t mask = length < 8 ? (UINT64_C(1) << 8 * length) - 1 : ~UINT64_C(0);
    uint64_t first = field_word(name) & mask, last = length > 8 ? field_word(name + length - 8) : first;
    const field_name *known = &FIELDS[field_slot(first, last)];
    if (length != known->length || first != (field_word(known->name) & mask)) return MIME_FIELD_OTHER;
    if (length > 8 && last != field_word(known->name + length - 8)) return MIME_FIELD_OTHER;
    if (length > 16 && !field_is_between(name, known->name, length)) return MIME_FIELD_OTHER;
    return (mime_field)known->field;
}
