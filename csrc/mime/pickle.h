/* Writes values as Python's pickles, protocol 4, into the view: what pickle.loads() makes of them it makes in C, in one
 * call. The opcodes are those of the standard library's pickletools; older ones stay readable for good.
 *
 * A tuple is pickle_open(), its elements, pickle_close(), with the same count. A string is either appended at once, or
 * pickle_begin(), what is appended to the view, pickle_end().
 */
#ifndef MIME_PICKLE_H
#define MIME_PICKLE_H

#include "charset.h"
#include "store.h"

static inline void pickle_byte(mime_state *state, uint8_t byte) { store_byte(state, &state->view, byte); }

/* `count` octets of the number, little-endian as in every pickle. */
static inline void pickle_octets(uint8_t *out, uint64_t number, int count) {
    for (int i = 0; i < count; i++) out[i] = (uint8_t)(number >> 8 * i);
}

static inline void pickle_opcode(mime_state *state, uint8_t opcode, uint64_t number, int count) {
    uint8_t written[9] = {opcode};
    pickle_octets(written + 1, number, count);
    store_append(state, &state->view, written, 1 + (size_t)count);
}

static inline void pickle_start(mime_state *state) { pickle_opcode(state, 0x80, 4, 1); } /* PROTO */
static inline void pickle_stop(mime_state *state) { pickle_byte(state, '.'); }
static inline void pickle_none(mime_state *state) { pickle_byte(state, 'N'); }
static inline void pickle_mark(mime_state *state) { pickle_byte(state, '('); }
static inline void pickle_tuple(mime_state *state) { pickle_byte(state, 't'); } /* of what stands since the mark */
static inline void pickle_list(mime_state *state) { pickle_byte(state, 'l'); }

static inline void pickle_open(mime_state *state, uint32_t count) {
    if (count > 3) pickle_mark(state);
}
static inline void pickle_close(mime_state *state, uint32_t count) {
    static const uint8_t OPCODES[] = {')', 0x85, 0x86, 0x87}; /* EMPTY_TUPLE, TUPLE1 to TUPLE3 */
    pickle_byte(state, count > 3 ? 't' : OPCODES[count]);
}

static inline void pickle_integer(mime_state *state, int64_t number) {
    if (number == (int32_t)number) {
        pickle_opcode(state, 'J', (uint64_t)number, 4); /* BININT */
    } else {
        pickle_opcode(state, 0x8a, 8, 1); /* LONG1 */
        uint8_t octets[8];
        pickle_octets(octets, (uint64_t)number, sizeof octets);
        store_append(state, &state->view, octets, sizeof octets);
    }
}

/* Where the string's length will stand. */
static inline uint32_t pickle_begin(mime_state *state) {
    pickle_opcode(state, 'X', 0, 4); /* BINUNICODE */
    return state->view.length;
}

/* What is no UTF-8, as it has marks (MIME_MARK_OPEN) or stands as the message has it, becomes bytes; 0 then. */
static inline int pickle_end(mime_state *state, uint32_t begin) {
    if (store_failed(state)) return 1;
    uint8_t *bytes = state->view.bytes + begin;
    uint32_t length = state->view.length - begin;
    int is_ascii, is_utf8 = charset_is_utf8(state->vector, bytes, length, &is_ascii);
    if (!is_utf8) bytes[-5] = 'B'; /* BINBYTES */
    pickle_octets(bytes - 4, length, 4);
    return is_utf8;
}

static inline void pickle_string(mime_state *state, const uint8_t *utf8, uint32_t length) {
    pickle_opcode(state, 'X', length, 4);
    store_append(state, &state->view, utf8, length);
}

#endif
