/* The header fields that the parser knows by number; see field.h. */
#include "field.h"

#include "octets.h"

typedef struct field_name {
    const char *name;
    uint8_t length;
    uint8_t field;
} field_name;

#define FIELD(name, field) {name, sizeof(name) - 1, field}
#define LONGEST 25

/* By length, which field_find() relies on. */
static const field_name FIELDS[] = {
    FIELD("to", MIME_FIELD_TO),
    FIELD("cc", MIME_FIELD_CC),
    FIELD("bcc", MIME_FIELD_BCC),
    FIELD("from", MIME_FIELD_FROM),
    FIELD("date", MIME_FIELD_DATE),
    FIELD("sender", MIME_FIELD_SENDER),
    FIELD("subject", MIME_FIELD_SUBJECT),
    FIELD("reply-to", MIME_FIELD_REPLY_TO),
    FIELD("received", MIME_FIELD_RECEIVED),
    FIELD("message-id", MIME_FIELD_MESSAGE_ID),
    FIELD("references", MIME_FIELD_REFERENCES),
    FIELD("content-id", MIME_FIELD_CONTENT_ID),
    FIELD("in-reply-to", MIME_FIELD_IN_REPLY_TO),
    FIELD("content-md5", MIME_FIELD_CONTENT_MD5),
    FIELD("content-type", MIME_FIELD_CONTENT_TYPE),
    FIELD("mime-version", MIME_FIELD_MIME_VERSION),
    FIELD("content-language", MIME_FIELD_CONTENT_LANGUAGE),
    FIELD("content-location", MIME_FIELD_CONTENT_LOCATION),
    FIELD("content-disposition", MIME_FIELD_CONTENT_DISPOSITION),
    FIELD("content-description", MIME_FIELD_CONTENT_DESCRIPTION),
    FIELD("content-transfer-encoding", MIME_FIELD_CONTENT_TRANSFER_ENCODING),
};

/* Where in FIELDS the names of a length begin. */
static const uint8_t BEGIN[LONGEST + 2] = {0,  0,  0,  2,  3,  5,  5,  6,  7,  9,  9,  12, 14, 16,
                                           16, 16, 16, 18, 18, 18, 20, 20, 20, 20, 20, 20, 21};

/* Of octets that a name may have, 0x20 added makes lower case of letters and leaves '-' alone, and nothing else
 * becomes one of these. */
static int field_is(const uint8_t *name, const char *lower, size_t length) {
    for (size_t i = 0; i < length; i++)
        if ((name[i] | 0x20) != (uint8_t)lower[i]) return 0;
    return 1;
}

mime_field field_find(const uint8_t *name, size_t length) {
    if (length > LONGEST) return MIME_FIELD_OTHER;
    for (size_t i = BEGIN[length]; i < BEGIN[length + 1]; i++)
        if (field_is(name, FIELDS[i].name, length)) return (mime_field)FIELDS[i].field;
    return MIME_FIELD_OTHER;
}
