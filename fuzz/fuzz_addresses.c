/* An address field: every entry lies in the text store and belongs to its header, groups begin and end in turn. */
#include "check.h"

static void look(const mime_message *message) {
    int in_group = 0;
    for (uint32_t i = 0; i < message->address_count; i++) {
        const mime_address *address = &message->addresses[i];
        check(address->header < message->header_count);
        check_span(address->name, message->text_length);
        check_span(address->route, message->text_length);
        check_span(address->mailbox, message->text_length);
        check_span(address->host, message->text_length);
        if (address->kind == 'g') check(!in_group), in_group = 1;
        else if (address->kind == 'e') check(in_group), in_group = 0;
        else check((address->kind & 255) == 'a' && address->mailbox.length && address->host.length);
    }
    check(message->address_count <= 50);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    check_message("From: ", input, length, "\r\n\r\nx", look);
    return 0;
}
