/* outcome.c - see outcome.h. */
#include "outcome.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { LINE_OCTETS = 512, WRITE_MILLISECONDS = 1000 };

/* The exit status for a permanent failure; the first prefix that fits counts. It agrees with the text on purpose,
 * so that a caller that looks at the status alone comes to the same end. */
static const struct {
    const char *prefix;
    int exit_status;
} PERMANENT[] = {
    {"5.1.", EX_NOUSER},        /* the address */
    {"5.3.4", EX_DATAERR},      /* the message is too large */
    {"5.5.", EX_DATAERR},       /* the transaction */
    {"5.6.", EX_DATAERR},       /* the content */
    {"5.7.", EX_NOPERM},        /* policy */
    {"5.", EX_UNAVAILABLE},     /* mailbox, routing, system */
};

static void
block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

/* Standard output may be a pipe that is full and that nobody reads: the exit status says the same. poll refuses even
 * one descriptor where RLIMIT_NOFILE is 0; then a write is the better try. */
static void
print(const char *line, size_t length)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    int ready = poll(&out, 1, WRITE_MILLISECONDS);
    ssize_t written;

    if (ready < 0 || (ready == 1 && (out.revents & POLLOUT) != 0)) {
        written = write(STDOUT_FILENO, line, length);
        (void)written;
    }
}

static size_t
append(char *line, size_t used, const char *text)
{
    size_t length = strlen(text);
    size_t room = LINE_OCTETS - 1 - used;

    if (length > room)
        length = room;
    memcpy(line + used, text, length);
    return used + length;
}

static _Noreturn void
finish(const char *status, const char *text, const char *detail, int exit_status)
{
    char line[LINE_OCTETS];
    size_t used = 0;

    block_signals();
    if (*status != '\0') {
        used = append(line, used, status);
        used = append(line, used, " ");
    }
    used = append(line, used, text);
    if (*detail != '\0') {
        used = append(line, used, ": ");
        used = append(line, used, detail);
    }
    line[used++] = '\n';
    print(line, used);
    _exit(exit_status);
}

_Noreturn void
outcome_sent(const char *text)
{
    /* "5.1.1 ..." on top of a success would be one slip of ours away from a bounce. */
    finish(*text >= '0' && *text <= '9' ? "250" : "", text, "", EX_OK);
}

_Noreturn void
outcome_defer(const char *status, const char *text)
{
    finish(strncmp(status, "4.", 2) == 0 ? status : "4.3.0", text, "", EX_TEMPFAIL);
}

_Noreturn void
outcome_defer_errno(const char *status, const char *text, int error)
{
    finish(strncmp(status, "4.", 2) == 0 ? status : "4.3.0", text, strerror(error), EX_TEMPFAIL);
}

_Noreturn void
outcome_reject(const char *status, const char *text)
{
    for (size_t i = 0; i < sizeof PERMANENT / sizeof PERMANENT[0]; i++)
        if (strncmp(status, PERMANENT[i].prefix, strlen(PERMANENT[i].prefix)) == 0)
            finish(status, text, "", PERMANENT[i].exit_status);
    outcome_defer("4.3.0", text);
}

_Noreturn void
outcome_interrupted(void)
{
    static const char LINE[] = "4.3.2 mda-pipe was interrupted by a signal\n";

    print(LINE, sizeof LINE - 1);
    _exit(EX_TEMPFAIL);
}
