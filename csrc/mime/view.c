/* Writes the view; see view.h. */
#include "view.h"

#include "address.h"
#include "header.h"
#include "octets.h"
#include "pickle.h"
#include "words.h"

/* Strings that were begun end here, as those that are no UTF-8 are left to Python. */
static void view_end(mime_state *state, uint32_t begin, int *is_finished) {
    if (!pickle_end(state, begin)) *is_finished = 0;
}

static void view_string(mime_state *state, mime_span span, int *is_finished) {
    uint32_t begin = pickle_begin(state);
    if (!span_is_absent(span)) store_append(state, &state->view, state->text.bytes + span.offset, span.length);
    view_end(state, begin, is_finished);
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
static void view_name(mime_state *state, mime_span name, int *is_finished) {
    if (!span_is_absent(name)) {
        while (name.length && octet_is_space(state->text.bytes[name.offset])) name.offset++, name.length--;
        while (name.length && octet_is_space(state->text.bytes[name.offset + name.length - 1])) name.length--;
        name = words_decode_span(state, name);
    }
    view_string(state, name, is_finished);
}

static void view_address(mime_state *state, mime_address address, int *is_finished) {
    int has_host = !(address.kind & MIME_ADDRESS_NO_HOST);
    pickle_open(state, 2);
    view_name(state, address.name, is_finished);
    uint32_t begin = pickle_begin(state);
    if (!(address.kind & MIME_ADDRESS_NO_MAILBOX)) {
        if (has_host) view_local_part(state, address.mailbox);
        else store_append(state, &state->view, state->text.bytes + address.mailbox.offset, address.mailbox.length);
    }
    if (has_host) {
        store_byte(state, &state->view, '@');
        store_append(state, &state->view, state->text.bytes + address.host.offset, address.host.length);
    }
    view_end(state, begin, is_finished);
    pickle_close(state, 2);
}

static int view_is_mailbox(const mime_address *address) { return (address->kind & 255) == 'a'; }

/* The addresses of all fields of one kind, groups left out. */
static void view_addresses(mime_state *state, mime_field field, int *is_finished) {
    address_range range = address_read(state, 0, field);
    uint32_t count = 0;
    if (store_failed(state)) return;
    for (uint32_t i = 0; i < range.count; i++) count += (uint32_t)view_is_mailbox(&state->addresses[range.first + i]);
    pickle_open(state, count);
    for (uint32_t i = 0; i < range.count && !store_failed(state); i++)
        if (view_is_mailbox(&state->addresses[range.first + i]))
            view_address(state, state->addresses[range.first + i], is_finished);
    pickle_close(state, count);
}

static void view_date(mime_state *state) {
    const mime_summary *summary = &state->result.summary;
    if (summary->date_seconds == INT64_MIN) {
        pickle_none(state);
        return;
    }
    pickle_open(state, 2);
    pickle_integer(state, summary->date_seconds);
    pickle_integer(state, summary->date_offset);
    pickle_close(state, 2);
}

static int view_is_leaf(const mime_part *part) { return part->kind == MIME_LEAF; }

static void view_type(mime_state *state, const mime_part *part, int *is_finished) {
    uint32_t begin = pickle_begin(state);
    if (span_is_absent(part->type)) {
        store_append(state, &state->view, (const uint8_t *)"text/plain", 10); /* RFC 2045 s5.2 */
    } else {
        view_lower(state, part->type);
        store_byte(state, &state->view, '/');
        view_lower(state, part->subtype);
    }
    view_end(state, begin, is_finished);
}

static const uint8_t *view_text_base(const mime_state *state, const mime_part *part) {
    if (part->text_source == MIME_IN_INPUT) return state->result.input;
    return part->text_source == MIME_IN_TEXT ? state->text.bytes : state->decoded.bytes;
}

static int view_has_text(const mime_part *part) {
    return part->flags & MIME_PART_TEXT && !span_is_absent(part->text);
}

/* What Python must decode. */
static void view_encoded(mime_state *state, const mime_part *part, int *is_finished) {
    *is_finished = 0;
    pickle_open(state, 4);
    pickle_integer(state, part->encoding);
    pickle_integer(state, part->body);
    pickle_integer(state, part->end);
    if (view_has_text(part)) view_string(state, part->charset, is_finished);
    else pickle_none(state);
    pickle_close(state, 4);
}

static void view_leaf(mime_state *state, const mime_part *part, int *is_finished) {
    pickle_open(state, 3);
    view_type(state, part, is_finished);
    view_string(state, part->filename, is_finished);
    if (view_has_text(part) && !(part->flags & MIME_PART_FOREIGN))
        pickle_string(state, view_text_base(state, part) + part->text.offset, part->text.length);
    else view_encoded(state, part, is_finished);
    pickle_close(state, 3);
}

static void view_leaves(mime_state *state, uint32_t count, int *is_finished) {
    pickle_open(state, count);
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++)
        if (view_is_leaf(&state->parts[i])) view_leaf(state, &state->parts[i], is_finished);
    pickle_close(state, count);
}

static void view_fields(mime_state *state, int *is_finished) {
    const mime_part root = state->parts[0];
    uint32_t count = state->wants & MIME_WANT_FIELDS ? root.header_count : 0;
    store_enter(state, &root);
    pickle_open(state, count);
    for (uint32_t i = 0; i < count && !store_failed(state); i++) {
        mime_header header = state->headers[root.first_header + i];
        const uint8_t *end, *value = header_value(state, &header, &end);
        pickle_open(state, 2);
        pickle_string(state, store_base(state) + header.start, header.name_length);
        uint32_t begin = pickle_begin(state);
        words_decode_into(state, value, end, &state->view);
        view_end(state, begin, is_finished);
        pickle_close(state, 2);
    }
    pickle_close(state, count);
}

void view_write(mime_state *state) {
    uint32_t leaves = 0;
    int is_whole = 1, is_finished = 1;
    for (uint32_t i = 0; i < state->result.part_count; i++) {
        if (!view_is_leaf(&state->parts[i])) continue;
        leaves++;
        if (state->parts[i].source != MIME_IN_INPUT) is_whole = 0;
    }
    pickle_start(state);
    if (is_whole) {
        pickle_mark(state);
        view_string(state, state->result.summary.subject, &is_finished);
        view_addresses(state, MIME_FIELD_FROM, &is_finished);
        view_addresses(state, MIME_FIELD_TO, &is_finished);
        view_date(state);
        view_leaves(state, leaves, &is_finished);
        view_fields(state, &is_finished);
        if (is_finished) pickle_tuple(state);
        else pickle_list(state);
    } else {
        pickle_none(state);
    }
    pickle_stop(state);
}

void view_write_tables(mime_state *state) {
    uint32_t length = state->result.header_count * (uint32_t)sizeof(mime_header);
    store_append(state, &state->view, (const uint8_t *)&length, sizeof length);
    store_append(state, &state->view, (const uint8_t *)state->headers, length);
    store_append(state, &state->view, (const uint8_t *)state->parts, state->result.part_count * sizeof(mime_part));
}
