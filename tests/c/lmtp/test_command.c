/* What is plain, and what is left to others. */
#include "command.h"

#include "../check.h"


static const char *const plain_mails[] = {
    "MAIL FROM:<>", "mail from:<a@b.example>", "MAIL FROM:<a+b=c@d> SIZE=1000", "MAIL FROM:<a@b> BODY=8BITMIME size=0",
    "MAIL FROM:<a@b> body=7bit", "MAIL FROM:<root>", "MAIL FROM:<a..b@x>"};
static const char *const other_mails[] = {
    "MAIL FROM:<a@b", "MAIL FROM:a@b", "MAIL FROM: <a@b>", "MAIL FROM:<a b@c>", "MAIL FROM:<\"a\"@b>", "MAIL FROM:<a@b>x",
    "MAIL FROM:<a@b> ", "MAIL FROM:<a@b>  SIZE=1", "MAIL FROM:<a@b> SIZE=1001", "MAIL FROM:<a@b> SIZE=",
    "MAIL FROM:<a@b> SIZE=1 SIZE=1", "MAIL FROM:<a@b> SIZE=99999999999999999999", "MAIL FROM:<a@b> SMTPUTF8",
    "MAIL FROM:<a@b> BODY=BINARYMIME", "MAIL FROM:<@r:a@b>", "MAIL FROM:<a@b> FOO=1", "MAIL FROM:<\xc3\xbc@b>",
    "MAIL FROM:<a\t@b>", "MAIL", "MAIL FROM:<", ""};
static const char *const plain_forwards[] = {
    "XFORWARD NAME=a.example ADDR=192.0.2.1", "xforward ident=4cXYZ", "XFORWARD NAME=[UNAVAILABLE] PROTO=",
    "XFORWARD HELO=x PORT=25 SOURCE=LOCAL"};
static const char *const other_forwards[] = {
    "XFORWARD", "XFORWARD ", "XFORWARD FOO=1", "XFORWARD IDENT", "XFORWARD NAME=a+2Bb", "XFORWARD NAME=a=b",
    "XFORWARD NAME=a  ADDR=b", "XFORWARDNAME=a", "XFORWARD NAME=a ", "XFORWARD NAME=\xc3\xbc"};

static const char *const plain_hellos[] = {"LHLO x", "lhlo mail-1.example.org", "LHLO 1", "LHLO -"};
static const char *const other_hellos[] = {
    "LHLO", "LHLO ", "LHLO  x", "LHLO x ", "LHLO [192.0.2.1]", "LHLO x_y", "LHLO \xc3\xbc", "LHLOx", "EHLO x"};

#define EACH(list, index) for (size_t index = 0; index < sizeof list / sizeof *list; index++)

static bool is_mail(const char *line, size_t length) {
    size_t start, path;
    uint8_t *copy = exact(line, length);
    bool is_plain = lmtp_is_plain_mail(copy, length, 1000, &start, &path);
    CHECK(!is_plain || (copy[start - 1] == '<' && copy[start + path] == '>' && start + path < length));
    free(copy);
    return is_plain;
}

static bool is_forward(const char *line, size_t length) {
    uint8_t *copy = exact(line, length);
    bool is_plain = lmtp_is_plain_xforward(copy, length);
    free(copy);
    return is_plain;
}

static bool is_hello(const char *line, size_t length) {
    uint8_t *copy = exact(line, length);
    bool is_plain = lmtp_is_plain_lhlo(copy, length);
    free(copy);
    return is_plain;
}

/* Every beginning of a line is looked at within its bounds. */
static void cut(const char *line) {
    for (size_t length = 0; length < strlen(line); length++) {
        uint8_t *copy = exact(line, length);
        is_mail(line, length);
        is_forward(line, length);
        lmtp_is_rcpt(copy, length);
        lmtp_is_data(copy, length);
        lmtp_is_quit(copy, length);
        lmtp_is_rset(copy, length);
        is_hello(line, length);
        free(copy);
    }
}

int main(void) {
    EACH(plain_mails, at) {
        CHECK(is_mail(plain_mails[at], strlen(plain_mails[at])));
        cut(plain_mails[at]);
    }
    EACH(plain_hellos, at) {
        CHECK(is_hello(plain_hellos[at], strlen(plain_hellos[at])));
        cut(plain_hellos[at]);
    }
    EACH(other_hellos, at) {
        CHECK(!is_hello(other_hellos[at], strlen(other_hellos[at])));
    }
    char named[5 + 256];
    memcpy(named, "LHLO ", 5);
    memset(named + 5, 'x', 256);
    CHECK(is_hello(named, 5 + 255) && !is_hello(named, 5 + 256));
    CHECK(lmtp_is_quit((const uint8_t *)"quit", 4) && !lmtp_is_quit((const uint8_t *)"QUIT ", 5));
    CHECK(lmtp_is_rset((const uint8_t *)"rset", 4) && !lmtp_is_rset((const uint8_t *)"RSET ", 5));
    EACH(other_mails, at) {
        CHECK(!is_mail(other_mails[at], strlen(other_mails[at])));
    }
    EACH(plain_forwards, at) {
        CHECK(is_forward(plain_forwards[at], strlen(plain_forwards[at])));
        cut(plain_forwards[at]);
    }
    EACH(other_forwards, at) {
        CHECK(!is_forward(other_forwards[at], strlen(other_forwards[at])));
    }
    char longest[400] = "MAIL FROM:<";
    memset(longest + 11, 'a', 321);
    memcpy(longest + 11 + 320, ">", 2);
    CHECK(is_mail(longest, strlen(longest)));
    memcpy(longest + 11 + 320, "a>", 3);
    CHECK(!is_mail(longest, strlen(longest)));
    CHECK(lmtp_is_rcpt((const uint8_t *)"rcpt TO:<a>", 11) && !lmtp_is_rcpt((const uint8_t *)"RCPT", 4));
    CHECK(lmtp_is_data((const uint8_t *)"data", 4) && !lmtp_is_data((const uint8_t *)"DATA ", 5));
    return 0;
}
