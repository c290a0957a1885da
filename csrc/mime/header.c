/* Header blocks; see header.h. */
#include "header.h"

#include "boundary.h"
#include "field.h"
#include "octets.h"

#define LONGEST_NAME 998 /* no line is longer, RFC 5322 s2.1.1 */

#define LINES 64 /* taken at once */

/* The colon of a line, white space before it let pass (obs-optional, RFC 5322 s4.5.8). NULL if the line is no header. */
static const uint8_t *header_colon(const uint8_t *line, const uint8_t *name_end, const uint8_t *next) {
    const uint8_t *at = name_end;
    if (at == line || at - line > LONGEST_NAME) return NULL;
    while (at < next && octet_is_wsp(*at)) at++;
    return at < next && *at == ':' ? at : NULL;
}

/* What is known from one line of the block to the next. */
typedef struct header_block {
    const uint8_t *base;
    uint32_t end;
    mime_header *open;   /* the header that a continuation line belongs to, or NULL */
    mime_header *next;   /* where the next one goes */
    uint32_t count, most;
    uint32_t seen, repeated; /* bit sets of enum mime_field */
    uint32_t is_root;
} header_block;

/* Which fields may stand once only: RFC 5322 s3.6, RFC 2045. The first wins everywhere. */
static void header_note_repeat(mime_state *state, uint32_t field, uint32_t offset) {
    if (field == MIME_FIELD_RECEIVED) return;
    mime_defect defect = field == MIME_FIELD_CONTENT_TYPE ? MIME_DEFECT_SECOND_CONTENT_TYPE
                         : field == MIME_FIELD_CONTENT_TRANSFER_ENCODING ? MIME_DEFECT_SECOND_ENCODING
                                                                         : MIME_DEFECT_REPEATED_FIELD;
    store_flag(state, defect, offset);
}

static void header_note_field(mime_state *state, header_block *block, uint32_t field, uint32_t offset) {
    if (block->seen >> field & 1) {
        block->repeated |= UINT32_C(1) << field;
        header_note_repeat(state, field, offset);
    } else {
        block->seen |= UINT32_C(1) << field;
        if (block->is_root) state->root_fields[field] = block->count;
    }
}

/* One line that begins a header, or is none. */
static void header_begin(mime_state *state, header_block *block, const vector_line *line) {
    const uint8_t *base = block->base, *start = base + line->start;
    const uint8_t *colon = header_colon(start, base + line->stop, base + line->next);
    block->open = NULL;
    if (!colon) {
        store_flag(state, MIME_DEFECT_HEADER_NO_COLON, line->start);
        return;
    }
    if (colon != base + line->stop) store_flag(state, MIME_DEFECT_HEADER_SPACE, line->stop);
    if (block->count >= block->most) {
        store_flag(state, MIME_DEFECT_TOO_MANY_HEADERS, line->start);
        return;
    }
    uint32_t length = line->stop - line->start, field = field_find(start, length, block->end - line->start);
    if (field != MIME_FIELD_OTHER) header_note_field(state, block, field, line->start);
    *block->next = (mime_header){line->start, (uint32_t)(colon + 1 - base), line->next, (uint16_t)length, (uint16_t)field};
    block->open = block->next++;
    block->count++;
}

static int header_is_delimiter(mime_state *state, const uint8_t *line, const uint8_t *next) {
    int is_close;
    return next - line > 2 && line[0] == '-' && line[1] == '-' && boundary_match(state, line, next, &is_close) >= 0;
}

static int header_is_empty_line(const uint8_t *base, const vector_line *line) {
    uint32_t length = line->next - line->start;
    return base[line->start] == '\n' ||
           (length == 2 && base[line->start] == '\r' && base[line->start + 1] == '\n');
}

/* Returns whether the block goes on behind the line; if not, *end is where it ends. */
static int header_take_line(mime_state *state, header_block *block, const vector_line *line, uint32_t *end) {
    const uint8_t *start = block->base + line->start;
    if (line->next - line->start < 3 && header_is_empty_line(block->base, line)) {
        *end = line->next;
        return 0;
    }
    if (octet_is_wsp(*start)) {
        /* Also a line of white space only, obs-FWS (RFC 5322 s4.2). */
        if (block->open) block->open->end = line->next;
        else store_flag(state, MIME_DEFECT_HEADER_NO_COLON, line->start);
    } else if (*start == '-' && header_is_delimiter(state, start, block->base + line->next)) {
        store_flag(state, MIME_DEFECT_HEADER_NO_BLANK_LINE, line->start);
        *end = line->start;
        return 0;
    } else {
        header_begin(state, block, line);
    }
    return 1;
}

/* Makes room for LINES more headers. */
static int header_reserve(mime_state *state, header_block *block) {
    ptrdiff_t open = block->open ? block->open - state->headers : -1;
    if (!store_grow(state, (void **)&state->headers, &state->header_capacity, block->count + LINES, sizeof(mime_header)))
        return 0;
    block->next = state->headers + block->count;
    block->open = open < 0 ? NULL : state->headers + open;
    return 1;
}

uint32_t header_read_block(mime_state *state, uint32_t part, uint32_t start, uint32_t end) {
    vector_line lines[LINES];
    uint32_t first = state->result.header_count, at = start, body = end;
    header_block block = {.base = store_base(state), .end = end, .count = first, .most = state->limits.headers, .is_root = !part};
    int goes_on = 1;
    while (at < end && goes_on && header_reserve(state, &block)) {
        size_t count = state->vector->lines(block.base, at, end, lines, LINES);
        for (size_t i = 0; i < count && goes_on; i++) goes_on = header_take_line(state, &block, &lines[i], &body);
        at = lines[count - 1].next;
    }
    state->result.header_count = block.count;
    state->parts[part].first_header = first;
    state->parts[part].header_count = block.count - first;
    state->parts[part].fields = block.seen;
    state->parts[part].repeated_fields = block.repeated;
    return body;
}

const uint8_t *header_value(const mime_state *state, const mime_header *header, const uint8_t **end) {
    const uint8_t *base = store_base(state), *value = base + header->value;
    *end = octets_chomp(value, base + header->end);
    return value;
}

static const mime_header *header_seek(const mime_state *state, const mime_part *part, uint32_t from, uint32_t field) {
    for (uint32_t i = from; i < part->first_header + part->header_count; i++)
        if (state->headers[i].field == field) return &state->headers[i];
    return NULL;
}

const mime_header *header_first(const mime_state *state, const mime_part *part, mime_field field) {
    if (!(part->fields >> field & 1)) return NULL;
    if (part == state->parts) return &state->headers[state->root_fields[field]];
    return header_seek(state, part, part->first_header, field);
}

const mime_header *header_again(const mime_state *state, const mime_part *part, const mime_header *header) {
    if (!(part->repeated_fields >> header->field & 1)) return NULL;
    return header_seek(state, part, (uint32_t)(header - state->headers) + 1, header->field);
}
