/* Writes the view; see view.h. */
#include "view.h"

#include "address.h"
#include "header.h"
#include "octets.h"
#include "words.h"

enum { NUMBERS = 10, LEAF_NUMBERS = 3 };

static void view_end(mime_state *state) { store_byte(state, &state->view, 0); }

static void view_string(mime_state *state, mime_span span) {
    if (!span_is_absent(span)) store_append(state, &state->view, state->text.bytes + span.offset, span.length);
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

static int view_is_leaf(const mime_part *part) { return part->kind == MIME_LEAF; }

static uint32_t view_leaf_bits(const mime_part *part) {
    if (!(part->flags & MIME_PART_TEXT) || span_is_absent(part->text)) return part->encoding;
    if (part->flags & MIME_PART_FOREIGN) return part->encoding | VIEW_FOREIGN;
    return part->encoding | VIEW_TEXT | (part->text_source == MIME_IN_INPUT ? 0 : VIEW_DECODED);
}

static void view_leaf(mime_state *state, uint32_t index, uint32_t number) {
    const mime_part *part = &state->parts[index];
    uint32_t numbers[LEAF_NUMBERS] = {view_leaf_bits(part), part->body, part->end};
    if (numbers[0] & VIEW_TEXT) {
        numbers[1] = part->text.offset;
        numbers[2] = part->text.offset + part->text.length;
    }
    memcpy(state->view.bytes + (NUMBERS + LEAF_NUMBERS * number) * sizeof *numbers, numbers, sizeof numbers);
    if (span_is_absent(part->type)) {
        store_append(state, &state->view, (const uint8_t *)"text/plain", 10); /* RFC 2045 s5.2 */
    } else {
        view_lower(state, part->type);
        store_byte(state, &state->view, '/');
        view_lower(state, part->subtype);
    }
    view_end(state);
    view_string(state, part->filename);
}

/* What nearly all mail is. */
static int view_is_usual(const mime_state *state, const uint32_t *numbers) {
    const uint32_t *leaf = (const uint32_t *)(const void *)state->view.bytes + NUMBERS;
    return numbers[2] == 1 && numbers[3] == 1 && numbers[4] == 1 && leaf[0] & VIEW_TEXT &&
           state->result.summary.date_seconds != INT64_MIN;
}

/* The strings of all leaves. Their texts stay where they are until view_copy(). */
static void view_leaves(mime_state *state, uint32_t *flags) {
    uint32_t written = 0;
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++) {
        const mime_part *part = &state->parts[i];
        if (!view_is_leaf(part)) continue;
        if (part->source != MIME_IN_INPUT) *flags |= VIEW_NOT_WHOLE;
        view_leaf(state, i, written++);
    }
}

/* Pairs as all others are, with nothing in their second half. */
static void view_charsets(mime_state *state) {
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++) {
        if (!view_is_leaf(&state->parts[i]) || !(view_leaf_bits(&state->parts[i]) & VIEW_FOREIGN)) continue;
        view_string(state, state->parts[i].charset);
        view_end(state);
    }
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

void view_write(mime_state *state) {
    const mime_summary *summary = &state->result.summary;
    uint32_t numbers[NUMBERS] = {0}, leaves = 0;
    for (uint32_t i = 0; i < state->result.part_count; i++) leaves += (uint32_t)view_is_leaf(&state->parts[i]);
    numbers[0] = (NUMBERS + LEAF_NUMBERS * leaves) * (uint32_t)sizeof *numbers;
    if (!store_reserve(state, &state->view, numbers[0] + 1024)) return;
    state->view.length = numbers[0];
    view_string(state, summary->subject);
    numbers[2] = leaves;
    numbers[3] = view_addresses(state, MIME_FIELD_FROM);
    numbers[4] = view_addresses(state, MIME_FIELD_TO);
    memcpy(&numbers[5], &summary->date_seconds, sizeof summary->date_seconds);
    numbers[7] = (uint32_t)summary->date_offset;
    view_leaves(state, &numbers[1]);
    if (state->wants & MIME_WANT_FIELDS) view_fields(state, numbers);
    view_charsets(state);
    if (store_failed(state)) return;
    numbers[9] = --state->view.length; /* the last NUL */
    if (state->has_marks) numbers[1] |= VIEW_MARKED;
    if (state->has_nul || summary->defects >> MIME_DEFECT_NUL & 1) numbers[1] |= VIEW_NOT_WHOLE;
    if (view_is_usual(state, numbers)) numbers[1] |= VIEW_USUAL;
    memcpy(state->view.bytes, numbers, sizeof numbers);
}

/* The texts of the leaves that VIEW_DECODED is set of, to `out` if it is there; their length. */
static uint32_t view_texts(const mime_state *state, uint8_t *out) {
    uint32_t length = 0;
    for (uint32_t i = 0; i < state->result.part_count; i++) {
        const mime_part *part = &state->parts[i];
        if (!view_is_leaf(part) || !(view_leaf_bits(part) & VIEW_DECODED)) continue;
        const mime_bytes_store *store = part->text_source == MIME_IN_TEXT ? &state->text : &state->decoded;
        if (out && part->text.length) memcpy(out + length, store->bytes + part->text.offset, part->text.length);
        length += part->text.length;
    }
    return length;
}

uint64_t view_length(const mime_state *state) {
    return (uint64_t)state->view.length + (state->wants & MIME_WANT_VIEW ? view_texts(state, NULL) : 0);
}

void view_copy(const mime_state *state, uint8_t *out) {
    if (state->view.length) memcpy(out, state->view.bytes, state->view.length);
    if (state->wants & MIME_WANT_VIEW) view_texts(state, out + state->view.length);
}

void view_write_tables(mime_state *state) {
    uint32_t length = state->result.header_count * (uint32_t)sizeof(mime_header);
    store_append(state, &state->view, (const uint8_t *)&length, sizeof length);
    store_append(state, &state->view, (const uint8_t *)state->headers, length);
    store_append(state, &state->view, (const uint8_t *)state->parts, state->result.part_count * sizeof(mime_part));
}
