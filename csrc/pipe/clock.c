/* clock.c - see clock.h. */
#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

int64_t
clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int
clock_poll(struct pollfd *descriptors, nfds_t count, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - clock_now();
        int ready;

        if (left <= 0)
            return 0; /* also where a peer that trickles octets is always ready */
        ready = poll(descriptors, count, left > INT_MAX ? INT_MAX : (int)left);
        if (ready > 0 || (ready < 0 && errno != EINTR && errno != EAGAIN))
            return ready;
    }
}
