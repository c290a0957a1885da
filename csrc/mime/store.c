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

#define KEPT (1u << 20) /* octets that a table may keep between messages */

static void store_trim(void **table, uint32_t *capacity, size_t size) {
    if (*capacity * size <= KEPT) return;
    free(*table);
    *table = NULL;
    *capacity = 0;
}

static void store_trim_bytes(mime_bytes_store *store) {
    store_trim((void **)&store->bytes, &store->capacity, 1);
    store->length = 0;
}

void store_reset(mime_state *state) {
    store_trim_bytes(&state->text);
    store_trim_bytes(&state->decoded);
    store_trim_bytes(&state->scratch);
    store_trim_bytes(&state->second);
    store_trim_bytes(&state->view);
    store_trim((void **)&state->headers, &state->header_capacity, sizeof(mime_header));
    store_trim((void **)&state->parts, &state->part_capacity, sizeof(mime_part));
    store_trim((void **)&state->parameters, &state->parameter_capacity, sizeof(mime_parameter));
    store_trim((void **)&state->addresses, &state->address_capacity, sizeof(mime_address));
    if (state->open_count) memset(state->open_hashes, 0, sizeof state->open_hashes); /* the parse before broke off */
    state->open_count = state->longest_boundary = state->source = state->origin = 0;
    state->is_failed = 0;
}

void store_free(mime_state *state) {
    free(state->view.bytes);
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
