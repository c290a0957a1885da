/*
 * body.h - the message from pipe(8)'s form into the form that follows DATA. Pure: no I/O, no allocation.
 *
 * Every LF becomes CRLF, also after a CR: pipe(8) ends lines with LF, so a CR in front of it is part of the mail, and
 * Postfix's LMTP client would send CR CR LF too. A dot at the start of a line is doubled (RFC 5321 s4.5.2).
 */
#ifndef MDA_PIPE_BODY_H
#define MDA_PIPE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
    uint64_t octets;        /* read so far */
    uint64_t queue_octets;  /* what Postfix's ${size} says of them, see body.c */
    size_t record_octets;   /* of the record that is not closed yet */
    bool is_inside_line;    /* the last octet was not an LF */
};

/* Writes at most 2 * length octets to `out`; returns how many. */
size_t body_encode(struct body *body, const char *raw, size_t length, char *out);

/* At the end of the message: writes the line end that is missing, if so (at most 2 octets); returns how many. */
size_t body_finish(struct body *body, char *out);

#endif
