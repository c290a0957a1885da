/* Every prefix of every sample parses in CRLF, and every third one in LF. */
#include "message.h"

int main(int count, char **paths) {
    size_t parsed = 0;
    for (int i = 1; i < count; i++) {
        sample mail = sample_load(paths[i]), with_lf = sample_with_lf(&mail);
        for (size_t length = 0; length <= mail.length; length++, parsed++)
            CHECK(message_check(mail.bytes, length) == MIME_OK);
        for (size_t length = 0; length <= with_lf.length; length += 3, parsed++)
            CHECK(message_check(with_lf.bytes, length) == MIME_OK);
        free(mail.bytes);
        free(with_lf.bytes);
    }
    CHECK(parsed > 10000);
    printf("%zu prefixes\n", parsed);
    return 0;
}
