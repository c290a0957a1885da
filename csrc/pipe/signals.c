/* signals.c - see signals.h. */
#include "signals.h"

#include "outcome.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static void
interrupted(int signal_number)
{
    (void)signal_number;
    outcome_interrupted();
}

/* Those whose default does no harm, those that can't be caught, and those that mean a fault of this program. */
static bool
is_left_alone(int signal_number)
{
    switch (signal_number) {
    case SIGKILL:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
#ifdef SIGWINCH
    case SIGWINCH:
#endif
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
    case SIGABRT:
        return true;
    default:
        return false;
    }
}

/* sigaction refuses the numbers that the C library keeps for itself; there is nothing to be done about those. */
static void
handle(int signal_number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigfillset(&action.sa_mask);
    (void)sigaction(signal_number, &action, NULL);
}

void
signals_catch(void)
{
#ifdef SIGRTMAX
    const int last = SIGRTMAX;
#else
    const int last = 31;
#endif
    sigset_t none;

    for (int signal_number = 1; signal_number <= last; signal_number++)
        if (!is_left_alone(signal_number))
            handle(signal_number, interrupted);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
    sigemptyset(&none); /* the caller's mask is inherited: a deadline must not depend on it */
    sigprocmask(SIG_SETMASK, &none, NULL);
}
