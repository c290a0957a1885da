/* Messages within a transfer encoding; see encoded.h. */
#include "encoded.h"

#include "decode.h"
#include "tree.h"

/* How many encoded messages the part is inside of. */
static uint32_t encoded_level(const mime_state *state, uint32_t index) {
    uint32_t level = 0;
    for (index = state->parts[index].parent; index != MIME_NONE; index = state->parts[index].parent)
        level += (state->parts[index].flags & MIME_PART_ENCODED) != 0;
    return level;
}

static int encoded_is_allowed(mime_state *state, uint32_t index) {
    const mime_part *part = &state->parts[index];
    if (state->result.part_count >= state->limits.parts) {
        store_flag(state, MIME_DEFECT_TOO_MANY_PARTS, part->start);
        return 0;
    }
    if (encoded_level(state, index) < state->limits.encoded_depth && part->depth < state->limits.depth) return 1;
    store_flag(state, MIME_DEFECT_TOO_DEEP, part->start);
    return 0;
}

/* Room is made first: the part itself may be in the decoded store, which moves when it grows. */
static void encoded_open(mime_state *state, uint32_t index) {
    mime_part *part = &state->parts[index];
    uint32_t length = part->end - part->body;
    decode_notes notes = {0};
    if (!store_reserve(state, &state->decoded, length)) return;
    const uint8_t *body = store_base(state) + part->body;
    uint32_t start = state->decoded.length;
    uint8_t *out = state->decoded.bytes + start;
    size_t written = decode_transfer(state->vector, part->encoding, body, length, out, &notes);
    state->decoded.length += (uint32_t)written;
    part->kind = MIME_MESSAGE;
    if (state->source == MIME_IN_INPUT) state->origin = part->body;
    state->source = MIME_IN_DECODED;
    tree_parse(state, index, start, state->decoded.length);
}

void encoded_parse(mime_state *state) {
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++) {
        if (!(state->parts[i].flags & MIME_PART_ENCODED)) continue;
        store_enter(state, &state->parts[i]);
        if (encoded_is_allowed(state, i)) encoded_open(state, i);
        else state->parts[i].flags = (uint8_t)(state->parts[i].flags | MIME_PART_OPAQUE);
    }
    state->source = MIME_IN_INPUT;
}
