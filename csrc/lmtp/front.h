/*
 * front.h - the LMTP connections of one worker, served by a thread of its own that never needs the interpreter.
 *
 * It reads and writes, cuts lines, collects messages (RFC 5321 s4.5.2), keeps time and bounds, and answers by itself
 * what every session says: the first LHLO, plain MAIL, XFORWARD, DATA and QUIT, RSET behind a message, and RCPT for
 * recipients that it has been told of. Every other line is handed over, for whoever is behind it to answer
 * (mda/servers/lmtp), with the lines that it has answered before; so is each message, with what a reading has found of it
 * (lmtp_front_read). Of one connection at most one event is without its answer, and nothing behind it is looked at before.
 *
 * Functions may be called by any thread. A connection that finds no memory is closed without a reply: its mail stays
 * with the peer.
 */
#ifndef MDA_LMTP_FRONT_H
#define MDA_LMTP_FRONT_H

#include <stdint.h>

/* cdef begin */
enum {
    LMTP_LINES,   /* lines to be answered */
    LMTP_MESSAGE, /* a message has come whole */
    LMTP_GONE     /* the connection is closed; nothing of it comes any more and its number may not be used again */
};

enum { /* why a message has no octets */
    LMTP_KEPT,
    LMTP_TOO_LARGE,
    LMTP_OVERLOADED /* all connections hold too much */
};

enum { /* how a connection went */
    LMTP_LEFT,
    LMTP_LOST_IN_DATA,
    LMTP_IDLE,
    LMTP_IDLE_IN_DATA
};

enum { /* where a session stands */
    LMTP_GREETED, /* before LHLO */
    LMTP_READY,
    LMTP_OPEN     /* MAIL was accepted */
};

enum { /* how an answer leaves the connection */
    LMTP_CLOSES = 1,
    LMTP_COLLECTS = 2, /* the message follows */
    LMTP_RESTS = 4,    /* the last reply of a transaction, of which nothing is left: a server that leaves may close now */
    LMTP_ABORTS = 8    /* closed at once, in doubt */
};

typedef struct lmtp_front lmtp_front;

typedef struct {
    uint64_t message_bytes;
    uint64_t held_bytes;    /* of all messages that are collected or not answered yet */
    uint32_t command_bytes; /* of a line, without CRLF */
    uint32_t recipients;
    uint32_t idle_ms;
    uint32_t data_ms;       /* from DATA to its end */
    uint32_t fresh_ms;      /* how long a server that leaves waits for a peer that has been told to go on */
} lmtp_limits;

/* Reply lines with CRLF; they must outlive the front. Where one of the last three is NULL, its command is handed over. */
typedef struct {
    const char *greeting, *ok, *sender_ok, *recipient_ok, *start_mail, *idle, *data_too_slow, *leaving;
    const char *bye;
    const char *hello, *hello_trusted; /* to LHLO of those who are not trusted, and of those who are */
} lmtp_replies;

/*
 * Lines are entries, each of a kind, the length of its octets (32 bits, little endian), and its octets: 'H' LHLO, 'X'
 * XFORWARD, 'M' MAIL, 'D' DATA, and 'R' RCPT with its recipient's number (64 bits) in front: answered; 'N': to be
 * answered; 'L': to be answered, and too long to be kept.
 */
typedef struct {
    uint64_t connection;
    uint64_t recipient;    /* the number of the only one; 0 where the message has others or lines were handed over */
    uint32_t kind;
    uint32_t cause;
    uint32_t path_start;   /* where the reverse-path lies in the lines, for a message with a `recipient` */
    uint32_t path_length;
    const uint8_t *lines;
    uint64_t lines_length;
    const uint8_t *octets; /* the message, dot-unstuffed, its line ends as they came */
    uint64_t length;
    const uint8_t *found;  /* what the reading has found of it; NULL where it was not read */
    uint64_t found_length;
    uint64_t reading;      /* the number of that reading */
    uint64_t reading_ns;   /* how long it took */
} lmtp_event;

/* Reads a message: octets to be freed, and how many; NULL where there are none. */
typedef uint8_t *lmtp_reading(void *reader, const uint8_t *octets, uint64_t length, uint64_t *found);

/* Before the octets of each answer. */
typedef struct {
    uint64_t connection;
    uint32_t length;
    uint32_t accepted; /* recipients of the open transaction */
    uint32_t state;
    uint32_t flags;
} lmtp_answer;

/* NULL without memory or descriptors. */
lmtp_front *lmtp_front_new(const lmtp_limits *limits, const lmtp_replies *replies);
/* Ends the thread, closes what is open and frees all of it. */
void lmtp_front_free(lmtp_front *front);
/* Can be read while there are events. */
int lmtp_front_descriptor(const lmtp_front *front);
/* Takes over a connected socket that does not block; its number, or 0 without memory. */
uint64_t lmtp_front_add(lmtp_front *front, int descriptor, int is_trusted);
/* The events since the last call; they and what they point to live until the next one, or until they are dropped. Both
 * are for one thread. */
const lmtp_event *lmtp_front_take(lmtp_front *front, uint32_t *count);
void lmtp_front_drop(lmtp_front *front);
/* Answers, each an lmtp_answer and its octets. 0 without memory: none is taken. */
int lmtp_front_answer(lmtp_front *front, const uint8_t *answers, uint32_t length);
/* From now on, and until (CLOCK_MONOTONIC, ns), this very RCPT line is accepted; `recipient` is not 0. */
int lmtp_front_know(lmtp_front *front, const uint8_t *line, uint32_t length, uint64_t recipient, uint64_t until);
/* Never fails. */
void lmtp_front_forget(lmtp_front *front);
/* Up to then (CLOCK_MONOTONIC, ns) what is known holds. */
int lmtp_front_trust(lmtp_front *front, uint64_t until);
/*
 * From now on a message of at most `most` octets whose only recipient was known is read so, in the thread, before it is
 * handed over. `number` tells this reading from others. When it returns, the reader before is in use no more; with NULL
 * none is.
 */
void lmtp_front_read(lmtp_front *front, lmtp_reading *reading, void *reader, uint64_t number, uint64_t most);
/* Closes each connection as soon as that costs its peer nothing. */
int lmtp_front_leave(lmtp_front *front);
int lmtp_front_abort(lmtp_front *front);
uint64_t lmtp_front_held(const lmtp_front *front);
/* Whether nothing is under way: no event without its answer, no line read and not acted upon. */
int lmtp_front_rests(lmtp_front *front);
/* When (CLOCK_MONOTONIC, ns) the thread began what it is at, which takes milliseconds; 0 while it waits. */
uint64_t lmtp_front_busy_since(const lmtp_front *front);
/* cdef end */

#endif
