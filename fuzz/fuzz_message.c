/* Any octets as a message: everything is made of them, again and again with one context, and every span lies in its store.
 * The same octets as a header field value too. */
#include "check.h"

static void check_parts(const mime_message *message) {
    for (uint32_t i = 0; i < message->part_count; i++) {
        const mime_part *part = &message->parts[i];
        uint32_t store = part->source == MIME_IN_INPUT ? message->input_length : message->decoded_length;
        check(part->start <= part->body && part->body <= part->end && part->end <= store);
        check((uint64_t)part->first_header + part->header_count <= message->header_count);
        check(part->parent == MIME_NONE ? i == 0 : part->parent < i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    mime_limits limits;
    mime_default_limits(&limits);
    limits.depth = 10;
    limits.parts = 50;
    mime_context *context = mime_context_new();
    const mime_message *message;
    check(context != NULL);
    static const int WANTS[] = {MIME_WANT_ALL, 255, MIME_WANT_ALL | MIME_WANT_BRIEF};
    for (int i = 0; i < 3; i++) {
        check(mime_parse_with(context, input, length, &limits, WANTS[i], &message) == MIME_OK);
        check_parts(message);
    }
    check(mime_header_text(context, input, length) >= 0);
    mime_context_free(context);
    return 0;
}
