/* A header block: fields are apart and in order, each within the block, and each has a text. */
#include "check.h"

static void look(const mime_message *message) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < message->header_count; i++) {
        const mime_header *header = &message->headers[i];
        if (message->parts[0].first_header + message->parts[0].header_count <= i) break;
        check(header->start >= at && header->name_length && header->start + header->name_length < header->value);
        check(header->value <= header->end && header->end <= message->parts[0].body);
        check(message->input[header->value - 1] == ':' && header->field < MIME_FIELD_COUNT);
        check(!header->field || message->parts[0].fields >> header->field & 1);
        at = header->end;
    }
    check_span(message->summary.subject, message->text_length);
    check_span(message->summary.message_id, message->text_length);
    check_span(message->summary.references, message->text_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_message("", input, length, "\r\n\r\nx", look);
    return 0;
}
