/* The part tree; see tree.h.
 *
 * One pass, line by line, with a stack of the open containers. Each turn: read a part's headers, open it if it is a
 * container, then seek the next delimiter line of any open multipart, close what lies inside of it, add the next part.
 */
#include "tree.h"

#include "boundary.h"
#include "census.h"
#include "content.h"
#include "header.h"
#include "octets.h"

#define WINDOW 16384

/* A delimiter line that was found. */
typedef struct tree_delimiter {
    uint32_t content_end; /* before the line end that belongs to it */
    uint32_t next;        /* past the line */
    int level;
    int is_close;
} tree_delimiter;

/* Appends a part below `parent`; its index, or MIME_NONE without memory. */
static uint32_t tree_add(mime_state *state, uint32_t parent, uint32_t start) {
    uint32_t index = state->result.part_count;
    if (!store_grow(state, (void **)&state->parts, &state->part_capacity, index + 1, sizeof(mime_part)) ||
        !store_grow(state, (void **)&state->last_child, &state->child_capacity, index + 1, sizeof(uint32_t)))
        return MIME_NONE;
    mime_part *part = &state->parts[index];
    memset(part, 0, sizeof *part);
    part->source = state->source;
    part->parent = parent;
    part->first_child = part->next_sibling = MIME_NONE;
    part->start = part->body = part->end = part->preamble_end = part->epilogue = start;
    part->type = part->subtype = part->charset = part->encoding_label = span_absent();
    part->disposition_label = part->filename = part->text = part->envelope = span_absent();
    state->last_child[index] = MIME_NONE;
    state->result.part_count = index + 1;
    if (parent == MIME_NONE) return index;
    part->depth = state->parts[parent].depth + 1;
    if (state->last_child[parent] == MIME_NONE) state->parts[parent].first_child = index;
    else state->parts[state->last_child[parent]].next_sibling = index;
    state->last_child[parent] = index;
    return index;
}

/* An octet above 127 in the top header block: its place is looked for only here, where the census has met one. */
static void tree_note_8bit(mime_state *state, const mime_part *root) {
    const uint8_t *header = store_base(state) + root->start;
    uint32_t run = (uint32_t)state->vector->ascii_run(header, root->body - root->start);
    store_flag(state, MIME_DEFECT_HEADER_8BIT, root->start + run);
}

/* Reads headers and content of `index` and opens it if it is a container. Returns the offset of its body. */
static uint32_t tree_open(mime_state *state, uint32_t index, uint32_t end) {
    uint32_t body = header_read_block(state, index, state->parts[index].start, end);
    if (store_failed(state)) return end;
    mime_span boundary = content_read(state, index);
    mime_part *part = &state->parts[index];
    part->body = part->preamble_end = part->epilogue = body;
    census_take(state, body);
    if (!index && state->census_is_8bit) tree_note_8bit(state, part);
    part->lines = state->census_lines; /* what was before the body; tree_close() makes the difference */
    part->bare_lfs = state->census_bare_lfs;
    state->census_is_8bit = 0;
    if (part->kind == MIME_LEAF) return body;
    if (part->depth >= state->limits.depth || (part->kind == MIME_MESSAGE && state->result.part_count >= state->limits.parts)) {
        store_flag(state, part->depth >= state->limits.depth ? MIME_DEFECT_TOO_DEEP : MIME_DEFECT_TOO_MANY_PARTS,
                   part->start);
        part->kind = MIME_LEAF;
        part->flags = (uint8_t)(part->flags | MIME_PART_OPAQUE);
        return body;
    }
    boundary_push(state, index, boundary);
    return body;
}

/* Whether the line at `line`, which begins with two dashes, is a delimiter of an open multipart. */
static int tree_match(mime_state *state, uint32_t from, const uint8_t *line, const uint8_t *limit,
                      tree_delimiter *found) {
    const uint8_t *base = store_base(state), *next = octets_next_line(line, limit);
    int level = boundary_match(state, line, next, &found->is_close);
    if (level < 0) return 0;
    const uint8_t *content_end = octets_chomp(base + from, line);
    *found = (tree_delimiter){(uint32_t)(content_end - base), (uint32_t)(next - base), level, found->is_close};
    return 1;
}

static int tree_seek(mime_state *state, uint32_t from, uint32_t end, tree_delimiter *found) {
    const uint8_t *base = store_base(state), *limit = base + end, *line = base + from;
    if (!state->longest_boundary) return 0;
    if (limit - line > 2 && line[0] == '-' && line[1] == '-' && tree_match(state, from, line, limit, found)) return 1;
    while (line < limit) {
        /* The census of a window is taken while it is in the processor's cache. */
        size_t left = (size_t)(limit - line), window = left > WINDOW + 2 ? WINDOW + 2 : left;
        size_t run = state->vector->find_dashes(line, window);
        if (run == window) {
            line += window == left ? left : WINDOW;
            census_take(state, (uint32_t)(line - base));
            continue;
        }
        line += run + 1;
        if (tree_match(state, from, line, limit, found)) return 1;
    }
    return 0;
}

/* A multipart in which no delimiter came is one text leaf (RFC 2045 s5.2's default): nothing is hidden in it. */
static void tree_demote(mime_state *state, mime_part *part) {
    store_flag(state, MIME_DEFECT_NO_DELIMITER, part->body);
    content_demote(part);
}

static void tree_close(mime_state *state, uint32_t index, uint32_t end, int is_outer) {
    mime_part *part = &state->parts[index];
    part->end = end;
    census_take(state, end);
    part->lines = state->census_lines - part->lines;
    part->bare_lfs = state->census_bare_lfs - part->bare_lfs;
    /* What was counted since the last header block is this part's body, if it has no children. */
    if (state->census_is_8bit && part->first_child == MIME_NONE) part->flags |= MIME_PART_8BIT;
    if (part->kind != MIME_MULTIPART || part->flags & (MIME_PART_CLOSED | MIME_PART_OPAQUE)) return;
    part->epilogue = end;
    if (part->first_child == MIME_NONE) {
        part->preamble_end = end;
        tree_demote(state, part);
    } else {
        store_flag(state, is_outer ? MIME_DEFECT_CLOSED_BY_OUTER : MIME_DEFECT_NO_CLOSE_DELIMITER, end);
    }
}

/* Closes the leaf `leaf` (or MIME_NONE) and every container above `level`. */
static void tree_close_above(mime_state *state, uint32_t leaf, int level, uint32_t end, int is_outer) {
    if (leaf != MIME_NONE) tree_close(state, leaf, end, is_outer);
    while ((int)state->open_count > level + 1) {
        tree_close(state, state->open[state->open_count - 1].part, end, is_outer);
        boundary_pop(state);
    }
}

/* After a delimiter of the innermost open multipart: its next part, or MIME_NONE when there is none. */
static uint32_t tree_follow(mime_state *state, const tree_delimiter *found, int *is_full) {
    mime_open *open = &state->open[found->level];
    mime_part *part = &state->parts[open->part];
    if (part->first_child == MIME_NONE) part->preamble_end = found->content_end;
    if (found->is_close) {
        open->is_closed = 1;
        part->flags |= MIME_PART_CLOSED;
        part->epilogue = found->next;
        return MIME_NONE;
    }
    if (state->result.part_count < state->limits.parts) return tree_add(state, open->part, found->next);
    store_flag(state, MIME_DEFECT_TOO_MANY_PARTS, found->next);
    part->flags |= MIME_PART_OPAQUE;
    part->epilogue = found->content_end; /* the rest is one opaque range */
    *is_full = 1;
    return MIME_NONE;
}

void tree_parse(mime_state *state, uint32_t parent, uint32_t start, uint32_t end) {
    state->longest_boundary = 0;
    census_begin(state, start);
    uint32_t current = tree_add(state, parent, start);
    uint32_t at = start;
    int is_full = 0;
    while (!store_failed(state)) {
        tree_delimiter found;
        if (current != MIME_NONE) {
            at = tree_open(state, current, end);
            if (store_failed(state)) return;
            if (state->parts[current].kind == MIME_MESSAGE) {
                current = tree_add(state, current, at);
                continue;
            }
            if (state->parts[current].kind == MIME_MULTIPART) current = MIME_NONE;
        }
        if (is_full || !tree_seek(state, at, end, &found)) break;
        tree_close_above(state, current, found.level, found.content_end, 1);
        current = tree_follow(state, &found, &is_full);
        at = found.next;
    }
    if (!store_failed(state)) tree_close_above(state, current, -1, end, 0);
}
