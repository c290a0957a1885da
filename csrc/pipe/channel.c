/* channel.c - see channel.h. */
#include "channel.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { FIRST_PAUSE = 2, LAST_PAUSE = 250 /* milliseconds between tries to connect */ };

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SIGPIPE is ignored anyway */
#endif

/* A Unix socket whose listening queue is full says EAGAIN at once instead of letting poll wait: unix(7). */
static int
connect_until(int descriptor, const struct sockaddr_un *address, int64_t deadline)
{
    int pause = FIRST_PAUSE;

    while (connect(descriptor, (const struct sockaddr *)address, sizeof *address) != 0) {
        int64_t left = deadline - clock_now();

        if (errno == EISCONN)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            return errno;
        if (left <= 0)
            return ETIMEDOUT;
        (void)poll(NULL, 0, left < pause ? (int)left : pause);
        pause = pause * 2 < LAST_PAUSE ? pause * 2 : LAST_PAUSE;
    }
    return 0;
}

int
channel_open(struct channel *channel, const char *path, int64_t deadline)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    channel->deadline = deadline;
    channel->start = channel->end = 0;
    memcpy(address.sun_path, path, strlen(path) + 1);
    channel->descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (channel->descriptor < 0)
        return errno;
    return connect_until(channel->descriptor, &address, deadline);
}

static bool
is_temporary(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS;
}

/* Waits for room in the socket; what the peer says meanwhile is looked at only if it has to be silent. */
static enum channel_state
wait_for_room(const struct channel *channel, bool is_alone)
{
    struct pollfd peer = {.fd = channel->descriptor, .events = (short)(POLLOUT | (is_alone ? POLLIN : 0))};

    switch (clock_poll(&peer, 1, channel->deadline)) {
    case 0:
        return CHANNEL_DEADLINE;
    case 1:
        return is_alone && (peer.revents & POLLIN) != 0 ? CHANNEL_SPOKE : CHANNEL_OK;
    default:
        return CHANNEL_BROKEN;
    }
}

enum channel_state
channel_send(struct channel *channel, const char *octets, size_t length, bool is_alone)
{
    while (length > 0) {
        enum channel_state state = wait_for_room(channel, is_alone);
        ssize_t sent;

        if (state != CHANNEL_OK)
            return state;
        sent = send(channel->descriptor, octets, length, MSG_NOSIGNAL);
        if (sent < 0 && !is_temporary(errno))
            return CHANNEL_BROKEN;
        if (sent > 0) {
            octets += sent;
            length -= (size_t)sent;
        }
    }
    return CHANNEL_OK;
}

/* The first octets of `input` that form a line; false if there is none yet. A bare LF ends no line (RFC 5321 s2.3.8). */
static bool
take_line(struct channel *channel, const char **line, size_t *length)
{
    const char *start = channel->input + channel->start;
    const char *line_feed = memchr(start, '\n', channel->end - channel->start);

    if (line_feed == NULL)
        return false;
    *line = start;
    *length = (size_t)(line_feed - start);
    channel->start += *length + 1;
    return true;
}

static enum channel_state
fill(struct channel *channel)
{
    struct pollfd peer = {.fd = channel->descriptor, .events = POLLIN};
    ssize_t received;

    memmove(channel->input, channel->input + channel->start, channel->end - channel->start);
    channel->end -= channel->start;
    channel->start = 0;
    if (channel->end == sizeof channel->input)
        return CHANNEL_MALFORMED;
    switch (clock_poll(&peer, 1, channel->deadline)) {
    case 0:
        return CHANNEL_DEADLINE;
    case 1:
        break;
    default:
        return CHANNEL_BROKEN;
    }
    received = recv(channel->descriptor, channel->input + channel->end, sizeof channel->input - channel->end, 0);
    if (received == 0 || (received < 0 && !is_temporary(errno)))
        return CHANNEL_BROKEN;
    if (received > 0)
        channel->end += (size_t)received;
    return CHANNEL_OK;
}

enum channel_state
channel_receive(struct channel *channel, const char **line, size_t *length)
{
    while (!take_line(channel, line, length)) {
        enum channel_state state = fill(channel);

        if (state != CHANNEL_OK)
            return state;
    }
    if (*length == 0 || (*line)[*length - 1] != '\r')
        return CHANNEL_MALFORMED;
    *length -= 1;
    return CHANNEL_OK;
}

enum channel_state
channel_wait(const struct channel *channel, int descriptor)
{
    struct pollfd both[2] = {
        {.fd = descriptor, .events = POLLIN},
        {.fd = channel->descriptor, .events = POLLIN},
    };

    switch (clock_poll(both, 2, channel->deadline)) {
    case 0:
        return CHANNEL_DEADLINE;
    case -1:
        return CHANNEL_BROKEN;
    default:
        return both[1].revents != 0 ? CHANNEL_SPOKE : CHANNEL_OK;
    }
}

enum channel_state
channel_peek(const struct channel *channel)
{
    char octet;
    ssize_t waiting;

    if (channel->start != channel->end)
        return CHANNEL_SPOKE;
    waiting = recv(channel->descriptor, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
    if (waiting > 0)
        return CHANNEL_SPOKE;
    return waiting < 0 && is_temporary(errno) ? CHANNEL_OK : CHANNEL_BROKEN;
}
