/* Conversations, whole and cut in two at every octet: the same is said and handed over. */
#include "talk.h"

#include "../check.h"

static lmtp_shared *shared;

static const char conversation[] =
    "MAIL FROM:<a@b>\r\nLHLO x\r\nXFORWARD IDENT=1\r\nMAIL FROM:<a@b> SIZE=9\r\nRCPT TO:<known@d>\r\nDATA\r\n..x\r\n.\r\n"
    "MAIL FROM:<>\r\nRCPT TO:<known@d>\r\nRCPT TO:<u@d>\r\nRCPT TO:<known@d>\r\nRCPT TO:<known@d>\r\nNOOP\r\nDATA\r\n.\r\n"
    "MAIL FROM:<c@d>\r\nRCPT TO:<known@d>\r\nRCPT TO:<known@d>\r\nDATA\r\n"
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n.\r\n"
    "MAIL FROM:<x@012345678901234567890123456789012345678901234567890123456789>\r\nDATA  \r\nfoo\r\n.\r\n"
    "MAIL FROM:<e@f>\r\nRCPT TO:<known@d>\r\nDATA x\r\nDATA\r\nlast\r\n.\r\nNO\rOP\nx\r\nQUIT\r\nNOOP\r\n";

static const char heard[] =
    "500 what\r\n250 lhlo\r\n250 ok\r\n250 sender\r\n250 recipient\r\n354 go\r\n250 saved\r\n"
    "250 sender\r\n250 recipient\r\n250 asked\r\n500 what\r\n354 go\r\n250 saved\r\n"
    "250 sender\r\n250 recipient\r\n250 recipient\r\n354 go\r\n250 saved\r\n"
    "500 what\r\n354 go on\r\n250 saved\r\n"
    "250 sender\r\n250 recipient\r\n500 what\r\n354 go\r\n250 saved\r\n500 what\r\n221 quit\r\n";

static bool is(const lmtp_octets *octets, const char *text, size_t length) {
    return octets->length == length && (!length || memcmp(octets->octets, text, length) == 0);
}

static void test_whole(void) {
    static const char events[] =
        "0 0 0  N\n0 0 0  N\n1 0 7 a@b XMRD.x\r\n\n0 0 0  MRNNN\n0 0 0  N\n1 0 0  D\n1 1 0  MRRD\n0 0 0  L\n0 0 0  N\n"
        "1 0 0  foo\r\n\n0 0 0  MRN\n1 0 0  Dlast\r\n\n0 0 0  N\n0 0 0  N\n";
    talk one;
    talk_begin(&one, shared);
    talk_say(&one, conversation, sizeof conversation - 1);
    CHECK(!one.has_failed);
    CHECK(is(&one.heard, heard, sizeof heard - 1));
    if (!is(&one.events, events, sizeof events - 1)) {
        fprintf(stderr, "%.*s", (int)one.events.length, (const char *)one.events.octets);
    }
    CHECK(is(&one.events, events, sizeof events - 1));
    talk_end(&one);
}

static unsigned count(const lmtp_octets *octets, const char *text) {
    unsigned found = 0;
    for (size_t at = 0; at + strlen(text) <= octets->length; at++) {
        found += memcmp(octets->octets + at, text, strlen(text)) == 0;
    }
    return found;
}

/* RCPTs that come apart are handed over apart, or need not be, so not all is the same. */
static void test_cut(void) {
    for (size_t cut = 1; cut < sizeof conversation - 1; cut++) {
        talk one;
        talk_begin(&one, shared);
        talk_say(&one, conversation, cut);
        talk_say(&one, conversation + cut, sizeof conversation - 1 - cut);
        CHECK(!one.has_failed && one.connection->is_closing);
        CHECK(count(&one.heard, "250 saved\r\n") == 5 && count(&one.heard, "500 what\r\n") == 5);
        CHECK(count(&one.heard, "354 ") == 5 && count(&one.heard, "250 sender\r\n") == 4);
        CHECK(count(&one.events, "7 a@b XMRD.x\r\n") == 1 && count(&one.events, "Dlast\r\n") == 1);
        talk_end(&one);
    }
    talk one;
    talk_begin(&one, shared);
    for (size_t at = 0; at < sizeof conversation - 1; at++) {
        talk_say(&one, conversation + at, 1);
    }
    CHECK(one.heard.length >= sizeof heard - 1 && one.connection->is_closing);
    talk_end(&one);
}

static void test_long_line(void) {
    talk one;
    char line[200];
    memset(line, 'x', sizeof line);
    talk_begin(&one, shared);
    for (unsigned part = 0; part < 1000; part++) {
        talk_say(&one, line, sizeof line);
        CHECK(one.connection->input.length <= 61 + sizeof line);
    }
    talk_say(&one, "\r", 1);
    talk_say(&one, "\nNOOP\r\n", 7);
    CHECK(is(&one.heard, "500 what\r\n500 what\r\n", 20));
    talk_end(&one);
}

/* What is kept for the next event is bounded. */
static void test_many_forwards(void) {
    static const char line[] = "XFORWARD IDENT=0123456789012345678901234567890123456789\r\n";
    talk one;
    talk_begin(&one, shared);
    talk_say(&one, "LHLO x\r\n", 8);
    for (unsigned said = 0; said < 2000; said++) {
        talk_say(&one, line, sizeof line - 1);
        CHECK(one.connection->lines.length < 33000);
    }
    CHECK(count(&one.heard, "250 ok\r\n") > 1900 && count(&one.heard, "500 what\r\n") > 1);
    talk_end(&one);
}

/* The first LHLO, and QUIT; whatever stands behind that is not looked at. */
static void test_hello_and_quit(void) {
    static const char said[] = "LHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nDATA\r\nx\r\n.\r\nLHLO y\r\nQUIT\r\nQUIT\r\n";
    static const char trusted[] =
        "250 friend\r\n250 sender\r\n250 recipient\r\n354 go\r\n250 saved\r\n250 lhlo\r\n221 left\r\n";
    static const char events[] = "1 0 7 a@b HMRDx\r\n\n0 0 0  N\n";
    shared->replies.bye = "221 left\r\n";
    shared->replies.hello = "250 stranger\r\n";
    shared->replies.hello_trusted = "250 friend\r\n";
    for (size_t cut = 1; cut < sizeof said; cut++) {
        talk one;
        talk_begin(&one, shared);
        talk_say(&one, said, cut);
        if (cut < sizeof said - 1) {
            talk_say(&one, said + cut, sizeof said - 1 - cut);
        }
        CHECK(!one.has_failed && one.connection->is_closing);
        CHECK(is(&one.heard, trusted, sizeof trusted - 1) && is(&one.events, events, sizeof events - 1));
        talk_end(&one);
    }
    talk stranger;
    talk_begin(&stranger, shared);
    stranger.connection->is_trusted = false;
    talk_say(&stranger, "LHLO x\r\nQUIT\r\n", 14);
    CHECK(is(&stranger.heard, "250 stranger\r\n221 left\r\n", 24) && !stranger.events.length);
    talk_end(&stranger);
    shared->replies.bye = shared->replies.hello = shared->replies.hello_trusted = NULL;
}

/* RSET is answered where it can only ask whether to go on: behind the replies to a message, once. */
static void test_reset(void) {
    static const char message[] = "MAIL FROM:<a@b>\r\nRCPT TO:<known@d>\r\nDATA\r\nx\r\n.\r\n";
    static const char opened[] = "LHLO x\r\n";
    talk one;
    talk_begin(&one, shared);
    talk_say(&one, opened, sizeof opened - 1);
    talk_say(&one, "RSET\r\n", 6);
    CHECK(is(&one.events, "0 0 0  N\n0 0 0  N\n", 18));
    one.events.length = one.heard.length = 0;
    talk_say(&one, message, sizeof message - 1);
    talk_say(&one, "RSET\r\n", 6);
    talk_say(&one, message, sizeof message - 1);
    static const char events[] = "1 0 7 a@b MRDx\r\n\n1 0 7 a@b MRDx\r\n\n";
    static const char twice[] = "250 sender\r\n250 recipient\r\n354 go\r\n250 saved\r\n250 ok\r\n"
                                "250 sender\r\n250 recipient\r\n354 go\r\n250 saved\r\n";
    CHECK(is(&one.events, events, sizeof events - 1) && is(&one.heard, twice, sizeof twice - 1));
    one.events.length = 0;
    talk_say(&one, "XFORWARD IDENT=1\r\nRSET\r\n", 24);
    CHECK(is(&one.events, "0 0 0  XN\n", 10)); /* its attribute is to be forgotten */
    one.events.length = 0;
    talk_say(&one, message, sizeof message - 1);
    talk_say(&one, "RSET\r\nRSET\r\n", 12);
    CHECK(one.connection->is_at_rest == false && count(&one.events, "0 0 0  N\n") == 1);
    one.events.length = 0;
    talk_say(&one, message, sizeof message - 1);
    shared->is_leaving = true;
    talk_say(&one, "RSET\r\n", 6);
    CHECK(count(&one.events, "0 0 0  N\n") == 1); /* 421 is for whoever knows it */
    shared->is_leaving = false;
    talk_end(&one);
}

int main(void) {
    shared = talk_shared();
    test_reset();
    test_whole();
    test_cut();
    test_long_line();
    test_many_forwards();
    test_hello_and_quit();
    lmtp_known_forget(&shared->known);
    free(shared);
    return 0;
}
