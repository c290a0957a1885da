/*
 * collector.h - the message behind DATA: octets in, the dot-unstuffed message out (RFC 5321 s4.5.2). No I/O.
 *
 * Only CRLF.CRLF ends it, and only a dot behind CRLF is unstuffed: bare CR and bare LF are kept as they came and take
 * part in neither, else a message could smuggle a second one behind it. The same message comes out however the stream
 * is cut. One that is too large is searched for its end but not kept.
 */
#ifndef MDA_LMTP_COLLECTOR_H
#define MDA_LMTP_COLLECTOR_H

#include "octets.h"

typedef struct {
    lmtp_octets message;
    uint64_t limit;
    bool begins_line; /* the last octets were CRLF; that of the DATA command counts */
    bool ends_in_cr;
    bool is_too_large, is_discarded;
} lmtp_collector;

enum lmtp_collected { LMTP_COLLECTED_PART, LMTP_COLLECTED_WHOLE, LMTP_COLLECTED_NOTHING };

void lmtp_collector_begin(lmtp_collector *collector, uint64_t limit);
/*
 * Takes of `octets` what it can, and sets `taken`: all but a begun end, which must be given again with what follows;
 * of a whole message, up to its end. LMTP_COLLECTED_NOTHING without memory.
 */
enum lmtp_collected lmtp_collector_feed(
    lmtp_collector *collector, const uint8_t *octets, size_t length, size_t *taken);
/* Keeps nothing from here on. */
void lmtp_collector_discard(lmtp_collector *collector);

#endif
