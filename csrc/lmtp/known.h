/*
 * known.h - the RCPT lines that are accepted without a question: an exact line, its recipient's number, and until when.
 *
 * At most LMTP_KNOWN_MOST lines; a new one takes the place of an old one then.
 */
#ifndef MDA_LMTP_KNOWN_H
#define MDA_LMTP_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LMTP_KNOWN_MOST = 8192,
    LMTP_KNOWN_LINE = 512, /* octets of a line that is kept */
    /* Numbers are given in order, and Python keeps the last 8000 (mda/servers/lmtp/acquaintances.py): of these so many
     * are used, the rest is for transactions that have begun with one. */
    LMTP_KNOWN_RECENT = 6000
};

typedef struct {
    uint64_t recipient, until;
    uint8_t *line;
    uint32_t length;
} lmtp_known_line;

typedef struct {
    lmtp_known_line lines[LMTP_KNOWN_MOST]; /* by the line's hash; a place is taken by one line */
    uint64_t seed, newest;
} lmtp_known;

/* The recipient's number, 0 for a line that is not known at `now`. */
uint64_t lmtp_known_find(const lmtp_known *known, const uint8_t *line, size_t length, uint64_t now);
/* Without memory the line stays unknown. */
void lmtp_known_put(lmtp_known *known, const uint8_t *line, size_t length, uint64_t recipient, uint64_t until);
void lmtp_known_forget(lmtp_known *known);

#endif
