/* octets.h - a buffer that grows. */
#ifndef MDA_LMTP_OCTETS_H
#define MDA_LMTP_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *octets;
    size_t length, room;
} lmtp_octets;

/* Room for `more` octets behind the last; false without memory, and nothing has changed. */
bool lmtp_octets_reserve(lmtp_octets *buffer, size_t more);
bool lmtp_octets_add(lmtp_octets *buffer, const void *octets, size_t length);
/* Takes away the first `length` octets. */
void lmtp_octets_drop(lmtp_octets *buffer, size_t length);
void lmtp_octets_free(lmtp_octets *buffer);

#endif
