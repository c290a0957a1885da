/* Delimiter lines of open multiparts; see boundary.h.
 *
 * A line is hashed once and compared by hash with at most limits.depth open boundaries, so that a deep tree with many
 * lines of dashes stays linear; bytes are compared only on equal hashes.
 */
#include "boundary.h"

#include "octets.h"

#define HASH_SEED 2166136261u /* FNV-1a */
#define HASHES (sizeof ((mime_state *)0)->open_hashes / sizeof(uint16_t))
#define SLOT(hash) (((hash) * 2654435769u >> 16) % HASHES)

static uint32_t boundary_hash(uint32_t hash, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

void boundary_push(mime_state *state, uint32_t part, mime_span boundary) {
    if (!store_grow(state, (void **)&state->open, &state->open_capacity, state->open_count + 1, sizeof(mime_open)))
        return;
    uint32_t hash = 0;
    if (!span_is_absent(boundary)) {
        hash = boundary_hash(HASH_SEED, state->text.bytes + boundary.offset, boundary.length);
        if (boundary.length > state->longest_boundary) state->longest_boundary = boundary.length;
    }
    state->open[state->open_count++] = (mime_open){part, boundary, hash, 0};
    state->open_hashes[SLOT(hash)]++;
}

void boundary_pop(mime_state *state) {
    state->open_hashes[SLOT(state->open[--state->open_count].hash)]--;
}

static int boundary_is(const mime_state *state, const mime_open *open, const uint8_t *bytes, size_t length) {
    return !span_is_absent(open->boundary) && open->boundary.length == length &&
           memcmp(state->text.bytes + open->boundary.offset, bytes, length) == 0;
}

/* A line that begins as the innermost delimiter but goes on is text; a filter that matches prefixes sees it otherwise. */
static void boundary_note_prefix(mime_state *state, const uint8_t *line, const uint8_t *rest, size_t length) {
    for (uint32_t level = state->open_count; level-- > 0;) {
        const mime_open *open = &state->open[level];
        if (span_is_absent(open->boundary) || open->is_closed) continue;
        if (open->boundary.length < length &&
            memcmp(state->text.bytes + open->boundary.offset, rest, open->boundary.length) == 0)
            store_flag(state, MIME_DEFECT_BOUNDARY_PREFIX, (uint32_t)(line - store_base(state)));
        return;
    }
}

int boundary_match(mime_state *state, const uint8_t *line, const uint8_t *line_end, int *is_close) {
    while (line_end > line && octet_is_space(line_end[-1])) line_end--;
    if (line_end - line < 3 || line[0] != '-' || line[1] != '-') return -1;
    const uint8_t *rest = line + 2;
    size_t length = (size_t)(line_end - rest);
    int can_close = length > 2 && rest[length - 1] == '-' && rest[length - 2] == '-';
    if (length <= (size_t)state->longest_boundary + 2) {
        uint32_t part_hash = boundary_hash(HASH_SEED, rest, length >= 2 ? length - 2 : 0);
        uint32_t whole_hash = length >= 2 ? boundary_hash(part_hash, rest + length - 2, 2)
                                          : boundary_hash(HASH_SEED, rest, length);
        int was_closed = 0;
        int may_match = state->open_hashes[SLOT(whole_hash)] || (can_close && state->open_hashes[SLOT(part_hash)]);
        for (uint32_t level = may_match ? state->open_count : 0; level-- > 0;) {
            const mime_open *open = &state->open[level];
            int is_whole = open->hash == whole_hash && boundary_is(state, open, rest, length);
            int is_part = can_close && open->hash == part_hash && boundary_is(state, open, rest, length - 2);
            if (!is_whole && !is_part) continue;
            *is_close = !is_whole;
            if (!open->is_closed) return (int)level;
            was_closed = 1;
        }
        if (was_closed) {
            store_flag(state, MIME_DEFECT_PART_AFTER_CLOSE, (uint32_t)(line - store_base(state)));
            return -1;
        }
    }
    boundary_note_prefix(state, line, rest, length);
    return -1;
}
