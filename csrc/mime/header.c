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

static void header_add(mime_state *state, uint32_t part, mime_header header) {
    if (state->result.header_count >= state->limits.headers) {
        store_flag(state, MIME_DEFECT_TOO_MANY_HEADERS, header.start);
        return;
    }
    uint32_t count = state->result.header_count;
    if (!store_grow(state, (void **)&state->headers, &state->header_capacity, count + 1, sizeof header)) return;
    state->headers[count] = header;
    state->result.header_count = count + 1;
    state->parts[part].header_count++;
}

/* Which fields may stand once only: RFC 5322 s3.6, RFC 2045. The first wins everywhere. */
static void header_note_repeat(mime_state *state, uint32_t *seen, uint16_t field, uint32_t offset) {
    if (field == MIME_FIELD_OTHER) return;
    if (*seen >> field & 1 && field != MIME_FIELD_RECEIVED) {
        mime_defect defect = field == MIME_FIELD_CONTENT_TYPE ? MIME_DEFECT_SECOND_CONTENT_TYPE
                             : field == MIME_FIELD_CONTENT_TRANSFER_ENCODING ? MIME_DEFECT_SECOND_ENCODING
                                                                             : MIME_DEFECT_REPEATED_FIELD;
        store_flag(state, defect, offset);
    }
    *seen |= UINT32_C(1) << field;
}

/* One line that begins a header, or is none. */
static int header_begin(mime_state *state, uint32_t part, const vector_line *line, uint32_t *seen) {
    const uint8_t *base = store_base(state), *start = base + line->start;
    const uint8_t *colon = header_colon(start, base + line->stop, base + line->next);
    if (!colon) {
        store_flag(state, MIME_DEFECT_HEADER_NO_COLON, line->start);
        return 0;
    }
    if (colon != base + line->stop) store_flag(state, MIME_DEFECT_HEADER_SPACE, line->stop);
    mime_header header = {.start = line->start,
                          .value = (uint32_t)(colon + 1 - base),
                          .end = line->next,
                          .name_length = (uint16_t)(line->stop - line->start)};
    header.field = (uint16_t)field_find(start, header.name_length);
    header_note_repeat(state, seen, header.field, header.start);
    uint32_t count = state->result.header_count;
    header_add(state, part, header);
    return state->result.header_count > count;
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

/* What is known from one line of the block to the next. */
typedef struct header_block {
    uint32_t part;
    uint32_t seen; /* bit set of enum mime_field */
    int is_open;   /* a header that a continuation line belongs to */
} header_block;

/* Returns whether the block goes on behind the line; if not, *end is where it ends. */
static int header_take_line(mime_state *state, header_block *block, const vector_line *line, uint32_t *end) {
    const uint8_t *base = store_base(state), *start = base + line->start;
    if (header_is_empty_line(base, line)) {
        *end = line->next;
        return 0;
    }
    if (octet_is_wsp(*start)) {
        /* Also a line of white space only, obs-FWS (RFC 5322 s4.2). */
        if (block->is_open) state->headers[state->result.header_count - 1].end = line->next;
        else store_flag(state, MIME_DEFECT_HEADER_NO_COLON, line->start);
    } else if (header_is_delimiter(state, start, base + line->next)) {
        store_flag(state, MIME_DEFECT_HEADER_NO_BLANK_LINE, line->start);
        *end = line->start;
        return 0;
    } else {
        block->is_open = header_begin(state, block->part, line, &block->seen);
    }
    return !store_failed(state);
}

uint32_t header_read_block(mime_state *state, uint32_t part, uint32_t start, uint32_t end) {
    vector_line lines[LINES];
    header_block block = {part, 0, 0};
    uint32_t at = start, body = end;
    int goes_on = 1;
    state->parts[part].first_header = state->result.header_count;
    while (at < end && goes_on) {
        size_t count = state->vector->lines(store_base(state), at, end, lines, LINES);
        for (size_t i = 0; i < count && goes_on; i++) goes_on = header_take_line(state, &block, &lines[i], &body);
        at = lines[count - 1].next;
    }
    state->parts[part].fields = block.seen;
    return body;
}

const uint8_t *header_value(const mime_state *state, const mime_header *header, const uint8_t **end) {
    const uint8_t *base = store_base(state), *value = base + header->value;
    *end = octets_chomp(value, base + header->end);
    return value;
}

const mime_header *header_first(const mime_state *state, const mime_part *part, mime_field field) {
    if (!(part->fields >> field & 1)) return NULL;
    for (uint32_t i = 0; i < part->header_count; i++)
        if (state->headers[part->first_header + i].field == field) return &state->headers[part->first_header + i];
    return NULL;
}
