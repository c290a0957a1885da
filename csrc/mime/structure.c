/* The stored part table; see structure.h.
 *
 * Layout, version 1, all numbers little-endian:
 *     0  1  version (1)
 *     1  1  bytes of an entry (28): a later version may append to an entry, readers step by this
 *     2  2  zero
 *     4  4  number of entries
 *     then the entries, in the order of the part table (a parent before its children, children in order):
 *     0  4  start of the header block      4  4  start of the body     8  4  end of the body
 *    12  4  parent's index, 0xffffffff for the root
 *    16  4  LFs in the body               20  4  of these, without a CR in front
 *    24  1  kind   25  1  encoding   26  1  disposition   27  1  flags      (enums of mime.h)
 * Offsets are into the stored message. Parts that came inside a transfer encoding have no offsets in it and are left
 * out; they stand behind all others in the part table, so that the indices hold.
 */
#include "structure.h"

#define VERSION 1
#define ENTRY 28

static void structure_number(mime_state *state, uint32_t number) {
    text_byte(state, (uint8_t)number);
    text_byte(state, (uint8_t)(number >> 8));
    text_byte(state, (uint8_t)(number >> 16));
    text_byte(state, (uint8_t)(number >> 24));
}

static void structure_entry(mime_state *state, const mime_part *part) {
    const uint32_t numbers[] = {part->start, part->body, part->end, part->parent, part->lines, part->bare_lfs};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) structure_number(state, numbers[i]);
    text_byte(state, part->kind);
    text_byte(state, part->encoding);
    text_byte(state, part->disposition);
    text_byte(state, part->flags);
}

mime_span structure_write(mime_state *state) {
    uint32_t from = state->text.length, count = 0;
    while (count < state->result.part_count && state->parts[count].source == MIME_IN_INPUT) count++;
    text_byte(state, VERSION);
    text_byte(state, ENTRY);
    text_byte(state, 0);
    text_byte(state, 0);
    structure_number(state, count);
    for (uint32_t i = 0; i < count && !store_failed(state); i++) structure_entry(state, &state->parts[i]);
    return text_since(state, from);
}
