/* Decoded text of text leaves; see text.h. */
#include "text.h"

#include "charset.h"
#include "decode.h"
#include "octets.h"
#include "parameter.h"

/* The charset label of a leaf in lower case: RFC 2045 s5.1 and RFC 2231. */
static void text_read_charset(mime_state *state, mime_part *part) {
    const mime_parameter *found = parameter_find(state, part->first_parameter, part->parameter_count, "charset");
    uint32_t from = state->text.length;
    mime_span value = found ? found->decoded : span_absent();
    for (uint32_t i = 0; found && i < value.length; i++) {
        uint8_t c = state->text.bytes[value.offset + i];
        if (octet_is_space(c)) continue;
        text_byte(state, octet_lower(c));
    }
    part->charset = text_since(state, from);
}

static void text_note(mime_state *state, const mime_part *part, const decode_notes *notes) {
    const struct {
        size_t at;
        mime_defect defect;
    } table[] = {
        {notes->junk, MIME_DEFECT_BASE64_JUNK},
        {notes->truncated, MIME_DEFECT_BASE64_TRUNCATED},
        {notes->after_padding, MIME_DEFECT_BASE64_AFTER_PADDING},
        {notes->bad_escape, MIME_DEFECT_BAD_QUOTED_PRINTABLE},
        {notes->bad_uuencode, MIME_DEFECT_BAD_UUENCODE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].at) store_flag(state, table[i].defect, part->body + (uint32_t)(table[i].at - 1));
}

/* Removes the transfer encoding at the end of the text store. */
static void text_decode(mime_state *state, mime_part *part) {
    const uint8_t *body = store_base(state) + part->body;
    size_t length = part->end - part->body;
    decode_notes notes = {0};
    if (!store_reserve(state, &state->text, length)) return;
    uint32_t from = state->text.length;
    uint8_t *out = state->text.bytes + from;
    size_t written = decode_transfer(state->vector, part->encoding, body, length, out, &notes);
    state->text.length += (uint32_t)written;
    text_note(state, part, &notes);
    part->text = text_since(state, from);
    part->text_source = MIME_IN_TEXT;
}

/* Converts the leaf's octets; those at the end of the text store make room for their UTF-8 form. */
static void text_convert(mime_state *state, mime_part *part, charset_id id) {
    const uint8_t *bytes = store_base(state) + part->text.offset;
    uint32_t length = part->text.length;
    if (part->text_source == MIME_IN_TEXT) {
        state->scratch.length = 0;
        store_append(state, &state->scratch, state->text.bytes + part->text.offset, length);
        state->text.length = part->text.offset;
        bytes = state->scratch.bytes;
    }
    if (store_failed(state)) return;
    uint32_t from = state->text.length;
    charset_append(state, id, bytes, length, part->body);
    part->text = text_since(state, from);
    part->text_source = MIME_IN_TEXT;
}

static void text_read_leaf(mime_state *state, mime_part *part) {
    text_read_charset(state, part);
    part->text = (mime_span){part->body, part->end - part->body};
    part->text_source = part->source;
    if (decode_changes(part->encoding)) text_decode(state, part);
    if (store_failed(state)) return;
    charset_id id = CHARSET_RAW;
    if (part->charset.length) id = charset_find(state->text.bytes + part->charset.offset, part->charset.length);
    if (id == CHARSET_UNKNOWN) store_flag(state, MIME_DEFECT_UNKNOWN_CHARSET, part->start);
    if (id == CHARSET_FOREIGN) {
        part->flags |= MIME_PART_FOREIGN;
        return;
    }
    int is_utf16 = id >= CHARSET_UTF16 && id <= CHARSET_UTF16_LE;
    if (!part->text.length) return;
    if (part->text_source != MIME_IN_TEXT && !(part->flags & MIME_PART_8BIT) && !is_utf16) return; /* ASCII, all of it */
    int is_ascii;
    const uint8_t *base = part->text_source == MIME_IN_TEXT ? state->text.bytes : store_base(state);
    int is_utf8 = charset_is_utf8(state->vector, base + part->text.offset, part->text.length, &is_ascii);
    if (is_utf16 || !(is_ascii || (is_utf8 && id < CHARSET_TABLES))) text_convert(state, part, id);
}

void text_read(mime_state *state, uint32_t from) {
    for (uint32_t i = from; i < state->result.part_count && !store_failed(state); i++) {
        mime_part *part = &state->parts[i];
        store_enter(state, part);
        if (part->kind == MIME_LEAF && part->flags & MIME_PART_TEXT && !(part->flags & MIME_PART_OPAQUE))
            text_read_leaf(state, part);
    }
}
