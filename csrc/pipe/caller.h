/*
 * caller.h - whether the program that writes the message to us (Postfix's pipe(8)) still lives.
 *
 * When pipe(8) is killed while it writes, we see a plain end of file in the middle of the message, and the queue file
 * is delivered again later. So end of file does not mean complete: before the final dot the caller must be alive.
 *
 * BUGS: a caller that dies after its last octet but before the check is taken for one that died before; the message is
 * then delivered by the next try. A caller in another PID namespace is judged by standard output alone.
 */
#ifndef MDA_PIPE_CALLER_H
#define MDA_PIPE_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

/* The parent process; call first thing. */
pid_t caller_pid(void);

/* False if the parent has changed or is exiting, or nobody reads our standard output any more. */
bool caller_lives(pid_t caller);

#endif
