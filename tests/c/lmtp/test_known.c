/* A line is known as long as it was said, by its very octets, and forgotten with all others. */
#include "known.h"

#include "../check.h"


static lmtp_known known;

static uint64_t find(const char *line, uint64_t now) {
    return lmtp_known_find(&known, (const uint8_t *)line, strlen(line), now);
}

static void put(const char *line, uint64_t recipient, uint64_t until) {
    lmtp_known_put(&known, (const uint8_t *)line, strlen(line), recipient, until);
}

int main(void) {
    CHECK(find("RCPT TO:<a@b>", 1) == 0);
    put("RCPT TO:<a@b>", 7, 100);
    CHECK(find("RCPT TO:<a@b>", 99) == 7 && find("RCPT TO:<a@b>", 100) == 0);
    CHECK(find("RCPT TO:<A@b>", 1) == 0 && find("RCPT TO:<a@b> ", 1) == 0 && find("", 1) == 0);
    put("RCPT TO:<a@b>", 8, 200);
    CHECK(find("RCPT TO:<a@b>", 150) == 8);
    unsigned long kept = 0;
    for (unsigned number = 0; number < 4 * LMTP_KNOWN_MOST; number++) {
        char line[40];
        snprintf(line, sizeof line, "RCPT TO:<u%u@d>", number);
        put(line, number + 1, 1000 + number);
        CHECK(find(line, 1) == number + 1);
    }
    for (unsigned number = 0; number < 4 * LMTP_KNOWN_MOST; number++) {
        char line[40];
        snprintf(line, sizeof line, "RCPT TO:<u%u@d>", number);
        uint64_t found = find(line, 1);
        CHECK(found == 0 || found == number + 1);
        kept += found != 0;
    }
    CHECK(kept > LMTP_KNOWN_RECENT / 2 && kept <= LMTP_KNOWN_RECENT);
    char longest[LMTP_KNOWN_LINE + 2] = {0};
    memset(longest, 'x', LMTP_KNOWN_LINE + 1);
    put(longest, 1, 9999);
    CHECK(find(longest, 1) == 0);
    lmtp_known_forget(&known);
    CHECK(find("RCPT TO:<u5@d>", 1) == 0);
    return 0;
}
