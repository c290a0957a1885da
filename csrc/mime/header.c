/* Header blocks; see header.h. */
#include "header.h"

#include "boundary.h"
#include "field.h"
#include "octets.h"

#define LONGEST_NAME 998 /* no line is longer, RFC 5322 s2.1.1 */

/* The name at the line's begin up to its colon: RFC 5322 s2.2 allows 33-126 without ':'. NULL if it is no header. */
static const uint8_t *header_colon(const uint8_t *line, const uint8_t *line_end, const uint8_t **name_end) {
    const uint8_t *at = line;
    while (at < line_end && *at > 32 && *at < 127 && *at != ':') at++;
    *name_end = at;
    while (at < line_end && octet_is_wsp(*at)) at++; /* obs-optional, RFC 5322 s4.5.8 */
    if (at == line_end || *at != ':' || *name_end == line || *name_end - line > LONGEST_NAME) return NULL;
    return at;
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
static int header_begin(mime_state *state, uint32_t part, const uint8_t *line, const uint8_t *next, uint32_t *seen) {
    const uint8_t *base = store_base(state), *name_end;
    const uint8_t *colon = header_colon(line, octets_chomp(line, next), &name_end);
    if (!colon) {
        store_flag(state, MIME_DEFECT_HEADER_NO_COLON, (uint32_t)(line - base));
        return 0;
    }
    if (colon != name_end) store_flag(state, MIME_DEFECT_HEADER_SPACE, (uint32_t)(name_end - base));
    mime_header header = {.start = (uint32_t)(line - base),
                          .value = (uint32_t)(colon + 1 - base),
                          .end = (uint32_t)(next - base),
                          .name_length = (uint16_t)(name_end - line)};
    header.field = (uint16_t)field_find(line, header.name_length);
    header_note_repeat(state, seen, header.field, header.start);
    uint32_t count = state->result.header_count;
    header_add(state, part, header);
    return state->result.header_count > count;
}

static int header_is_delimiter(mime_state *state, const uint8_t *line, const uint8_t *next) {
    int is_close;
    return next - line > 2 && line[0] == '-' && line[1] == '-' && boundary_match(state, line, next, &is_close) >= 0;
}

uint32_t header_read_block(mime_state *state, uint32_t part, uint32_t start, uint32_t end) {
    const uint8_t *base = store_base(state), *limit = base + end, *line = base + start;
    int is_open = 0; /* a header that a continuation line belongs to */
    uint32_t seen = 0;
    state->parts[part].first_header = state->result.header_count;
    while (line < limit && !store_failed(state)) {
        const uint8_t *next = octets_next_line(line, limit);
        if (*line == '\n' || (*line == '\r' && line + 1 < limit && line[1] == '\n')) {
            state->parts[part].fields = seen;
            return (uint32_t)(next - base);
        }
        if (octet_is_wsp(*line)) {
            /* Also a line of white space only, obs-FWS (RFC 5322 s4.2). */
            if (is_open) state->headers[state->result.header_count - 1].end = (uint32_t)(next - base);
            else store_flag(state, MIME_DEFECT_HEADER_NO_COLON, (uint32_t)(line - base));
        } else if (header_is_delimiter(state, line, next)) {
            store_flag(state, MIME_DEFECT_HEADER_NO_BLANK_LINE, (uint32_t)(line - base));
            state->parts[part].fields = seen;
            return (uint32_t)(line - base);
        } else {
            is_open = header_begin(state, part, line, next, &seen);
        }
        line = next;
    }
    state->parts[part].fields = seen;
    return end;
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
