/*
 * outcome.h - the only ways in which mda-pipe ends.
 *
 * Postfix's pipe(8) bounces the mail for nearly every exit status, and for a status text of class 5. So each end of
 * this program goes through one of the functions below; no other file calls exit. They block all signals first:
 * once an outcome is decided nothing can change it half way. One write to standard output, at byte 0, of at most
 * PIPE_BUF octets, only if it can't block.
 */
#ifndef MDA_PIPE_OUTCOME_H
#define MDA_PIPE_OUTCOME_H

/* Delivered, exit 0. `text` lands in Postfix's log ("delivered via mda-pipe service (text)"). */
_Noreturn void outcome_sent(const char *text);

/* Try again later, exit 75 (EX_TEMPFAIL): prints "4.S.N text". A `status` of another class becomes 4.3.0. */
_Noreturn void outcome_defer(const char *status, const char *text);

/* As outcome_defer, with the meaning of an errno value behind the text. */
_Noreturn void outcome_defer_errno(const char *status, const char *text, int error);

/* Return to sender: prints "5.S.N text", exits 65, 67, 69 or 77. A `status` of another class defers. */
_Noreturn void outcome_reject(const char *status, const char *text);

/* What a signal handler may call: prints a fixed deferral, exit 75. Async-signal-safe. */
_Noreturn void outcome_interrupted(void);

#endif
