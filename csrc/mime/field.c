/* The header fields that the parser knows by number; see field.h. */
#include "field.h"

#include "octets.h"

typedef struct field_name {
    const char *name;
    uint8_t length;
    uint8_t field;
} field_name;

#define FIELD(name, field) {name, sizeof(name) - 1, field}

static const field_name FIELDS[] = {
    FIELD("from", MIME_FIELD_FROM),
    FIELD("sender", MIME_FIELD_SENDER),
    FIELD("reply-to", MIME_FIELD_REPLY_TO),
    FIELD("to", MIME_FIELD_TO),
    FIELD("cc", MIME_FIELD_CC),
    FIELD("bcc", MIME_FIELD_BCC),
    FIELD("subject", MIME_FIELD_SUBJECT),
    FIELD("date", MIME_FIELD_DATE),
    FIELD("message-id", MIME_FIELD_MESSAGE_ID),
    FIELD("in-reply-to", MIME_FIELD_IN_REPLY_TO),
    FIELD("references", MIME_FIELD_REFERENCES),
    FIELD("received", MIME_FIELD_RECEIVED),
    FIELD("content-type", MIME_FIELD_CONTENT_TYPE),
    FIELD("content-transfer-encoding", MIME_FIELD_CONTENT_TRANSFER_ENCODING),
    FIELD("content-disposition", MIME_FIELD_CONTENT_DISPOSITION),
    FIELD("content-id", MIME_FIELD_CONTENT_ID),
    FIELD("content-description", MIME_FIELD_CONTENT_DESCRIPTION),
    FIELD("content-language", MIME_FIELD_CONTENT_LANGUAGE),
    FIELD("content-location", MIME_FIELD_CONTENT_LOCATION),
    FIELD("content-md5", MIME_FIELD_CONTENT_MD5),
    FIELD("mime-version", MIME_FIELD_MIME_VERSION),
};

mime_field field_find(const uint8_t *name, size_t length) {
    for (size_t i = 0; i < sizeof FIELDS / sizeof *FIELDS; i++) {
        const field_name *known = &FIELDS[i];
        if (known->length == length && octet_lower(name[0]) == (uint8_t)known->name[0] &&
            octets_equal(name, length, known->name, length))
            return (mime_field)known->field;
    }
    return MIME_FIELD_OTHER;
}
