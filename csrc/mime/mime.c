/* The story of one parse; see mime.h. */
#include "mime.h"

#include <stdlib.h>

#include "attachment.h"
#include "body_structure.h"
#include "date.h"
#include "encoded.h"
#include "envelope.h"
#include "header.h"
#include "message_id.h"
#include "preview.h"
#include "store.h"
#include "structure.h"
#include "text.h"
#include "tree.h"
#include "words.h"

void mime_default_limits(mime_limits *limits) {
    *limits = (mime_limits){
        .size = 104857600,
        .depth = 100,
        .parts = 10000,
        .headers = 100000,
        .parameters = 128,
        .addresses = 10000,
        .references = 1000,
        .encoded_depth = 3,
        .preview = 256,
    };
}

static mime_state *mime_begin(const uint8_t *input, size_t length, const mime_limits *limits) {
    mime_state *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    state->limits = *limits;
    state->result.input = input;
    state->result.input_length = (uint32_t)length;
    mime_summary *summary = &state->result.summary;
    summary->date_seconds = INT64_MIN;
    summary->preview_part = MIME_NONE;
    summary->subject = summary->message_id = summary->references = summary->preview = span_absent();
    summary->envelope = summary->body_structure = summary->structure = span_absent();
    for (size_t i = 0; i < MIME_DEFECT_COUNT; i++) summary->defect_offset[i] = MIME_NONE;
    /* Sized so that a common message never grows them. */
    store_grow(state, (void **)&state->headers, &state->header_capacity, 48, sizeof(mime_header));
    store_grow(state, (void **)&state->parameters, &state->parameter_capacity, 16, sizeof(mime_parameter));
    store_reserve(state, &state->text, length < 16384 ? length / 2 + 4096 : 12288);
    return state;
}

/* Points the visible tables at where they ended up. */
static void mime_publish(mime_state *state) {
    mime_message *result = &state->result;
    result->text = state->text.bytes;
    result->text_length = state->text.length;
    result->decoded = state->decoded.bytes;
    result->decoded_length = state->decoded.length;
    result->headers = state->headers;
    result->parts = state->parts;
    result->parameters = state->parameters;
    result->addresses = state->addresses;
}

static void mime_read_date(mime_state *state, const mime_header *header) {
    mime_summary *summary = &state->result.summary;
    const uint8_t *end, *value = header_value(state, header, &end);
    if (date_read(value, (size_t)(end - value), &summary->date_seconds, &summary->date_offset)) return;
    store_flag(state, MIME_DEFECT_BAD_DATE, header->start);
}

/* The values of the top header block. */
static void mime_read_summary(mime_state *state) {
    mime_summary *summary = &state->result.summary;
    const mime_part *root = &state->parts[0];
    const mime_header *subject = header_first(state, root, MIME_FIELD_SUBJECT);
    const mime_header *date = header_first(state, root, MIME_FIELD_DATE);
    if (subject) {
        const uint8_t *end, *value = header_value(state, subject, &end);
        summary->subject = words_decode(state, value, end);
    }
    if (date) mime_read_date(state, date);
    summary->message_id = message_id_read(state, 0);
    summary->references = message_id_read_references(state, 0);
}

static void mime_note_8bit(mime_state *state, const mime_part *root) {
    const uint8_t *input = state->result.input;
    for (uint32_t i = root->start; i < root->body; i++)
        if (input[i] & 0x80) {
            store_flag(state, MIME_DEFECT_HEADER_8BIT, i);
            return;
        }
}

static void mime_read(mime_state *state) {
    mime_summary *summary = &state->result.summary;
    tree_parse(state, MIME_NONE, 0, state->result.input_length);
    if (!store_failed(state)) encoded_parse(state);
    if (store_failed(state)) return;
    mime_note_8bit(state, &state->parts[0]);
    attachment_find(state);
    text_read(state, 0);
    if (store_failed(state)) return;
    store_enter(state, &state->parts[0]);
    mime_read_summary(state);
    preview_read(state);
    envelope_write_all(state);
    if (store_failed(state)) return;
    summary->envelope = state->parts[0].envelope;
    summary->body_structure = body_structure_write(state);
    summary->structure = structure_write(state);
}

mime_status mime_parse(const uint8_t *input, size_t length, const mime_limits *limits, mime_message **message) {
    static const uint8_t nothing[1] = {0};
    if (!limits || !message || (length && !input) || !limits->parts) return MIME_BAD_ARGUMENT;
    if (length > limits->size || length > INT32_MAX) return MIME_TOO_LARGE;
    mime_state *state = mime_begin(length ? input : nothing, length, limits);
    if (!state) return MIME_NO_MEMORY;
    mime_read(state);
    if (store_failed(state)) {
        store_free(state);
        return MIME_NO_MEMORY;
    }
    mime_publish(state);
    *message = &state->result;
    return MIME_OK;
}

void mime_free(mime_message *message) {
    if (message) store_free((mime_state *)message);
}
