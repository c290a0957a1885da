/* Growth, appends and defect bits; see store.h. The only file that allocates or frees. */
#include "store.h"

#include <stdlib.h>

#define LARGEST 0xf0000000u /* offsets are 32 bits, MIME_NONE is taken */

int store_grow(mime_state *state, void **table, uint32_t *capacity, uint32_t need, size_t size) {
    if (need <= *capacity) return 1;
    if (state->is_failed) return 0;
    uint64_t larger = (uint64_t)*capacity + (*capacity > 65536 ? *capacity / 2 : *capacity);
    if (larger < need) larger = need;
    if (larger < 8) larger = 8;
    if (larger > LARGEST) larger = LARGEST;
    void *grown = need > LARGEST ? NULL : realloc(*table, (size_t)larger * size);
    if (!grown) {
        state->is_failed = 1;
        return 0;
    }
    *table = grown;
    *capacity = (uint32_t)larger;
    return 1;
}

int store_reserve(mime_state *state, mime_bytes_store *store, size_t more) {
    if (state->is_failed) return 0;
    if (more > LARGEST - store->length) {
        state->is_failed = 1;
        return 0;
    }
    uint32_t need = store->length + (uint32_t)more;
    if (need < 1024) need = 1024;
    return store_grow(state, (void **)&store->bytes, &store->capacity, need, 1);
}

void store_append(mime_state *state, mime_bytes_store *store, const uint8_t *bytes, size_t length) {
    if (!length) return;
    if (store->capacity - store->length < length && !store_reserve(state, store, length)) return;
    memcpy(store->bytes + store->length, bytes, length);
    store->length += (uint32_t)length;
}

void text_append(mime_state *state, const uint8_t *bytes, size_t length) {
    store_append(state, &state->text, bytes, length);
}

void text_byte(mime_state *state, uint8_t byte) { store_byte(state, &state->text, byte); }

void text_number(mime_state *state, uint64_t number) {
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number);
    text_append(state, digits + at, sizeof digits - at);
}

void text_utf8(mime_state *state, uint32_t c) {
    if (c < 0x80) {
        text_byte(state, (uint8_t)c);
    } else if (c < 0x800) {
        text_byte(state, (uint8_t)(0xc0 | c >> 6));
        text_byte(state, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        text_byte(state, (uint8_t)(0xe0 | c >> 12));
        text_byte(state, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        text_byte(state, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        text_byte(state, (uint8_t)(0xf0 | c >> 18));
        text_byte(state, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        text_byte(state, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        text_byte(state, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

void text_repeat(mime_state *state, mime_span span) {
    if (span_is_absent(span) || !span.length || !store_reserve(state, &state->text, span.length)) return;
    memcpy(state->text.bytes + state->text.length, state->text.bytes + span.offset, span.length);
    state->text.length += span.length;
}

void store_flag(mime_state *state, mime_defect defect, uint32_t offset) {
    mime_summary *summary = &state->result.summary;
    if (summary->defects >> defect & 1) return;
    summary->defects |= UINT64_C(1) << defect;
    summary->defect_offset[defect] = state->source == MIME_IN_INPUT ? offset : state->origin;
}

void store_free(mime_state *state) {
    free(state->text.bytes);
    free(state->decoded.bytes);
    free(state->scratch.bytes);
    free(state->second.bytes);
    free(state->headers);
    free(state->parts);
    free(state->parameters);
    free(state->addresses);
    free(state->open);
    free(state->last_child);
    free(state);
}
