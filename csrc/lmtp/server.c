#define _GNU_SOURCE
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CHUNK = 262144, /* octets of one read */
    UNREAD = 65536, /* reading pauses while more than this waits behind an event */
    UNSAID = 2048,  /* octets that wait for the answer to an event before they are sent */
    READING_MS = 2, /* of a round: answers wait for its end */
    TICK_MS = 250,  /* how exactly time is kept */
    LEAVING_TICK_MS = 50
};

static uint64_t milliseconds(uint64_t count) {
    return count * UINT64_C(1000000);
}

/* Connections by their numbers. */

static lmtp_connection **bucket_of(lmtp_server *server, uint64_t number) {
    return server->buckets + number % LMTP_BUCKETS;
}

static lmtp_connection *find(lmtp_server *server, uint64_t number) {
    lmtp_connection *found = *bucket_of(server, number);
    while (found && found->number != number) {
        found = found->next_in_bucket;
    }
    return found;
}

static void unlink_connection(lmtp_server *server, lmtp_connection *connection) {
    lmtp_connection **at = bucket_of(server, connection->number);
    while (*at != connection) {
        at = &(*at)->next_in_bucket;
    }
    *at = connection->next_in_bucket;
}

/* The end of a connection. It is taken out of the list at the end of the round: see `sweep`. */

static void drop_socket(const lmtp_server *server, lmtp_connection *connection) {
    if (connection->descriptor >= 0) {
        /* A child between fork and exec has it too: closed alone it would bring events further on. */
        epoll_ctl(server->epoll, EPOLL_CTL_DEL, connection->descriptor, NULL);
        close(connection->descriptor);
        connection->descriptor = -1;
    }
}

static void end(lmtp_server *server, lmtp_connection *connection, uint32_t cause) {
    if (connection->is_lost) {
        return;
    }
    connection->is_lost = connection->is_closing = true;
    connection->cause = cause;
    if (connection->is_collecting && cause == LMTP_LEFT) {
        connection->cause = LMTP_LOST_IN_DATA;
    }
    connection->lost_octets = connection->collector.message.length;
    if (!connection->is_waiting) {
        lmtp_connection_forget_message(connection, &server->shared);
    }
    drop_socket(server, connection);
    server->has_lost = true;
}

/* Frees what is lost and waits for nothing. */
static void sweep(lmtp_server *server) {
    if (!server->has_lost) {
        return;
    }
    server->has_lost = false;
    lmtp_connection **at = &server->connections;
    while (*at) {
        lmtp_connection *connection = *at;
        if (!connection->is_lost || connection->is_waiting) {
            server->has_lost = server->has_lost || connection->is_lost;
            at = &connection->next;
            continue;
        }
        *at = connection->next;
        unlink_connection(server, connection);
        lmtp_event gone = {.connection = connection->number, .kind = LMTP_GONE, .cause = connection->cause,
                           .length = connection->lost_octets};
        lmtp_connection_free(connection, &server->shared);
        lmtp_exchange_emit(server->exchange, &gone);
    }
}

/* Input, output. */

static void watch(lmtp_server *server, lmtp_connection *connection) {
    bool is_full = (connection->is_waiting || connection->output.length) && connection->input.length > UNREAD;
    uint32_t wanted = connection->is_ended || is_full ? 0 : EPOLLIN;
    if (connection->output.length && !connection->is_waiting) {
        wanted |= EPOLLOUT;
    }
    if (wanted != connection->watched) {
        struct epoll_event event = {.events = wanted, .data.ptr = connection};
        if (epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->descriptor, &event)) {
            end(server, connection, LMTP_LEFT);
            return;
        }
        connection->watched = wanted;
    }
}

/* Sends what it can. */
static void flush(lmtp_server *server, lmtp_connection *connection) {
    lmtp_octets *output = &connection->output;
    size_t sent = 0;
    while (sent < output->length) {
        ssize_t count =
            send(connection->descriptor, output->octets + sent, output->length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            end(server, connection, LMTP_LEFT);
            return;
        }
        if (count < 0) {
            break;
        }
        sent += (size_t)count;
    }
    lmtp_octets_drop(output, sent);
}

static bool may_leave(const lmtp_server *server, const lmtp_connection *connection) {
    if (!server->shared.is_leaving || connection->is_waiting || connection->is_closing) {
        return false;
    }
    bool is_silent = connection->state != LMTP_OPEN &&
                     server->now >= connection->heard_at + milliseconds(server->shared.limits.fresh_ms);
    return connection->is_at_rest || is_silent;
}

/* Says the last words; false without memory. */
static bool take_leave(lmtp_connection *connection, const char *reply) {
    connection->is_closing = true;
    return lmtp_connection_say(connection, reply);
}

static bool is_choked(const lmtp_connection *connection) {
    return connection->output.length > UNREAD;
}

uint64_t lmtp_server_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/*
 * Only where others are under way: a lone message is handed over at once, to somebody who has nothing else to do. One whose
 * recipient is known will hardly be refused, so that it would have been read for nothing.
 */
static void read_message(lmtp_server *server, lmtp_event *event) {
    lmtp_reader *reader = &server->reader;
    if (event->kind != LMTP_MESSAGE || !event->recipient || event->cause != LMTP_KEPT || server->waiting < 2) {
        return;
    }
    if (server->read_ns > milliseconds(READING_MS)) {
        return;
    }
    pthread_mutex_lock(&reader->in_use);
    if (reader->reading && event->length <= reader->most) {
        uint64_t began = lmtp_server_clock();
        event->found = reader->reading(reader->reader, event->octets, event->length, &event->found_length);
        event->reading = reader->number;
        event->reading_ns = lmtp_server_clock() - began;
        server->read_ns += event->reading_ns;
    }
    pthread_mutex_unlock(&reader->in_use);
}

/* Up to the next event, or to all that has come. False without memory. */
static bool advance(lmtp_server *server, lmtp_connection *connection) {
    lmtp_event event;
    switch (lmtp_connection_advance(connection, &server->shared, server->now, &event)) {
    case LMTP_STEP_EVENT:
        server->waiting++;
        read_message(server, &event);
        lmtp_exchange_emit(server->exchange, &event);
        return true;
    case LMTP_STEP_FAILED:
        return false;
    default:
        return true;
    }
}

/* Acts upon what has come, sends what is to be said, and sees to the flow. */
static void pump(lmtp_server *server, lmtp_connection *connection) {
    bool is_fine = true;
    if (!connection->is_waiting && is_choked(connection)) {
        flush(server, connection);
    }
    if (connection->is_lost) {
        return;
    }
    /* Then there is an EPOLLOUT to come; a peer that reads at this very moment must not be missed by it. */
    bool waits_for_room = !connection->is_waiting && is_choked(connection);
    if (may_leave(server, connection) && !connection->input.length) {
        is_fine = take_leave(connection, server->shared.replies.leaving);
    } else if (!connection->is_waiting && !connection->is_closing && !waits_for_room) {
        is_fine = advance(server, connection);
    }
    if (!is_fine) {
        end(server, connection, LMTP_LEFT);
        return;
    }
    if (!waits_for_room && (!connection->is_waiting || connection->output.length > UNSAID)) {
        flush(server, connection);
    }
    bool is_said = !connection->output.length && !connection->is_waiting;
    if (!connection->is_lost && is_said && (connection->is_closing || connection->is_ended)) {
        end(server, connection, LMTP_LEFT);
    }
    if (!connection->is_lost) {
        watch(server, connection);
    }
}

/* Reads once. */
static void hear(lmtp_server *server, lmtp_connection *connection) {
    ssize_t count = recv(connection->descriptor, server->chunk, CHUNK, MSG_DONTWAIT);
    if (count > 0) {
        if (!lmtp_connection_feed(connection, &server->shared, server->chunk, (size_t)count, server->now)) {
            end(server, connection, LMTP_LEFT);
        }
    } else if (count == 0) {
        connection->is_ended = true;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        end(server, connection, LMTP_LEFT);
    }
}

void lmtp_server_see_to(lmtp_server *server, lmtp_connection *connection, uint32_t events) {
    bool is_broken = events & (EPOLLERR | EPOLLHUP);
    if (!connection->is_lost && (events & EPOLLIN || is_broken)) {
        hear(server, connection);
    }
    if (!connection->is_lost && events & EPOLLOUT) {
        flush(server, connection);
    }
    if (!connection->is_lost) {
        pump(server, connection);
    }
    if (!connection->is_lost && is_broken && connection->is_ended) {
        end(server, connection, LMTP_LEFT); /* what came whole is with whoever answers; nobody reads that */
    }
}

/* What is asked of it. */

void lmtp_server_admit(lmtp_server *server, uint64_t number, int descriptor, bool is_trusted) {
    lmtp_connection *connection = calloc(1, sizeof *connection);
    if (connection) {
        connection->number = number;
        connection->descriptor = descriptor;
        connection->is_trusted = is_trusted;
        connection->heard_at = server->now;
        connection->watched = EPOLLIN;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (!connection || !lmtp_connection_say(connection, server->shared.replies.greeting) ||
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, descriptor, &event)) {
        close(descriptor);
        if (connection) {
            lmtp_connection_free(connection, &server->shared);
        }
        lmtp_exchange_emit(server->exchange, &(lmtp_event){.connection = number, .kind = LMTP_GONE});
        return;
    }
    connection->next = server->connections;
    server->connections = connection;
    connection->next_in_bucket = *bucket_of(server, connection->number);
    *bucket_of(server, connection->number) = connection;
    pump(server, connection);
}

void lmtp_server_answer(lmtp_server *server, const lmtp_answer *answer, const uint8_t *octets) {
    lmtp_connection *connection = find(server, answer->connection);
    if (!connection || !connection->is_waiting) {
        return;
    }
    server->waiting--;
    bool is_fine = lmtp_connection_answer(connection, &server->shared, answer, octets, server->now);
    if (connection->is_lost) {
        return;
    }
    if (!is_fine || answer->flags & LMTP_ABORTS) {
        end(server, connection, LMTP_LEFT);
    } else {
        pump(server, connection);
    }
}

void lmtp_server_abort(lmtp_server *server) {
    for (lmtp_connection *one = server->connections; one; one = one->next) {
        end(server, one, LMTP_LEFT);
    }
}

/* Time. */

static void time_out(lmtp_server *server, lmtp_connection *connection) {
    uint32_t cause = connection->is_collecting ? LMTP_IDLE_IN_DATA : LMTP_IDLE;
    if (connection->output.length) { /* it does not even read */
        end(server, connection, cause);
        return;
    }
    /* Before LHLO, a 421 would stand where the peer looks for a greeting: that suspends the destination. */
    const lmtp_replies *replies = &server->shared.replies;
    const char *reply = connection->is_collecting ? replies->data_too_slow : replies->idle;
    if (connection->state != LMTP_GREETED && lmtp_connection_say(connection, reply)) {
        flush(server, connection);
    }
    end(server, connection, cause);
}

static bool is_due(const lmtp_server *server, const lmtp_connection *connection) {
    const lmtp_limits *limits = &server->shared.limits;
    return server->now >= connection->heard_at + milliseconds(limits->idle_ms) ||
           (connection->is_collecting && server->now >= connection->data_at + milliseconds(limits->data_ms));
}

static void tick(lmtp_server *server) {
    server->ticked_at = server->now;
    for (lmtp_connection *one = server->connections; one; one = one->next) {
        if (one->is_lost || one->is_waiting) {
            continue;
        }
        if (is_due(server, one)) {
            time_out(server, one);
        } else if (server->shared.is_leaving) {
            pump(server, one);
        }
    }
}

int lmtp_server_patience(const lmtp_server *server) {
    return !server->connections ? -1 : server->shared.is_leaving ? LEAVING_TICK_MS : TICK_MS;
}

void lmtp_server_leave(lmtp_server *server) {
    server->shared.is_leaving = true;
    server->ticked_at = 0; /* at once */
}

void lmtp_server_settle(lmtp_server *server) {
    uint64_t tick_ms = server->shared.is_leaving ? LEAVING_TICK_MS : TICK_MS;
    if (server->now >= server->ticked_at + milliseconds(tick_ms)) {
        tick(server);
    }
    sweep(server);
}

bool lmtp_server_begin(lmtp_server *server, lmtp_exchange *exchange) {
    pthread_mutex_init(&server->reader.in_use, NULL);
    server->exchange = exchange;
    server->chunk = malloc(CHUNK);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t *seed = &server->shared.known.seed;
    struct epoll_event event = {.events = EPOLLIN};
    return server->chunk && server->epoll >= 0 && getrandom(seed, sizeof *seed, 0) == sizeof *seed &&
           epoll_ctl(server->epoll, EPOLL_CTL_ADD, exchange->wake, &event) == 0;
}

void lmtp_server_free(lmtp_server *server) {
    for (lmtp_connection *one = server->connections, *next; one; one = next) {
        next = one->next;
        drop_socket(server, one);
        lmtp_connection_free(one, &server->shared);
    }
    lmtp_known_forget(&server->shared.known);
    free(server->chunk);
    pthread_mutex_destroy(&server->reader.in_use);
    if (server->epoll >= 0) {
        close(server->epoll);
    }
}
