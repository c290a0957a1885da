/* The first words of a message; see preview.h. */
#include "preview.h"

#include "html.h"
#include "octets.h"

static const uint8_t *preview_bytes(const mime_state *state, const mime_part *part) {
    const uint8_t *base = part->text_source == MIME_IN_TEXT      ? state->text.bytes
                          : part->text_source == MIME_IN_DECODED ? state->decoded.bytes
                                                                 : state->result.input;
    return base + part->text.offset;
}

static uint32_t preview_choose(const mime_state *state) {
    uint32_t html = MIME_NONE;
    for (uint32_t i = 0; i < state->result.part_count; i++) {
        const mime_part *part = &state->parts[i];
        if (!(part->flags & MIME_PART_TEXT) || part->flags & MIME_PART_ATTACHED || !part->text.length) continue;
        if (span_is_absent(part->text)) continue;
        if (!(part->flags & MIME_PART_HTML)) return i;
        if (html == MIME_NONE) html = i;
    }
    return html;
}

/* Copies characters with runs of white space as one space; NUL and other controls count as white space. */
static void preview_copy(mime_state *state, const uint8_t *bytes, size_t length) {
    uint32_t from = state->text.length, characters = 0;
    int is_space_due = 0;
    for (size_t i = 0; i < length && !store_failed(state); i++) {
        if (bytes[i] <= ' ' || bytes[i] == 0x7f) {
            is_space_due = state->text.length > from;
            continue;
        }
        if ((bytes[i] & 0xc0) != 0x80) { /* begins a character */
            if (characters + (uint32_t)is_space_due >= state->limits.preview) break;
            characters += 1 + (uint32_t)is_space_due;
            if (is_space_due) text_byte(state, ' ');
            is_space_due = 0;
        }
        text_byte(state, bytes[i]);
    }
    state->result.summary.preview = text_since(state, from);
}

void preview_read(mime_state *state) {
    mime_summary *summary = &state->result.summary;
    uint32_t chosen = summary->preview_part = preview_choose(state);
    if (chosen == MIME_NONE) return;
    const mime_part *part = &state->parts[chosen];
    summary->preview_foreign = (part->flags & MIME_PART_FOREIGN) != 0;
    if (summary->preview_foreign) return;
    size_t length = part->text.length;
    state->scratch.length = 0;
    if (part->flags & MIME_PART_HTML) {
        /* Four octets a character at most, and the last one may be cut in html_strip(). */
        size_t most = ((size_t)state->limits.preview + 1) * 4;
        if (!store_reserve(state, &state->scratch, most)) return;
        length = html_strip(preview_bytes(state, part), length, state->scratch.bytes, most);
    } else {
        /* Long runs of white space are looked at no further than this. */
        if (length > 65536) length = 65536;
        store_append(state, &state->scratch, preview_bytes(state, part), length);
    }
    if (!store_failed(state)) preview_copy(state, state->scratch.bytes, length);
}
