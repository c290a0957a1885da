/*
 * session.h - a conversation with the MDA in LMTP (RFC 2033): greeting, LHLO, commands and replies in step.
 *
 * Every function either succeeds or ends the program with a deferral that names the step: "4.4.2 the connection to
 * the MDA broke at RCPT". What the replies mean for the mail is transaction.c's to say.
 */
#ifndef MDA_PIPE_SESSION_H
#define MDA_PIPE_SESSION_H

#include "channel.h"
#include "reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Announced by the server in its answer to LHLO. */
struct extensions {
    bool has_pipelining;        /* RFC 2920 */
    bool has_8bitmime;          /* RFC 6152 */
    bool has_smtputf8;          /* RFC 6531 */
    bool has_size;              /* RFC 1870 */
    bool has_orcpt;             /* RFC 3461, or our own server's XORCPT: ORCPT alone */
    bool has_xforward_ident;    /* Postfix's XFORWARD_README */
};

struct session {
    struct channel channel;
    struct extensions extensions;
    const char *step; /* what is being done, for the log */
};

/* Connects to the socket at `path`, reads the greeting and says LHLO. */
void session_begin(struct session *session, const char *path, int64_t deadline);

/* Sends commands. The server must have said nothing since the last reply. */
void session_say(struct session *session, const char *commands, size_t length);

/* Sends a part of the message, during which the server must be silent. */
void session_send(struct session *session, const char *octets, size_t length);

/* Waits until `descriptor` can be read, during which the server must be silent. */
void session_wait(struct session *session, int descriptor);

/* Reads one reply of one or several lines; the last line is what counts. */
void session_read(struct session *session, struct reply *reply);

/* Defers with the reply's own words if it is 4yz, else with the step and the reply that does not fit there. */
_Noreturn void session_defer(const struct session *session, const struct reply *reply);

/* Says QUIT without waiting. */
void session_leave(struct session *session);

/* Says QUIT and waits a short time for 221. False if something else came: then replies were out of step. */
bool session_close(struct session *session);

#endif
