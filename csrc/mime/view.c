/* Writes the view; see view.h. */
#include "view.h"

#include "address.h"
#include "header.h"
#include "octets.h"
#include "words.h"

enum { NUMBERS = 9, LEAF_NUMBERS = 4 };

static const uint8_t *view_base(const mime_state *state, uint32_t source) {
    return source == MIME_IN_TEXT ? state->text.bytes : source == MIME_IN_INPUT ? state->result.input : state->decoded.bytes;
}

static void view_end(mime_state *state) { store_byte(state, &state->view, 0); }

static void view_string(mime_state *state, mime_span span) {
    if (!span_is_absent(span)) store_append(state, &state->view, state->text.bytes + span.offset, span.length);
    view_end(state);
}

/* The text of a leaf, in which a NUL that was encoded comes to light. */
static void view_text(mime_state *state, const uint8_t *text, uint32_t length, uint32_t *flags) {
    if (length && memchr(text, 0, length)) *flags |= VIEW_NOT_WHOLE;
    store_append(state, &state->view, text, length);
    view_end(state);
}

static void view_lower(mime_state *state, mime_span span) {
    const uint8_t *bytes = state->text.bytes + span.offset;
    for (uint32_t i = 0; i < span.length; i++) store_byte(state, &state->view, octet_lower(bytes[i]));
}

static int view_is_dot_atom(const uint8_t *bytes, uint32_t length) {
    for (uint32_t i = 0; i < length; i++)
        if (octet_is_of(bytes[i], 255) && bytes[i] != '/' && bytes[i] != '=') return 0;
    return 1;
}

/* quoted-string where a dot-atom can't hold the local part, RFC 5322 s3.4.1: "a@b"@c and a@b@c are not the same. */
static void view_local_part(mime_state *state, mime_span span) {
    const uint8_t *bytes = state->text.bytes + span.offset;
    if (view_is_dot_atom(bytes, span.length)) {
        store_append(state, &state->view, bytes, span.length);
        return;
    }
    store_byte(state, &state->view, '"');
    for (uint32_t i = 0; i < span.length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') store_byte(state, &state->view, '\\');
        store_byte(state, &state->view, bytes[i]);
    }
    store_byte(state, &state->view, '"');
}

/* The display name is decoded as a phrase of words, RFC 2047 s5 (3). */
static void view_address(mime_state *state, mime_address address) {
    mime_span name = address.name;
    if (!span_is_absent(name)) {
        while (name.length && octet_is_space(state->text.bytes[name.offset])) name.offset++, name.length--;
        while (name.length && octet_is_space(state->text.bytes[name.offset + name.length - 1])) name.length--;
        name = words_decode_span(state, name);
    }
    view_string(state, name);
    int has_host = !(address.kind & MIME_ADDRESS_NO_HOST);
    if (!(address.kind & MIME_ADDRESS_NO_MAILBOX)) {
        if (has_host) view_local_part(state, address.mailbox);
        else store_append(state, &state->view, state->text.bytes + address.mailbox.offset, address.mailbox.length);
    }
    if (has_host) {
        store_byte(state, &state->view, '@');
        store_append(state, &state->view, state->text.bytes + address.host.offset, address.host.length);
    }
    view_end(state);
}

/* The addresses of all fields of one kind, groups left out; how many. */
static uint32_t view_addresses(mime_state *state, mime_field field) {
    address_range range = address_read(state, 0, field);
    uint32_t count = 0;
    for (uint32_t i = 0; i < range.count && !store_failed(state); i++) {
        if ((state->addresses[range.first + i].kind & 255) != 'a') continue;
        view_address(state, state->addresses[range.first + i]);
        count++;
    }
    return count;
}

static uint32_t view_leaf_bits(const mime_part *part, uint32_t *flags) {
    if (part->source != MIME_IN_INPUT) *flags |= VIEW_NOT_WHOLE;
    if (!(part->flags & MIME_PART_TEXT) || span_is_absent(part->text)) return part->encoding;
    if (part->flags & MIME_PART_FOREIGN) return part->encoding | VIEW_FOREIGN;
    int is_in_input = part->text_source == MIME_IN_INPUT && !(part->flags & MIME_PART_8BIT);
    return part->encoding | VIEW_TEXT | (is_in_input ? 0 : VIEW_STRING);
}

static void view_leaf(mime_state *state, uint32_t index, uint32_t number, uint32_t *flags) {
    const mime_part *part = &state->parts[index];
    uint32_t numbers[LEAF_NUMBERS] = {view_leaf_bits(part, flags), part->body, part->end - part->body, 0};
    memcpy(state->view.bytes + (NUMBERS + LEAF_NUMBERS * number) * sizeof *numbers, numbers, sizeof numbers);
    if (!span_is_absent(part->type)) {
        view_lower(state, part->type);
        store_byte(state, &state->view, '/');
        view_lower(state, part->subtype);
    }
    view_end(state);
    view_string(state, part->filename);
    if (numbers[0] & VIEW_FOREIGN) view_string(state, part->charset);
    if (numbers[0] & VIEW_STRING)
        view_text(state, view_base(state, part->text_source) + part->text.offset, part->text.length, flags);
}

static void view_fields(mime_state *state, uint32_t *numbers) {
    const mime_part root = state->parts[0];
    store_enter(state, &root);
    for (uint32_t i = 0; i < root.header_count && !store_failed(state); i++) {
        mime_header header = state->headers[root.first_header + i];
        const uint8_t *end, *value = header_value(state, &header, &end);
        store_append(state, &state->view, store_base(state) + header.start, header.name_length);
        store_byte(state, &state->view, 0);
        words_decode_into(state, value, end, &state->view);
        view_end(state);
    }
    numbers[8] = root.header_count;
}

static int view_is_leaf(const mime_part *part) { return part->kind == MIME_LEAF; }

void view_write(mime_state *state) {
    const mime_summary *summary = &state->result.summary;
    uint32_t numbers[NUMBERS] = {0}, leaves = 0, written = 0;
    for (uint32_t i = 0; i < state->result.part_count; i++) leaves += (uint32_t)view_is_leaf(&state->parts[i]);
    numbers[0] = (NUMBERS + LEAF_NUMBERS * leaves) * (uint32_t)sizeof *numbers;
    if (!store_reserve(state, &state->view, numbers[0] + state->text.length + 1024)) return;
    state->view.length = numbers[0];
    view_string(state, summary->subject);
    numbers[2] = leaves;
    numbers[3] = view_addresses(state, MIME_FIELD_FROM);
    numbers[4] = view_addresses(state, MIME_FIELD_TO);
    memcpy(&numbers[5], &summary->date_seconds, sizeof summary->date_seconds);
    numbers[7] = (uint32_t)summary->date_offset;
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++)
        if (view_is_leaf(&state->parts[i])) view_leaf(state, i, written++, &numbers[1]);
    if (state->wants & MIME_WANT_FIELDS) view_fields(state, numbers);
    if (store_failed(state)) return;
    state->view.length--; /* the last NUL */
    if (state->has_marks) numbers[1] |= VIEW_MARKED;
    if (state->has_nul || summary->defects >> MIME_DEFECT_NUL & 1) numbers[1] |= VIEW_NOT_WHOLE;
    memcpy(state->view.bytes, numbers, sizeof numbers);
}

void view_write_tables(mime_state *state) {
    uint32_t length = state->result.header_count * (uint32_t)sizeof(mime_header);
    store_append(state, &state->view, (const uint8_t *)&length, sizeof length);
    store_append(state, &state->view, (const uint8_t *)state->headers, length);
    store_append(state, &state->view, (const uint8_t *)state->parts, state->result.part_count * sizeof(mime_part));
}
