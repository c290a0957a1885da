/*
 * exchange.h - the two ways between a front's thread and the others: requests in, events out.
 *
 * Each way is a list under the lock, and a descriptor of eventfd(2) that wakes whoever waits for it.
 */
#ifndef MDA_LMTP_EXCHANGE_H
#define MDA_LMTP_EXCHANGE_H

#include "front.h"
#include "octets.h"

#include <pthread.h>

enum lmtp_request_kind {
    LMTP_ADD,
    LMTP_ANSWERS,
    LMTP_KNOW,
    LMTP_FORGET,
    LMTP_TRUST,
    LMTP_LEAVE,
    LMTP_ABORT,
    LMTP_STOP
};

typedef struct {
    uint32_t kind, length; /* of the octets behind it */
    uint64_t number, until;
    int32_t descriptor, is_trusted;
} lmtp_request;

typedef struct {
    lmtp_event *events;
    size_t count, room;
} lmtp_event_list;

typedef struct {
    pthread_mutex_t lock;
    int wake, ready; /* can be read while there are requests, or events */
    lmtp_octets requests;
    lmtp_event_list events;
    lmtp_event_list taken; /* of whoever takes events: the last ones */
} lmtp_exchange;

/* False without descriptors; to be freed all the same. */
bool lmtp_exchange_begin(lmtp_exchange *exchange);
void lmtp_exchange_free(lmtp_exchange *exchange);
/* From any thread; false without memory. */
bool lmtp_exchange_ask(lmtp_exchange *exchange, lmtp_request request, const uint8_t *octets);
/* Has `requests` looked at, also where there are none. */
void lmtp_exchange_wake(lmtp_exchange *exchange);
/* Puts the requests in the place of what `requests` held before, which may be used anew. */
void lmtp_exchange_requests(lmtp_exchange *exchange, lmtp_octets *requests);
/* Whoever takes the event frees what it points to. Without memory for it nobody would ever answer: the process ends,
 * and every message stays with its peer. */
void lmtp_exchange_emit(lmtp_exchange *exchange, const lmtp_event *event);
/* The events since the last call; they live until the next one, or until they are dropped. */
const lmtp_event *lmtp_exchange_take(lmtp_exchange *exchange, uint32_t *count);
void lmtp_exchange_drop(lmtp_exchange *exchange);
bool lmtp_exchange_is_empty(lmtp_exchange *exchange);

#endif
