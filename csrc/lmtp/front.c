/* The front: a server in a thread of its own, and what others may ask of it. */
#define _GNU_SOURCE
#include "server.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ROUND = 128 /* sockets that are seen to before requests are */ };

struct lmtp_front {
    lmtp_exchange exchange;
    pthread_t thread;
    _Atomic uint64_t last_number, held, busy_since;
    _Atomic uint32_t waiting;
    _Atomic bool must_forget;
    /* Of the thread alone. */
    lmtp_server server;
    lmtp_octets requests;
    bool is_stopped;
};

/* The thread. */

static void take_answers(lmtp_server *server, const uint8_t *octets, size_t length) {
    size_t at = 0;
    while (length - at >= sizeof(lmtp_answer)) {
        lmtp_answer answer;
        memcpy(&answer, octets + at, sizeof answer);
        at += sizeof answer;
        if (answer.length > length - at) {
            return;
        }
        lmtp_server_answer(server, &answer, octets + at);
        at += answer.length;
    }
}

static void carry_out(lmtp_front *front, const lmtp_request *asked, const uint8_t *octets) {
    lmtp_server *server = &front->server;
    switch (asked->kind) {
    case LMTP_ADD:
        lmtp_server_admit(server, asked->number, asked->descriptor, asked->is_trusted);
        break;
    case LMTP_ANSWERS:
        take_answers(server, octets, asked->length);
        break;
    case LMTP_KNOW:
        lmtp_known_put(&server->shared.known, octets, asked->length, asked->number, asked->until);
        break;
    case LMTP_FORGET:
        lmtp_known_forget(&server->shared.known);
        break;
    case LMTP_TRUST: /* in order: what is trusted again may be forgotten first */
        server->shared.trusted_until = asked->until;
        break;
    case LMTP_LEAVE:
        lmtp_server_leave(server);
        break;
    case LMTP_ABORT:
        lmtp_server_abort(server);
        break;
    default:
        front->is_stopped = true;
    }
}

static void carry_out_all(lmtp_front *front) {
    lmtp_exchange_requests(&front->exchange, &front->requests);
    const lmtp_octets *asked = &front->requests;
    for (size_t at = 0; at < asked->length;) {
        lmtp_request one;
        memcpy(&one, asked->octets + at, sizeof one);
        at += sizeof one;
        carry_out(front, &one, asked->octets + at);
        at += one.length;
    }
}

static void one_round(lmtp_front *front) {
    lmtp_server *server = &front->server;
    struct epoll_event events[ROUND];
    int count = epoll_wait(server->epoll, events, ROUND, lmtp_server_patience(server));
    server->now = lmtp_server_clock();
    atomic_store(&front->busy_since, server->now);
    server->read_ns = 0;
    bool is_asked = false;
    for (int index = 0; index < count; index++) {
        if (events[index].data.ptr) {
            lmtp_server_see_to(server, events[index].data.ptr, events[index].events);
        } else {
            is_asked = true;
        }
    }
    if (is_asked) {
        carry_out_all(front);
    }
    if (atomic_exchange(&front->must_forget, false)) {
        lmtp_known_forget(&server->shared.known);
    }
    lmtp_server_settle(server);
    atomic_store(&front->held, server->shared.held);
    atomic_store(&front->waiting, server->waiting);
    atomic_store(&front->busy_since, 0);
}

static void *run(void *argument) {
    lmtp_front *front = argument;
    while (!front->is_stopped) {
        one_round(front);
    }
    return NULL;
}

/* What others call. */

/* With all signals blocked: they are for the thread that made it. */
static bool start_thread(lmtp_front *front) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool is_started = pthread_create(&front->thread, NULL, run, front) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started) {
        pthread_setname_np(front->thread, "lmtp");
    }
    return is_started;
}

static void free_all(lmtp_front *front) {
    lmtp_server_free(&front->server);
    lmtp_exchange_free(&front->exchange);
    lmtp_octets_free(&front->requests);
    free(front);
}

lmtp_front *lmtp_front_new(const lmtp_limits *limits, const lmtp_replies *replies) {
    lmtp_front *front = calloc(1, sizeof *front);
    if (!front) {
        return NULL;
    }
    front->server.shared.limits = *limits;
    front->server.shared.replies = *replies;
    front->server.epoll = -1;
    bool is_fine = lmtp_exchange_begin(&front->exchange) && lmtp_server_begin(&front->server, &front->exchange);
    if (!is_fine || !start_thread(front)) {
        free_all(front);
        return NULL;
    }
    return front;
}

void lmtp_front_free(lmtp_front *front) {
    while (!lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_STOP}, NULL)) {
        usleep(1000); /* without memory for a request */
    }
    pthread_join(front->thread, NULL);
    free_all(front);
}

int lmtp_front_descriptor(const lmtp_front *front) {
    return front->exchange.ready;
}

uint64_t lmtp_front_add(lmtp_front *front, int descriptor, int is_trusted) {
    uint64_t number = atomic_fetch_add(&front->last_number, 1) + 1;
    lmtp_request asked = {.kind = LMTP_ADD, .number = number, .descriptor = descriptor, .is_trusted = is_trusted};
    return lmtp_exchange_ask(&front->exchange, asked, NULL) ? number : 0;
}

const lmtp_event *lmtp_front_take(lmtp_front *front, uint32_t *count) {
    return lmtp_exchange_take(&front->exchange, count);
}

void lmtp_front_drop(lmtp_front *front) {
    lmtp_exchange_drop(&front->exchange);
}

int lmtp_front_answer(lmtp_front *front, const uint8_t *answers, uint32_t length) {
    return lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_ANSWERS, .length = length}, answers);
}

int lmtp_front_know(lmtp_front *front, const uint8_t *line, uint32_t length, uint64_t recipient, uint64_t until) {
    lmtp_request asked = {.kind = LMTP_KNOW, .length = length, .number = recipient, .until = until};
    return lmtp_exchange_ask(&front->exchange, asked, line);
}

void lmtp_front_forget(lmtp_front *front) {
    if (!lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_FORGET}, NULL)) {
        atomic_store(&front->must_forget, true); /* without memory: behind all requests, which forgets more */
        lmtp_exchange_wake(&front->exchange);
    }
}

int lmtp_front_trust(lmtp_front *front, uint64_t until) {
    return lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_TRUST, .until = until}, NULL);
}

void lmtp_front_read(lmtp_front *front, lmtp_reading *reading, void *reader, uint64_t number, uint64_t most) {
    lmtp_reader *used = &front->server.reader;
    pthread_mutex_lock(&used->in_use);
    used->reading = reading;
    used->reader = reader;
    used->number = number;
    used->most = most;
    pthread_mutex_unlock(&used->in_use);
}

int lmtp_front_leave(lmtp_front *front) {
    return lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_LEAVE}, NULL);
}

int lmtp_front_abort(lmtp_front *front) {
    return lmtp_exchange_ask(&front->exchange, (lmtp_request){.kind = LMTP_ABORT}, NULL);
}

uint64_t lmtp_front_held(const lmtp_front *front) {
    return atomic_load(&front->held);
}

int lmtp_front_rests(lmtp_front *front) {
    return lmtp_exchange_is_empty(&front->exchange) && !atomic_load(&front->busy_since) &&
           !atomic_load(&front->waiting);
}

uint64_t lmtp_front_busy_since(const lmtp_front *front) {
    return atomic_load(&front->busy_since);
}
