/*
 * transaction.h - one mail transaction (RFC 5321 s3.3) for all recipients: XFORWARD, MAIL, RCPT, DATA, the final dot.
 *
 * Sends the message only if every recipient was accepted: what comes of a part of them can't be told to pipe(8).
 */
#ifndef MDA_PIPE_TRANSACTION_H
#define MDA_PIPE_TRANSACTION_H

#include "options.h"
#include "session.h"

/* Up to the server's 354; does not return if anything was refused. */
void transaction_begin(struct session *session, const struct options *options);

/* The final dot, one reply per recipient, the end of the program. The message's last octets must be CRLF. */
_Noreturn void transaction_end(struct session *session, const struct options *options);

#endif
