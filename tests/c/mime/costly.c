/* Mails made to be dear; see costly.h. */
#include "costly.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP "From: a@example.org\r\nTo: b@example.test\r\nMIME-Version: 1.0\r\n"
#define PLAIN "Content-Type: text/plain\r\n\r\n"
#define TEXT TOP "Content-Type: text/plain"
#define MIXED(boundary) TOP "Content-Type: multipart/mixed; boundary=\"" boundary "\"\r\n\r\n"
#define DASHES "---------------------------------------------------------------------" /* 69 */

typedef struct pattern {
    const char *name, *head, *piece; /* a piece may have one %zu, its number, with a width for a bound */
    size_t count;
    const char *tail;
} pattern;

static const pattern PATTERNS[] = {
    {"100 multiparts deep", TOP, "Content-Type: multipart/mixed; boundary=\"%zu\"\r\n\r\n--%zu\r\n", 100, PLAIN "deep\r\n"},
    {"1,000 multiparts deep", TOP, "Content-Type: multipart/mixed; boundary=\"%zu\"\r\n\r\n--%zu\r\n", 1000, PLAIN "deep\r\n"},
    {"10,000 multiparts deep", TOP, "Content-Type: multipart/mixed; boundary=\"%zu\"\r\n\r\n--%zu\r\n", 10000, PLAIN "deep\r\n"},
    {"10,000 messages deep", TOP, "Content-Type: message/rfc822\r\n\r\n", 10000, PLAIN "x\r\n"},
    {"200,000 parts", MIXED("a"), "--a\r\nx:y\r\n\r\n", 200000, ""},
    {"200,000 header fields", "", "X-%zu: y\r\n", 200000, "\r\nx"},
    {"100,000 To fields", "", "To: a@b\r\n", 100000, "\r\nx"},
    {"20,000 parameters", TEXT, ";\r\n name*%zu=a", 20000, "\r\n\r\nx"},
    {"100,000 semicolons", TEXT, ";", 100000, "\r\n\r\nx"},
    {"100,000 comments deep", "From: ", "(", 100000, " a@b\r\n\r\nx"},
    {"50,000 encoded words", "Subject: ", " =?utf-8?Q?a?=", 50000, "\r\n\r\nx"},
    {"50,000 open encoded words", "Subject: ", " =?utf-8?Q?a", 50000, "\r\n\r\nx"},
    {"100,000 addresses", "To: ", "a@b,", 100000, "\r\n\r\nx"},
    {"50,000 groups", "To: ", "g:", 50000, "\r\n\r\nx"},
    {"100,000 open brackets", "To: ", "<", 100000, "\r\n\r\nx"},
    {"100,000 escapes in a string", "To: \"", "\\\"", 100000, "\r\n\r\nx"},
    {"a line of 10 MB", TOP PLAIN, "aaaaaaaaaaaaaaaaaaaa", 500000, ""},
    {"50,000 lines of dashes", MIXED(DASHES), DASHES "-\r\n", 50000, ""},
    {"200,000 folds", "Subject: x\r\n", " y\r\n", 200000, "\r\nb"},
    {"100,000 delimiters below 100 boundaries", NULL, "--x\r\n", 100000, ""},
    {"100,000 message ids", "References: ", "<a@b> ", 100000, "\r\n\r\nx"},
    {"300,000 soft line breaks", TEXT "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "=\r\n", 300000, ""},
    {"1 MB of blanks before a line end", TEXT "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", "          ", 100000, "\r\n"},
    {"100,000 open tags of HTML", TOP "Content-Type: text/html\r\n\r\n", "<a b=\">", 100000, ""},
    {"1 MB in windows-1252", TEXT "; charset=windows-1252\r\n\r\n", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 100000, ""},
};

/* A hundred multiparts are open, none of which the delimiters below close. */
static char *costly_open_boundaries(void) {
    static char head[8192];
    size_t length = 0;
    for (int i = 0; i < 100; i++)
        length += (size_t)snprintf(head + length, sizeof head - length,
                                   "Content-Type: multipart/mixed; boundary=\"%d\"\r\n\r\n--%d\r\n", i, i);
    return head;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static size_t costly_piece(const pattern *made, size_t number, char *at, size_t room) {
    if (strchr(made->piece, '%')) return (size_t)snprintf(at, room, made->piece, number, number);
    size_t length = strlen(made->piece);
    memcpy(at, made->piece, length);
    return length;
}
#pragma GCC diagnostic pop

costly_mail costly_make(size_t index) {
    costly_mail mail = {NULL, NULL, 0};
    if (index >= sizeof PATTERNS / sizeof *PATTERNS) return mail;
    const pattern *made = &PATTERNS[index];
    const char *head = made->head ? made->head : costly_open_boundaries();
    size_t room = strlen(head) + made->count * (strlen(made->piece) + 16) + strlen(made->tail) + 1;
    char *bytes = malloc(room);
    if (!bytes) return mail;
    size_t length = strlen(head);
    memcpy(bytes, head, length);
    for (size_t i = 0; i < made->count; i++) length += costly_piece(made, i, bytes + length, room - length);
    memcpy(bytes + length, made->tail, strlen(made->tail));
    mail.name = made->name;
    mail.length = length + strlen(made->tail);
    mail.bytes = realloc(bytes, mail.length); /* so that it ends where its block ends */
    return mail;
}
