/*
 * mda-pipe - hands one message from Postfix's pipe(8) to the resident MDA.
 *
 *     mda-pipe [--socket PATH] [--size N [--size-exact]] [--queue-id ID] [--original-recipient ADDRESS]
 *              [--deadline SECONDS] -f SENDER -- RECIPIENT...
 *
 * Reads the message from standard input, speaks LMTP (RFC 2033) over a Unix socket. Ends in one of three ways:
 *
 *     exit 0                          delivered to every recipient; what it prints lands in Postfix's log
 *     exit 75, prints "4.S.N text"    Postfix keeps the mail and tries again
 *     exit 65, 67, 69 or 77, prints   Postfix returns the mail to its sender: only on the MDA's own 5yz about this
 *       "5.S.N text"                  mail, see reply.h, or a non-ASCII address that the MDA does not take
 *
 * It will not: bounce for any trouble of its own, believe an end of file whose writer is gone, outlive its deadline
 * (800 s unless set), read the environment, start another program, or allocate memory (all buffers are static).
 *
 * BUGS: several recipients share one status, so set <transport>_destination_recipient_limit=1.
 */
#include "body.h"
#include "caller.h"
#include "clock.h"
#include "limits.h"
#include "options.h"
#include "outcome.h"
#include "session.h"
#include "signals.h"
#include "transaction.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A standard descriptor that is closed would be taken by our socket, and our status text would go to the MDA. */
static void
check_descriptors(void)
{
    if (fcntl(STDIN_FILENO, F_GETFD) < 0)
        outcome_defer("4.3.5", "standard input is closed: no message");
    for (int descriptor = STDOUT_FILENO; descriptor <= STDERR_FILENO; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDWR) != descriptor)
            outcome_defer("4.3.0", "cannot open /dev/null");
}

/* The next part of the message; 0 at its end. */
static size_t
read_message(struct session *session, char *raw, size_t size)
{
    ssize_t length;

    do {
        session_wait(session, STDIN_FILENO);
        length = read(STDIN_FILENO, raw, size);
    } while (length < 0 && (errno == EINTR || errno == EAGAIN));
    if (length < 0)
        outcome_defer_errno("4.3.0", "cannot read the message", errno);
    return (size_t)length;
}

static void
send_message(struct session *session, struct body *body)
{
    static char raw[CHUNK_OCTETS], encoded[2 * CHUNK_OCTETS];
    size_t length;

    while ((length = read_message(session, raw, sizeof raw)) > 0)
        session_send(session, encoded, body_encode(body, raw, length, encoded));
    session_send(session, encoded, body_finish(body, encoded));
}

/* An incomplete message must never get its final dot; without it the MDA throws the transaction away. */
static void
check_complete(const struct body *body, const struct options *options, pid_t caller)
{
    if (body->octets == 0)
        outcome_defer("4.3.0", "the message is empty"); /* Postfix always puts a Received field on top */
    if (options->is_size_exact && body->queue_octets != options->size)
        outcome_defer("4.3.0", "the message is not as long as --size says");
    if (!caller_lives(caller))
        outcome_defer("4.3.0", "the message may be cut short: the program that wrote it is gone");
}

int
main(int argc, char **argv)
{
    static struct options options;
    static struct session session;
    struct body body = {0};
    pid_t caller = caller_pid();
    int64_t start = clock_now();

    signals_catch();
    check_descriptors();
    options_parse(&options, argc, (const char *const *)argv);
    session_begin(&session, options.socket, start + options.deadline_seconds * 1000);
    transaction_begin(&session, &options);
    send_message(&session, &body);
    check_complete(&body, &options, caller);
    transaction_end(&session, &options);
}
