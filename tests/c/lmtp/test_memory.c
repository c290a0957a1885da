/* Without memory a connection fails: nothing leaks, nothing is held, and what failed is told. */
#include "talk.h"

#include "../check.h"
#include "failing.h"

static const char conversation[] =
    "LHLO x\r\nXFORWARD IDENT=1\r\nMAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nRCPT TO:<u@d>\r\nDATA\r\nhello\r\n.\r\nQUIT\r\n";

int main(void) {
    lmtp_shared *shared = talk_shared();
    unsigned long nth = 0;
    int has_run = 0;
    while (!has_run) {
        talk one;
        fail_from(++nth);
        talk_begin(&one, shared);
        for (size_t at = 0; at < sizeof conversation - 1; at += 7) {
            size_t left = sizeof conversation - 1 - at;
            uint8_t part[7];
            size_t length = left < 7 ? left : 7;
            memcpy(part, conversation + at, length);
            if (!one.has_failed && !one.connection->is_closing) {
                talk_say(&one, (const char *)part, length);
            }
        }
        has_run = !has_failed();
        fail_from(0);
        CHECK(has_run != one.has_failed);
        talk_end(&one);
    }
    CHECK(nth > 8);
    fail_from(1);
    lmtp_limits limits = {.message_bytes = 1};
    CHECK(lmtp_front_new(&limits, &shared->replies) == NULL);
    fail_from(0);
    lmtp_known_forget(&shared->known);
    free(shared);
    return 0;
}
