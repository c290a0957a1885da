/* Writes values as MessagePack, of which Python's msgspec makes whole structs in one call.
 *
 * Each function returns the octets of one value, or of the head of one: the octets of a string or of binary, and the
 * elements of an array, follow. Numbers stand in their longest form: nothing of this is kept.
 */
#ifndef MIME_MSGPACK_H
#define MIME_MSGPACK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct msgpack_octets {
    uint8_t bytes[15];
    uint8_t length;
} msgpack_octets;

/* A format octet and `count` octets of the number, big-endian as in all MessagePack. */
static inline msgpack_octets msgpack_head(uint8_t format, uint64_t number, int count) {
    msgpack_octets made = {{format}, (uint8_t)(1 + count)};
    for (int i = 0; i < count; i++) made.bytes[1 + i] = (uint8_t)(number >> 8 * (count - 1 - i));
    return made;
}

static inline msgpack_octets msgpack_nil(void) { return msgpack_head(0xc0, 0, 0); }
static inline msgpack_octets msgpack_bool(int value) { return msgpack_head(value ? 0xc3 : 0xc2, 0, 0); }
static inline msgpack_octets msgpack_array(uint32_t count) { return msgpack_head(0xdd, count, 4); }
static inline msgpack_octets msgpack_string(uint32_t length) { return msgpack_head(0xdb, length, 4); }
static inline msgpack_octets msgpack_binary(uint32_t length) { return msgpack_head(0xc6, length, 4); }
static inline msgpack_octets msgpack_unsigned(uint64_t number) { return msgpack_head(0xcf, number, 8); }
static inline msgpack_octets msgpack_integer(int64_t number) { return msgpack_head(0xd3, (uint64_t)number, 8); }

static inline msgpack_octets msgpack_double(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return msgpack_head(0xcb, bits, 8);
}

/* A timestamp (extension type -1 of 12 octets, the first four of which are nanoseconds), in seconds since 1970 UTC. */
static inline msgpack_octets msgpack_time(int64_t seconds) {
    msgpack_octets made = msgpack_head(0xc7, 12, 1), number = msgpack_integer(seconds);
    made.bytes[2] = 0xff;
    memcpy(made.bytes + 7, number.bytes + 1, 8);
    made.length = 15;
    return made;
}

#endif
