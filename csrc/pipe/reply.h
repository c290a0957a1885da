/*
 * reply.h - what the server says (RFC 5321 s4.2), read strictly, and what it means for a recipient. Pure.
 *
 * Only a well-formed reply is believed: a doubtful one may belong to another command, and then a message counts as
 * delivered that is not. A 5yz counts as permanent only if it is about the mail: 550 to 556, and 501 with 5.1.x (a
 * malformed address). Any other 5yz, and 5.5.x (the protocol) before the message was sent, is a disagreement between
 * two programs of ours and is temporary.
 */
#ifndef MDA_PIPE_REPLY_H
#define MDA_PIPE_REPLY_H

#include "limits.h"

#include <stdbool.h>
#include <stddef.h>

struct reply {
    int code;
    bool is_last;                   /* "250 " and not "250-" */
    char status[12];                /* enhanced status code (RFC 3463), empty if there is none */
    char text[MAX_REPLY_TEXT + 1];  /* what follows; only octets 32 to 126 */
};

enum meaning { ACCEPTED, TEMPORARY, PERMANENT };

/* Reads one line without its CRLF. False if it is malformed. */
bool reply_parse(struct reply *reply, const char *line, size_t length);

/* What a reply to MAIL, RCPT, DATA (`is_after_message` false) or to the message itself means for the mail. */
enum meaning reply_meaning(const struct reply *reply, bool is_after_message);

#endif
