/* session.c - see session.h. */
#include "session.h"

#include "clock.h"
#include "outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

_Noreturn void
session_defer(const struct session *session, const struct reply *reply)
{
    char text[MAX_REPLY_TEXT + 64];

    if (reply->code / 100 == 4)
        outcome_defer(reply->status, *reply->text != '\0' ? reply->text : "try again later");
    (void)snprintf(text, sizeof text, "unexpected reply at %s: %d %s", session->step, reply->code, reply->text);
    outcome_defer("4.5.0", text);
}

static _Noreturn void
defer_at_step(const struct session *session, const char *status, const char *what)
{
    char text[128];

    (void)snprintf(text, sizeof text, "%s %s", what, session->step);
    outcome_defer(status, text);
}

/* Ends the program over a state that is not CHANNEL_OK. */
static _Noreturn void
give_up(struct session *session, enum channel_state state)
{
    struct reply reply;

    switch (state) {
    case CHANNEL_DEADLINE:
        defer_at_step(session, "4.4.2", "the MDA took too long at");
    case CHANNEL_MALFORMED:
        defer_at_step(session, "4.5.0", "malformed reply at");
    case CHANNEL_SPOKE: /* "421 shutting down", or the end of the connection, which session_read reports */
        session_read(session, &reply);
        session_defer(session, &reply);
    case CHANNEL_BROKEN:
    case CHANNEL_OK:
        break;
    }
    defer_at_step(session, "4.4.2", "the connection to the MDA broke at");
}

static void
expect(struct session *session, enum channel_state state)
{
    if (state != CHANNEL_OK)
        give_up(session, state);
}

void
session_say(struct session *session, const char *commands, size_t length)
{
    expect(session, channel_peek(&session->channel));
    expect(session, channel_send(&session->channel, commands, length, false));
}

void
session_send(struct session *session, const char *octets, size_t length)
{
    enum channel_state state = channel_send(&session->channel, octets, length, true);

    /* A server that closes may have said why. */
    expect(session, state == CHANNEL_BROKEN ? CHANNEL_SPOKE : state);
}

void
session_wait(struct session *session, int descriptor)
{
    expect(session, channel_wait(&session->channel, descriptor));
}

static bool
read_line(struct session *session, struct reply *reply, int code)
{
    const char *line;
    size_t length;

    expect(session, channel_receive(&session->channel, &line, &length));
    if (!reply_parse(reply, line, length) || (code != 0 && reply->code != code))
        give_up(session, CHANNEL_MALFORMED);
    return !reply->is_last;
}

void
session_read(struct session *session, struct reply *reply)
{
    int code = 0;

    for (int lines = 0; read_line(session, reply, code); lines++) {
        code = reply->code;
        if (lines == MAX_REPLY_LINES)
            give_up(session, CHANNEL_MALFORMED);
    }
}

/* Whether the words of `text` start with `keyword`; its parameters are left in *parameters. */
static bool
is_keyword(const char *text, const char *keyword, const char **parameters)
{
    size_t length = strlen(keyword);

    *parameters = text + length;
    return strncasecmp(text, keyword, length) == 0 && (text[length] == '\0' || text[length] == ' ');
}

static bool
has_word(const char *words, const char *word)
{
    const char *rest;

    while (*words != '\0') {
        words += strspn(words, " ");
        if (is_keyword(words, word, &rest))
            return true;
        words += strcspn(words, " ");
    }
    return false;
}

static void
note_extension(struct extensions *extensions, const char *text)
{
    const char *parameters;

    if (is_keyword(text, "PIPELINING", &parameters))
        extensions->has_pipelining = true;
    else if (is_keyword(text, "8BITMIME", &parameters))
        extensions->has_8bitmime = true;
    else if (is_keyword(text, "SMTPUTF8", &parameters))
        extensions->has_smtputf8 = true;
    else if (is_keyword(text, "SIZE", &parameters))
        extensions->has_size = true;
    else if (is_keyword(text, "DSN", &parameters) || is_keyword(text, "XORCPT", &parameters))
        extensions->has_orcpt = true;
    else if (is_keyword(text, "XFORWARD", &parameters))
        extensions->has_xforward_ident = has_word(parameters, "IDENT");
}

/* RFC 5321 s4.1.1.1: the first line names the host, each further one an extension. */
static void
read_extensions(struct session *session)
{
    struct reply reply;
    int code = 0;

    for (int lines = 0; read_line(session, &reply, code); lines++) {
        if (lines == MAX_REPLY_LINES)
            give_up(session, CHANNEL_MALFORMED);
        if (lines > 0 && reply.code == 250)
            note_extension(&session->extensions, reply.text);
        code = reply.code;
    }
    if (reply.code != 250)
        session_defer(session, &reply);
    if (code != 0)
        note_extension(&session->extensions, reply.text);
}

/* Our host name for LHLO: only what a domain may hold, so that no odd host name breaks the command. */
static void
host_name(char name[256])
{
    if (gethostname(name, 256) != 0)
        name[0] = '\0';
    name[255] = '\0';
    for (const char *at = name; *at != '\0'; at++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", *at) == NULL)
            name[0] = '\0';
    if (name[0] == '\0')
        memcpy(name, "localhost", sizeof "localhost");
}

void
session_begin(struct session *session, const char *path, int64_t deadline)
{
    char name[256], command[300];
    struct reply reply;
    int error, length;

    session->step = "connect";
    error = channel_open(&session->channel, path, deadline);
    if (error != 0)
        outcome_defer_errno("4.4.1", "cannot connect to the MDA", error);
    session->step = "greeting";
    session_read(session, &reply);
    if (reply.code != 220)
        session_defer(session, &reply);
    session->step = "LHLO";
    host_name(name);
    length = snprintf(command, sizeof command, "LHLO %s\r\n", name);
    session_say(session, command, (size_t)length);
    read_extensions(session);
}

void
session_leave(struct session *session)
{
    if (channel_peek(&session->channel) == CHANNEL_OK)
        (void)channel_send(&session->channel, "QUIT\r\n", 6, true);
}

/*
 * Once each recipient has its 250 the message is the MDA's, also if the line then drops (RFC 5321 s6.1). But a stray
 * reply somewhere before shifts all that follow: then 221 is not what comes next.
 */
bool
session_close(struct session *session)
{
    int64_t latest = clock_now() + FAREWELL_MILLISECONDS;
    const char *line;
    struct reply reply;
    size_t length;
    enum channel_state state = channel_peek(&session->channel);

    if (latest < session->channel.deadline)
        session->channel.deadline = latest;
    if (state == CHANNEL_OK)
        state = channel_send(&session->channel, "QUIT\r\n", 6, false);
    if (state == CHANNEL_OK)
        state = channel_receive(&session->channel, &line, &length);
    if (state == CHANNEL_BROKEN || state == CHANNEL_DEADLINE)
        return true;
    return state == CHANNEL_OK && reply_parse(&reply, line, length) && reply.code == 221;
}
