/* The story of one parse; see mime.h. */
#include "mime.h"

#include <stdlib.h>

#include "attachment.h"
#include "body_structure.h"
#include "brief.h"
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
#include "view.h"
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

/* Messages that are not in the processor's cache come while the first lines are read. */
static void mime_fetch(const uint8_t *input, size_t length) {
    for (size_t at = 0; at < length && at < 8192; at += 64) __builtin_prefetch(input + at);
}

static void mime_begin(mime_state *state, const uint8_t *input, size_t length, const mime_limits *limits, int wants) {
    mime_fetch(input, length);
    store_reset(state);
    state->result = (mime_message){.input = input, .input_length = (uint32_t)length};
    state->limits = *limits;
    state->wants = wants;
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
    if (date_read(value, (size_t)(end - value), &summary->date_seconds, &summary->date_offset) == 1) return;
    store_flag(state, MIME_DEFECT_BAD_DATE, header->start);
}

static void mime_read_ids(mime_state *state) {
    state->result.summary.message_id = message_id_read(state, 0);
    state->result.summary.references = message_id_read_references(state, 0);
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
}

/* What is made of the tree. Each step may be left out. */
static void mime_make(mime_state *state) {
    mime_summary *summary = &state->result.summary;
    if (state->wants & MIME_WANT_TEXT) text_read(state, 0);
    if (store_failed(state)) return;
    store_enter(state, &state->parts[0]);
    if (state->wants & MIME_WANT_SUMMARY) mime_read_summary(state);
    if (state->wants & MIME_WANT_IDS) mime_read_ids(state);
    if (state->wants & MIME_WANT_PREVIEW) preview_read(state);
    if (state->wants & MIME_WANT_IMAP) envelope_write_all(state);
    if (store_failed(state)) return;
    if (state->wants & MIME_WANT_IMAP) {
        summary->envelope = state->parts[0].envelope;
        summary->body_structure = body_structure_write(state);
    }
    if (state->wants & MIME_WANT_STRUCTURE) summary->structure = structure_write(state);
    if (state->wants & MIME_WANT_TABLES) view_write_tables(state);
    if (state->wants & MIME_WANT_VIEW && !store_failed(state)) view_write(state);
    if (state->wants & MIME_WANT_BRIEF && !store_failed(state)) brief_write(state);
}

static mime_status mime_run(mime_state *state, const uint8_t *input, size_t length, const mime_limits *limits,
                            int wants) {
    static const uint8_t nothing[1] = {0};
    mime_begin(state, length ? input : nothing, length, limits, wants);
    if (!store_failed(state)) tree_parse(state, MIME_NONE, 0, state->result.input_length);
    if (!store_failed(state)) encoded_parse(state);
    if (store_failed(state)) return MIME_NO_MEMORY;
    attachment_find(state);
    mime_make(state);
    mime_publish(state);
    return store_failed(state) ? MIME_NO_MEMORY : MIME_OK;
}

static mime_status mime_refuses(const uint8_t *input, size_t length, const mime_limits *limits) {
    if (!limits || (length && !input) || !limits->parts) return MIME_BAD_ARGUMENT;
    return length > limits->size || length > INT32_MAX ? MIME_TOO_LARGE : MIME_OK;
}

mime_context *mime_context_new(void) {
    mime_state *state = calloc(1, sizeof *state);
    if (state) state->vector = vector_choose();
    return (mime_context *)state;
}

void mime_context_free(mime_context *context) {
    if (context) store_free((mime_state *)context);
}

mime_status mime_parse_with(mime_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                            int wants, const mime_message **message) {
    mime_state *state = (mime_state *)context;
    mime_status status = context && message ? mime_refuses(input, length, limits) : MIME_BAD_ARGUMENT;
    if (status == MIME_OK) status = mime_run(state, input, length, limits, wants);
    if (status == MIME_OK) *message = &state->result;
    return status;
}

mime_status mime_parse(const uint8_t *input, size_t length, const mime_limits *limits, mime_message **message) {
    mime_status status = message ? mime_refuses(input, length, limits) : MIME_BAD_ARGUMENT;
    if (status != MIME_OK) return status;
    mime_state *state = (mime_state *)mime_context_new();
    if (!state) return MIME_NO_MEMORY;
    status = mime_run(state, input, length, limits, MIME_WANT_ALL);
    if (status == MIME_OK) *message = &state->result;
    else store_free(state);
    return status;
}

int64_t mime_read(mime_context *context, const uint8_t *input, size_t length, int wants, uint8_t *out, size_t room) {
    mime_limits limits;
    const mime_message *message;
    mime_default_limits(&limits);
    mime_status status = mime_parse_with(context, input, length, &limits, wants, &message);
    if (status != MIME_OK) return -(int64_t)status;
    uint32_t view = ((mime_state *)context)->view.length;
    if (view <= room) mime_read_again(context, out);
    return (int64_t)view;
}

void mime_read_again(const mime_context *context, uint8_t *out) {
    const mime_bytes_store *view = &((const mime_state *)context)->view;
    if (view->length) memcpy(out, view->bytes, view->length);
}

int64_t mime_read_on(mime_context *context, const uint8_t *octets, size_t length, uint8_t *out, size_t room) {
    mime_state *state = (mime_state *)context;
    store_append(state, &state->view, octets, length);
    if (store_failed(state)) return -(int64_t)MIME_NO_MEMORY;
    if (state->view.length <= room) mime_read_again(context, out);
    return (int64_t)state->view.length;
}

int64_t mime_header_text(mime_context *context, const uint8_t *value, size_t length) {
    static const uint8_t nothing[1] = {0};
    mime_state *state = (mime_state *)context;
    mime_limits limits;
    mime_default_limits(&limits);
    if (!context || mime_refuses(value, length, &limits) != MIME_OK) return -(int64_t)MIME_BAD_ARGUMENT;
    mime_begin(state, length ? value : nothing, length, &limits, 0);
    words_decode_into(state, state->result.input, state->result.input + length, &state->view);
    return store_failed(state) ? -(int64_t)MIME_NO_MEMORY : (int64_t)state->view.length;
}

void mime_free(mime_message *message) {
    if (message) store_free((mime_state *)message);
}
