#include "exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void raise_descriptor(int descriptor) {
    uint64_t one = 1;
    while (write(descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void lower_descriptor(int descriptor) {
    uint64_t count;
    while (read(descriptor, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

static void free_event(lmtp_event *event) {
    free((void *)event->lines);
    free((void *)event->octets);
    free((void *)event->found);
}

static bool add_event(lmtp_event_list *list, const lmtp_event *event) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        lmtp_event *grown = realloc(list->events, room * sizeof *grown);
        if (!grown) {
            return false;
        }
        list->events = grown;
        list->room = room;
    }
    list->events[list->count++] = *event;
    return true;
}

static void free_events(lmtp_event_list *list) {
    for (size_t index = 0; index < list->count; index++) {
        free_event(list->events + index);
    }
    free(list->events);
    *list = (lmtp_event_list){0};
}

bool lmtp_exchange_begin(lmtp_exchange *exchange) {
    *exchange = (lmtp_exchange){
        .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    pthread_mutex_init(&exchange->lock, NULL);
    return exchange->wake >= 0 && exchange->ready >= 0;
}

void lmtp_exchange_free(lmtp_exchange *exchange) {
    free_events(&exchange->events);
    free_events(&exchange->taken);
    lmtp_octets_free(&exchange->requests);
    if (exchange->wake >= 0) {
        close(exchange->wake);
    }
    if (exchange->ready >= 0) {
        close(exchange->ready);
    }
    pthread_mutex_destroy(&exchange->lock);
}

/* Under the lock. */
static bool put(lmtp_octets *requests, const lmtp_request *request, const uint8_t *octets) {
    return lmtp_octets_reserve(requests, sizeof *request + request->length) &&
           lmtp_octets_add(requests, request, sizeof *request) && lmtp_octets_add(requests, octets, request->length);
}

bool lmtp_exchange_ask(lmtp_exchange *exchange, lmtp_request request, const uint8_t *octets) {
    pthread_mutex_lock(&exchange->lock);
    bool is_first = exchange->requests.length == 0;
    bool is_put = put(&exchange->requests, &request, octets);
    pthread_mutex_unlock(&exchange->lock);
    if (is_put && is_first) {
        raise_descriptor(exchange->wake);
    }
    return is_put;
}

void lmtp_exchange_wake(lmtp_exchange *exchange) {
    raise_descriptor(exchange->wake);
}

void lmtp_exchange_requests(lmtp_exchange *exchange, lmtp_octets *requests) {
    requests->length = 0;
    lower_descriptor(exchange->wake);
    pthread_mutex_lock(&exchange->lock);
    lmtp_octets asked = exchange->requests;
    exchange->requests = *requests;
    pthread_mutex_unlock(&exchange->lock);
    *requests = asked;
}

void lmtp_exchange_emit(lmtp_exchange *exchange, const lmtp_event *event) {
    pthread_mutex_lock(&exchange->lock);
    bool is_first = exchange->events.count == 0;
    if (!add_event(&exchange->events, event)) {
        abort();
    }
    pthread_mutex_unlock(&exchange->lock);
    if (is_first) {
        raise_descriptor(exchange->ready);
    }
}

void lmtp_exchange_drop(lmtp_exchange *exchange) {
    for (size_t index = 0; index < exchange->taken.count; index++) {
        free_event(exchange->taken.events + index);
    }
    exchange->taken.count = 0;
}

const lmtp_event *lmtp_exchange_take(lmtp_exchange *exchange, uint32_t *count) {
    lmtp_exchange_drop(exchange);
    lmtp_event_list emptied = exchange->taken;
    lower_descriptor(exchange->ready);
    pthread_mutex_lock(&exchange->lock);
    exchange->taken = exchange->events;
    exchange->events = emptied;
    pthread_mutex_unlock(&exchange->lock);
    *count = (uint32_t)exchange->taken.count;
    return exchange->taken.events;
}

bool lmtp_exchange_is_empty(lmtp_exchange *exchange) {
    pthread_mutex_lock(&exchange->lock);
    bool is_empty = !exchange->requests.length && !exchange->events.count;
    pthread_mutex_unlock(&exchange->lock);
    return is_empty;
}
