/* talk.h - one connection without a socket, and somebody who answers it: what is said and handed over, as text. */
#ifndef MDA_TESTS_LMTP_TALK_H
#define MDA_TESTS_LMTP_TALK_H

#include "connection.h"

typedef struct talk {
    lmtp_shared *shared;
    lmtp_connection *connection;
    lmtp_octets heard;  /* replies */
    lmtp_octets events; /* a line each */
    bool has_failed;
} talk;

/* Knows `RCPT TO:<known@d>` as recipient 7. */
lmtp_shared *talk_shared(void);
void talk_begin(talk *talk, lmtp_shared *shared);
/* Gives octets and answers what is handed over: lines by what they say, messages with one 250. */
void talk_say(talk *talk, const char *octets, size_t length);
void talk_end(talk *talk);

#endif
