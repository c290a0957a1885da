/* Every allocation of a parse fails once: the answer is MIME_NO_MEMORY, nothing leaks (LeakSanitizer) and nothing is
 * half given. And what is no message at all is refused. */
#include "message.h"

static long check_failures(const sample *mail) {
    long allowed = 0;
    for (;; allowed++) {
        allocations_left = allowed;
        mime_status status = message_check(mail->bytes, mail->length);
        allocations_left = -1;
        if (status == MIME_OK) return allowed;
        CHECK(status == MIME_NO_MEMORY);
        CHECK(allowed < 10000);
    }
}

static void check_refusals(void) {
    mime_message *message = NULL;
    mime_limits limits;
    mime_default_limits(&limits);
    limits.size = 4;
    CHECK(mime_parse((const uint8_t *)"a: b\n", 5, &limits, &message) == MIME_TOO_LARGE && !message);
    CHECK(mime_parse(NULL, 1, &limits, &message) == MIME_BAD_ARGUMENT && !message);
    CHECK(mime_parse((const uint8_t *)"", 0, NULL, &message) == MIME_BAD_ARGUMENT && !message);
    CHECK(mime_parse((const uint8_t *)"", 0, &limits, NULL) == MIME_BAD_ARGUMENT);
    limits.parts = 0;
    CHECK(mime_parse((const uint8_t *)"", 0, &limits, &message) == MIME_BAD_ARGUMENT && !message);
    mime_free(NULL);
}

int main(int count, char **paths) {
    long failures = 0;
    for (int i = 1; i < count; i++) {
        sample mail = sample_load(paths[i]);
        failures += check_failures(&mail);
        free(mail.bytes);
    }
    check_refusals();
    CHECK(failures > 100);
    printf("%ld failed allocations\n", failures);
    return 0;
}
