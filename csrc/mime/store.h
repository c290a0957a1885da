/* The parser's working state: the visible result, the tables behind it and the byte stores.
 *
 * Tables and stores grow by doubling and live until mime_free() or mime_context_free(). A failed allocation is sticky: store_failed() turns
 * true, appends do nothing from then on, and mime_parse() answers MIME_NO_MEMORY; so only loops need to look.
 * The text store moves when it grows: keep offsets into it, never pointers, over an append.
 */
#ifndef MIME_STORE_H
#define MIME_STORE_H

#include <string.h>

#include "mime.h"
#include "vector.h"

/* One open container while the tree is built. */
typedef struct mime_open {
    uint32_t part;
    mime_span boundary; /* text store; absent for message/rfc822 */
    uint32_t hash;
    uint32_t is_closed; /* its close delimiter was seen */
} mime_open;

/* A growable byte store. */
typedef struct mime_bytes_store {
    uint8_t *bytes;
    uint32_t length;
    uint32_t capacity;
} mime_bytes_store;

typedef struct mime_state {
    mime_message result; /* first, so that a mime_message is its mime_state */
    mime_limits limits;
    int wants; /* enum mime_want */
    const mime_vector *vector;
    mime_bytes_store text, decoded, scratch, second, view;
    mime_header *headers;
    mime_part *parts;
    mime_parameter *parameters;
    mime_address *addresses;
    mime_open *open;
    uint32_t *last_child; /* by part: only to append children in constant time */
    uint32_t header_capacity, part_capacity, parameter_capacity, address_capacity, open_capacity, child_capacity;
    uint32_t open_count;
    uint16_t open_hashes[512]; /* how many open boundaries have a hash that ends so */
    uint32_t longest_boundary;
    uint32_t root_fields[MIME_FIELD_COUNT]; /* index of the first header of each, where the root has it */
    uint32_t source;       /* the store that is being parsed, enum mime_source */
    uint32_t origin;       /* in MIME_IN_DECODED: input offset that defects are reported at */
    uint32_t census_at, census_lines, census_bare_lfs;
    int census_is_8bit;    /* an octet above 127 since the flag was cleared */
    int is_failed;
} mime_state;

static inline int store_failed(const mime_state *state) { return state->is_failed; }

/* Makes room for `need` elements of `size` bytes in *table; 0 and sticky failure when there is no memory. */
int store_grow(mime_state *state, void **table, uint32_t *capacity, uint32_t need, size_t size);

/* Makes room for `more` bytes after store->length. */
int store_reserve(mime_state *state, mime_bytes_store *store, size_t more);

static inline void store_append(mime_state *state, mime_bytes_store *store, const uint8_t *bytes, size_t length) {
    if (!length) return;
    if (store->capacity - store->length < length && !store_reserve(state, store, length)) return;
    memcpy(store->bytes + store->length, bytes, length);
    store->length += (uint32_t)length;
}

static inline void store_byte(mime_state *state, mime_bytes_store *store, uint8_t byte) {
    if (store->length < store->capacity || store_reserve(state, store, 1)) store->bytes[store->length++] = byte;
}

/* Appends a string literal to the text store. */
#define text_literal(state, literal) \
    store_append((state), &(state)->text, (const uint8_t *)(literal), sizeof(literal) - 1)

static inline void text_append(mime_state *state, const uint8_t *bytes, size_t length) {
    store_append(state, &state->text, bytes, length);
}
static inline void text_byte(mime_state *state, uint8_t byte) { store_byte(state, &state->text, byte); }
void text_number(mime_state *state, uint64_t number);
void text_utf8(mime_state *state, uint32_t code_point);

/* Copies a span of the text store to its own end (the store may move meanwhile). */
void text_repeat(mime_state *state, mime_span span);

static inline mime_span text_since(const mime_state *state, uint32_t offset) {
    return (mime_span){offset, state->text.length - offset};
}
static inline mime_span span_absent(void) { return (mime_span){MIME_NONE, 0}; }
static inline int span_is_absent(mime_span span) { return span.offset == MIME_NONE; }

/* Sets a defect bit; the first offset stays. */
void store_flag(mime_state *state, mime_defect defect, uint32_t offset);

/* Makes the store that `part` is in the one being parsed. */
static inline void store_enter(mime_state *state, const mime_part *part) {
    state->source = part->source;
    while (part->source != MIME_IN_INPUT) part = &state->parts[part->parent];
    state->origin = part->body;
}

/* The bytes being parsed now. */
static inline const uint8_t *store_base(const mime_state *state) {
    return state->source == MIME_IN_INPUT ? state->result.input : state->decoded.bytes;
}

/* Forgets the message before; tables and stores stay for the next one, but those that grew far. */
void store_reset(mime_state *state);

void store_free(mime_state *state);

#endif
