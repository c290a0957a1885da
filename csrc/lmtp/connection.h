/*
 * connection.h - one LMTP connection: octets in, octets and events out. No I/O and no clock.
 *
 * Order is kept: while an event is without its answer, what was sent behind it waits. RCPTs that came together are
 * handed over together. What was said before an event goes out together with its answer: fewer writes, and a peer that
 * has pipelined so far waits for that anyway.
 */
#ifndef MDA_LMTP_CONNECTION_H
#define MDA_LMTP_CONNECTION_H

#include "collector.h"
#include "front.h"
#include "known.h"

enum { LMTP_TOGETHER = 100 /* RCPTs in one event */ };

/* What the connections of a front share. */
typedef struct {
    lmtp_limits limits;
    lmtp_replies replies;
    lmtp_known known;
    uint64_t trusted_until; /* ns */
    uint64_t held;          /* octets */
    bool is_leaving;
} lmtp_shared;

typedef struct lmtp_connection {
    uint64_t number;
    int descriptor;
    bool is_trusted;
    lmtp_octets input;  /* lines that are not acted upon */
    lmtp_octets output; /* not sent */
    lmtp_octets lines;  /* entries (front.h) since the last event */
    lmtp_collector collector;
    uint32_t state;     /* LMTP_GREETED and so on */
    uint32_t accepted;
    bool is_collecting, is_swallowing;
    bool has_message;   /* that has come whole and is not handed over */
    bool is_waiting;    /* for the answer to an event */
    bool is_whole;      /* nothing of the open transaction was handed over */
    /* From the last reply of a delivery up to the next command: only there may a server that leaves end the session. A
     * peer that was told "go on" by any other reply has its next transaction on the way, and would have to put the mail
     * back into its queue. Whoever answers has no transaction then, and no attributes for the next one. */
    bool is_at_rest;
    bool is_closing, is_ended, is_lost;
    uint64_t recipient; /* the number of the first; 0 where the peer has begun none here */
    uint32_t path_start, path_length;
    uint64_t held;
    uint64_t heard_at, data_at; /* ns */
    /* For the front. */
    uint32_t watched;   /* events of epoll(7) */
    uint32_t cause;     /* how it went */
    uint64_t lost_octets;
    struct lmtp_connection *next, *next_in_bucket;
} lmtp_connection;

/* What `lmtp_connection_advance` has come to. */
enum lmtp_step {
    LMTP_STEP_FURTHER, /* within connection.c */
    LMTP_STEP_NONE,  /* it waits for more octets, or an answer */
    LMTP_STEP_EVENT, /* `event` is filled in, and is_waiting */
    LMTP_STEP_FAILED /* no memory */
};

/* Octets that have come; false without memory. */
bool lmtp_connection_feed(
    lmtp_connection *connection, lmtp_shared *shared, const uint8_t *octets, size_t length, uint64_t now);
/*
 * Acts upon what has come, up to the next event. The lines and octets of the event are handed over to the caller, who
 * frees them.
 */
enum lmtp_step lmtp_connection_advance(
    lmtp_connection *connection, lmtp_shared *shared, uint64_t now, lmtp_event *event);
/* The answer to its event, with the octets to say; false without memory. */
bool lmtp_connection_answer(
    lmtp_connection *connection, lmtp_shared *shared, const lmtp_answer *answer, const uint8_t *octets, uint64_t now);
bool lmtp_connection_say(lmtp_connection *connection, const char *reply);
/* Forgets the message in the making, and gives back what it held. */
void lmtp_connection_forget_message(lmtp_connection *connection, lmtp_shared *shared);
void lmtp_connection_free(lmtp_connection *connection, lmtp_shared *shared);

#endif
