/* The text of a header field with encoded words: UTF-8 whatever comes, marks aside, and twice the same with one
 * context. */
#include "check.h"

#include "mime/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length) {
    mime_context *context = mime_context_new();
    check(context != NULL);
    int64_t count = mime_header_text(context, input, length);
    check(count >= 0);
    uint8_t *text = malloc((size_t)count + 1), *again = malloc((size_t)count + 1);
    check(text && again);
    mime_read_again(context, text);
    for (int64_t i = 0; i < count; i++)
        again[i] = text[i] == MIME_MARK_OPEN || text[i] == MIME_MARK_SPLIT || text[i] == MIME_MARK_CLOSE ? '?' : text[i];
    int is_ascii;
    check(charset_is_utf8(vector_choose(), again, (size_t)count, &is_ascii));
    check(mime_header_text(context, input, length) == count);
    mime_read_again(context, again);
    check(memcmp(text, again, (size_t)count) == 0);
    free(text);
    free(again);
    mime_context_free(context);
    return 0;
}
