/* Parameters of a content field, RFC 2231 segments among them: all lie in the text store, within the limit. */
#include "check.h"

static void look(const mime_message *message) {
    const mime_part *part = &message->parts[0];
    check(part->parameter_count <= 128);
    for (uint32_t i = 0; i < message->parameter_count; i++) {
        check_span(message->parameters[i].name, message->text_length);
        check_span(message->parameters[i].value, message->text_length);
        check_span(message->parameters[i].decoded, message->text_length);
        check(message->parameters[i].name.length > 0);
    }
    check_span(part->filename, message->text_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_message("Content-Type: text/plain; ", input, length, "\r\n\r\nx", look);
    return 0;
}
