/* server.h - the connections of a front, their sockets and their time. Used by the front's thread alone. */
#ifndef MDA_LMTP_SERVER_H
#define MDA_LMTP_SERVER_H

#include "connection.h"
#include "exchange.h"

enum { LMTP_BUCKETS = 1024 };

/* With what messages are read before they are handed over. */
typedef struct {
    pthread_mutex_t in_use; /* while one is read, or others are put in the place of these */
    lmtp_reading *reading;
    void *reader;
    uint64_t number, most;
} lmtp_reader;

typedef struct {
    lmtp_shared shared;
    lmtp_reader reader;
    lmtp_exchange *exchange;
    int epoll;
    lmtp_connection *connections, *buckets[LMTP_BUCKETS]; /* all of them; by number */
    uint64_t now, ticked_at;                              /* ns */
    uint64_t read_ns; /* what reading messages has taken of the round */
    uint32_t waiting; /* events without their answer */
    bool has_lost;
    uint8_t *chunk;
} lmtp_server;

/* CLOCK_MONOTONIC, ns. */
uint64_t lmtp_server_clock(void);
/* False without memory or descriptors; to be freed all the same. */
bool lmtp_server_begin(lmtp_server *server, lmtp_exchange *exchange);
void lmtp_server_free(lmtp_server *server);
/* How long to wait for sockets, in milliseconds; -1 for ever. */
int lmtp_server_patience(const lmtp_server *server);
/* Octets have come, or can be sent: `events` of epoll(7). */
void lmtp_server_see_to(lmtp_server *server, lmtp_connection *connection, uint32_t events);
/* Takes over a connected socket; without memory for it, it is closed and gone. */
void lmtp_server_admit(lmtp_server *server, uint64_t number, int descriptor, bool is_trusted);
/* An answer and its octets. One that nobody waits for is passed over. */
void lmtp_server_answer(lmtp_server *server, const lmtp_answer *answer, const uint8_t *octets);
void lmtp_server_leave(lmtp_server *server);
void lmtp_server_abort(lmtp_server *server);
/* To be called at the end of each round: what time asks for, and the end of what has gone. */
void lmtp_server_settle(lmtp_server *server);

#endif
