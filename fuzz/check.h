/* What every fuzz target needs: a check that ends the program, and a message made of a prefix and the input. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "mime/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

static inline void check(int holds) {
    if (!holds) abort();
}

static inline void check_span(mime_span span, uint32_t store) {
    check(span.offset == MIME_NONE || (uint64_t)span.offset + span.length <= store);
}

/* Parses `prefix`, the input and `suffix` as one message, everything made, and hands it to `look`. */
static inline void check_message(const char *prefix, const uint8_t *input, size_t length, const char *suffix,
                                 void (*look)(const mime_message *)) {
    size_t before = strlen(prefix), after = strlen(suffix);
    uint8_t *mail = malloc(before + length + after + 1);
    mime_limits limits;
    mime_context *context = mime_context_new();
    const mime_message *message;
    check(mail && context);
    memcpy(mail, prefix, before);
    if (length) memcpy(mail + before, input, length);
    memcpy(mail + before + length, suffix, after);
    mime_default_limits(&limits);
    limits.addresses = 50;
    limits.headers = 100;
    check(mime_parse_with(context, mail, before + length + after, &limits, 255, &message) == MIME_OK);
    look(message);
    mime_context_free(context);
    free(mail);
}

#endif
