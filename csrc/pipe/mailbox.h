/*
 * mailbox.h - addresses from the form in which pipe(8) passes them into the form in which SMTP carries them.
 *
 * pipe(8) passes the local part without quotes: `"q s"@x.example` arrives as `q s@x.example`. So quotes found in it
 * are part of the name and are never believed to be quoting; the last @ splits. Pure: no I/O, no allocation.
 */
#ifndef MDA_PIPE_MAILBOX_H
#define MDA_PIPE_MAILBOX_H

#include "limits.h"

#include <stdbool.h>
#include <stddef.h>

struct mailbox {
    char text[MAX_ADDRESS + 1]; /* RFC 5321 s4.1.2 Mailbox, NUL-terminated, without angle brackets */
    bool is_ascii;              /* else SMTPUTF8 is needed, RFC 6531 */
};

enum mailbox_fault {
    MAILBOX_OK,
    MAILBOX_CONTROL,    /* a control character, also U+0080 to U+009F, U+2028, U+2029: would be command injection */
    MAILBOX_NOT_UTF8,   /* RFC 6531 knows no other encoding */
    MAILBOX_DOMAIN,     /* no domain, or one with a character that no path can carry */
    MAILBOX_TOO_LONG    /* over MAX_ADDRESS */
};

enum mailbox_fault mailbox_quote(const char *address, struct mailbox *mailbox);

/* "holds a control character" and so on, for a line in the log. */
const char *mailbox_fault_text(enum mailbox_fault fault);

/* xtext, RFC 3461 s4: 33 to 126 but + and = as they are, all else as +XX. False if `size` does not suffice. */
bool mailbox_xtext(const char *raw, char *out, size_t size);

/* Only octets 32 to 126. */
bool mailbox_is_printable(const char *raw);

#endif
