/*
 * signals.h - turns every signal that would end the program into exit 75.
 *
 * SIGPIPE and SIGXFSZ are ignored: they show up as EPIPE and EFBIG. Faults (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT)
 * and SIGKILL are left alone: pipe(8) defers what a signal killed, and its log then says which.
 */
#ifndef MDA_PIPE_SIGNALS_H
#define MDA_PIPE_SIGNALS_H

void signals_catch(void);

#endif
