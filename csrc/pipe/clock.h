/* clock.h - one deadline for the whole run, by the monotonic clock: a clock that is set must not bounce mail. */
#ifndef MDA_PIPE_CLOCK_H
#define MDA_PIPE_CLOCK_H

#include <poll.h>
#include <stdint.h>

/* Milliseconds since some fixed time in the past. */
int64_t clock_now(void);

/*
 * poll(2) until `deadline` (clock_now's milliseconds), however often it is interrupted.
 * Returns poll's result: 0 means that the deadline has passed.
 */
int clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline);

#endif
