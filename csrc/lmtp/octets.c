#include "octets.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST = 512, KEPT = 65536 /* room of an empty buffer */ };

bool lmtp_octets_reserve(lmtp_octets *buffer, size_t more) {
    if (more <= buffer->room - buffer->length) {
        return true;
    }
    if (more > SIZE_MAX / 4 - buffer->length) {
        return false;
    }
    size_t room = buffer->room ? buffer->room : LEAST;
    while (room - buffer->length < more) {
        room *= 2;
    }
    uint8_t *grown = realloc(buffer->octets, room);
    if (!grown) {
        return false;
    }
    buffer->octets = grown;
    buffer->room = room;
    return true;
}

bool lmtp_octets_add(lmtp_octets *buffer, const void *octets, size_t length) {
    if (!lmtp_octets_reserve(buffer, length)) {
        return false;
    }
    if (length) {
        memcpy(buffer->octets + buffer->length, octets, length);
        buffer->length += length;
    }
    return true;
}

void lmtp_octets_drop(lmtp_octets *buffer, size_t length) {
    buffer->length -= length;
    if (length && buffer->length) {
        memmove(buffer->octets, buffer->octets + length, buffer->length);
    } else if (!buffer->length && buffer->room > KEPT) {
        lmtp_octets_free(buffer);
    }
}

void lmtp_octets_free(lmtp_octets *buffer) {
    free(buffer->octets);
    *buffer = (lmtp_octets){0};
}
