/* IMAP ENVELOPE; see envelope.h. Values are sent raw: decoding is the client's. */
#include "envelope.h"

#include "address.h"
#include "header.h"
#include "imap.h"

/* Group: (NIL NIL "name" NIL) ... (NIL NIL NIL NIL). */
static void envelope_write_address(mime_state *state, mime_address address) {
    text_byte(state, '(');
    imap_text(state, address.name);
    text_byte(state, ' ');
    imap_span(state, address.route);
    text_byte(state, ' ');
    imap_span(state, address.mailbox);
    text_byte(state, ' ');
    imap_span(state, address.host);
    text_byte(state, ')');
}

static void envelope_write_list(mime_state *state, address_range range) {
    text_byte(state, ' ');
    if (!range.count) {
        text_literal(state, "NIL");
        return;
    }
    text_byte(state, '(');
    for (uint32_t i = 0; i < range.count && !store_failed(state); i++)
        envelope_write_address(state, state->addresses[range.first + i]);
    text_byte(state, ')');
}

static mime_span envelope_write(mime_state *state, uint32_t index) {
    address_range lists[MIME_FIELD_BCC + 1];
    const mime_part *part = &state->parts[index];
    store_enter(state, part);
    for (int field = MIME_FIELD_FROM; field <= MIME_FIELD_BCC; field++)
        lists[field] = address_read(state, index, (mime_field)field);
    /* Sender and Reply-To default to From (RFC 3501 s7.4.2). */
    if (!lists[MIME_FIELD_SENDER].count) lists[MIME_FIELD_SENDER] = lists[MIME_FIELD_FROM];
    if (!lists[MIME_FIELD_REPLY_TO].count) lists[MIME_FIELD_REPLY_TO] = lists[MIME_FIELD_FROM];
    uint32_t from = state->text.length;
    text_byte(state, '(');
    imap_header(state, header_first(state, part, MIME_FIELD_DATE));
    text_byte(state, ' ');
    imap_header_text(state, header_first(state, part, MIME_FIELD_SUBJECT));
    for (int field = MIME_FIELD_FROM; field <= MIME_FIELD_BCC; field++) envelope_write_list(state, lists[field]);
    text_byte(state, ' ');
    imap_header(state, header_first(state, part, MIME_FIELD_IN_REPLY_TO));
    text_byte(state, ' ');
    imap_header(state, header_first(state, part, MIME_FIELD_MESSAGE_ID));
    text_byte(state, ')');
    return text_since(state, from);
}

void envelope_write_all(mime_state *state) {
    for (uint32_t i = 0; i < state->result.part_count && !store_failed(state); i++) {
        uint32_t parent = state->parts[i].parent;
        if (parent != MIME_NONE && state->parts[parent].kind != MIME_MESSAGE) continue;
        mime_span envelope = envelope_write(state, i);
        state->parts[i].envelope = envelope;
    }
}
