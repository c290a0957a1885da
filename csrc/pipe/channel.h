/*
 * channel.h - the connection to the MDA: a Unix stream socket that never blocks beyond the deadline.
 *
 * Each function returns one of enum channel_state and leaves the judgement to session.c. One line of input is kept;
 * output is not buffered.
 */
#ifndef MDA_PIPE_CHANNEL_H
#define MDA_PIPE_CHANNEL_H

#include "limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum channel_state {
    CHANNEL_OK,
    CHANNEL_DEADLINE,   /* the deadline has passed */
    CHANNEL_BROKEN,     /* closed or reset by the peer */
    CHANNEL_MALFORMED,  /* a line that is too long or does not end in CRLF */
    CHANNEL_SPOKE       /* the peer said something while it had to listen */
};

struct channel {
    int descriptor;
    int64_t deadline;   /* clock_now's milliseconds */
    size_t start, end;  /* the octets of `input` that are not consumed yet */
    char input[MAX_REPLY_LINE];
};

/* Connects; tries again while the listening queue is full. Returns 0 or an errno value (ETIMEDOUT: the deadline). */
int channel_open(struct channel *channel, const char *path, int64_t deadline);

/* Sends all of it. With `is_alone` the peer must say nothing meanwhile, else CHANNEL_SPOKE. */
enum channel_state channel_send(struct channel *channel, const char *octets, size_t length, bool is_alone);

/* The next line, without CRLF; valid until the next call. */
enum channel_state channel_receive(struct channel *channel, const char **line, size_t *length);

/* Waits until `descriptor` can be read; the peer must say nothing meanwhile. */
enum channel_state channel_wait(const struct channel *channel, int descriptor);

/* CHANNEL_SPOKE if the peer has said more than was consumed: a stray reply would shift all that follow. */
enum channel_state channel_peek(const struct channel *channel);

#endif
