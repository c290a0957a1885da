/* Writes the brief; see brief.h. */
#include "brief.h"

#include "charset.h"
#include "msgpack.h"
#include "octets.h"
#include "sha256.h"
#include "subject.h"

enum { MEMBERS = 16 };

static void brief_put(mime_state *state, msgpack_octets made) {
    store_append(state, &state->view, made.bytes, made.length);
}

static const uint8_t *brief_bytes(const mime_state *state, mime_span span) { return state->text.bytes + span.offset; }

static int brief_is_utf8(const mime_state *state, mime_span span) {
    int is_ascii;
    return !span.length || charset_is_utf8(state->vector, brief_bytes(state, span), span.length, &is_ascii);
}

static void brief_binary(mime_state *state, mime_span span) {
    uint32_t length = span_is_absent(span) ? 0 : span.length;
    brief_put(state, msgpack_binary(length));
    if (length) store_append(state, &state->view, brief_bytes(state, span), length);
}

static void brief_string(mime_state *state, const uint8_t *utf8, uint32_t length) {
    brief_put(state, msgpack_string(length));
    store_append(state, &state->view, utf8, length);
}

/* A string; empty where it is no UTF-8, and 0. */
static int brief_text(mime_state *state, mime_span span) {
    int is_utf8 = brief_is_utf8(state, span);
    uint32_t length = is_utf8 ? span.length : 0;
    brief_string(state, length ? brief_bytes(state, span) : NULL, length);
    return is_utf8;
}

static int brief_subject(mime_state *state) {
    mime_span subject = state->result.summary.subject, base = subject_base(state, subject);
    int is_utf8 = brief_is_utf8(state, subject);
    uint32_t length = is_utf8 ? base.length : 0;
    brief_string(state, length ? state->scratch.bytes + base.offset : NULL, length);
    return is_utf8;
}

static int brief_is_in_calendar(int64_t seconds) { return seconds >= -62135596800 && seconds < 253402300800; }

/* Neither the sender's nor UTC's calendar may end before it; Python has no zones of a day or more. */
static void brief_date(mime_state *state) {
    int64_t seconds = state->result.summary.date_seconds, offset = state->result.summary.date_offset;
    int is_good = offset > -1440 && offset < 1440 && brief_is_in_calendar(seconds) &&
                  brief_is_in_calendar(seconds + 60 * offset);
    if (is_good) brief_put(state, msgpack_time(seconds));
    else brief_put(state, msgpack_nil());
}

static void brief_hash(mime_state *state, const uint8_t *id, size_t length) {
    brief_put(state, msgpack_integer((int64_t)sha256_head(id, length)));
}

static int brief_message_id(mime_state *state) {
    mime_span id = state->result.summary.message_id;
    if (span_is_absent(id)) {
        brief_put(state, msgpack_nil());
        brief_put(state, msgpack_nil());
        return 1;
    }
    brief_hash(state, brief_bytes(state, id), id.length);
    return brief_text(state, id);
}

static uint32_t brief_count_lines(const uint8_t *at, const uint8_t *end) {
    uint32_t count = 0;
    for (; at < end; at = octets_next_line(at, end)) count++;
    return count;
}

static int brief_references(mime_state *state) {
    mime_span span = state->result.summary.references;
    int is_utf8 = brief_is_utf8(state, span);
    if (span_is_absent(span) || !is_utf8) span = (mime_span){0, 0};
    const uint8_t *at = brief_bytes(state, span), *end = at + span.length;
    brief_put(state, msgpack_array(brief_count_lines(at, end)));
    for (const uint8_t *next; at < end && !store_failed(state); at = next) {
        next = octets_next_line(at, end);
        brief_hash(state, at, (size_t)(octets_chomp(at, next) - at));
    }
    return is_utf8;
}

static int brief_preview(mime_state *state) {
    const mime_summary *summary = &state->result.summary;
    return brief_text(state, summary->preview) && !summary->preview_foreign;
}

static void brief_facts(mime_state *state) {
    const mime_summary *summary = &state->result.summary;
    brief_put(state, msgpack_bool(summary->has_attachment != 0));
    brief_put(state, msgpack_unsigned(summary->defects));
    brief_binary(state, summary->envelope);
    brief_binary(state, summary->body_structure);
    brief_binary(state, summary->structure);
}

/* The only address of the root's From fields, or NULL; the addresses were read for ENVELOPE. */
static const mime_address *brief_author_of(const mime_state *state) {
    const mime_part *root = &state->parts[0];
    const mime_address *only = NULL;
    for (uint32_t i = 0; i < state->result.address_count; i++) {
        const mime_address *one = &state->addresses[i];
        if (one->header - root->first_header >= root->header_count) continue;
        if (state->headers[one->header].field != MIME_FIELD_FROM) continue;
        if (only || (one->kind & 255) != 'a') return NULL;
        only = one;
    }
    return only;
}

static int brief_author(mime_state *state) {
    const mime_address *author = brief_author_of(state);
    if (!author) {
        brief_put(state, msgpack_nil());
        return 1;
    }
    brief_put(state, msgpack_array(2));
    int is_utf8 = brief_text(state, author->kind & MIME_ADDRESS_NO_MAILBOX ? (mime_span){0, 0} : author->mailbox);
    return brief_text(state, author->kind & MIME_ADDRESS_NO_HOST ? (mime_span){0, 0} : author->host) && is_utf8;
}

static int brief_is_ours(const uint8_t *name, size_t length) {
    return octets_are(name, length, "return-path") || octets_are(name, length, "x-original-to") ||
           (length >= 6 && octets_are(name, 6, "x-mda-"));
}

/* The end of the run of fields that pretend to be ours and adjoin, from header `first`; `first` where there is none. */
static uint32_t brief_past_ours(const mime_state *state, uint32_t first, uint32_t end) {
    const uint8_t *input = state->result.input;
    uint32_t at = first;
    for (; at < end; at++) {
        const mime_header *header = &state->headers[at];
        if (!brief_is_ours(input + header->start, header->name_length)) break;
        if (at > first && state->headers[at - 1].end != header->start) break;
    }
    return at;
}

/* Writes the spans, or with `is_dry` only counts them. */
static uint32_t brief_each_forged(mime_state *state, int is_dry) {
    uint32_t first = state->parts[0].first_header, end = first + state->parts[0].header_count, count = 0;
    for (uint32_t at = first, past; at < end && !store_failed(state); at = past > at ? past : at + 1) {
        past = brief_past_ours(state, at, end);
        if (past == at) continue;
        count++;
        if (is_dry) continue;
        brief_put(state, msgpack_array(2));
        brief_put(state, msgpack_unsigned(state->headers[at].start));
        brief_put(state, msgpack_unsigned(state->headers[past - 1].end));
    }
    return count;
}

static int brief_names_addresses(const mime_state *state) {
    const mime_part *root = &state->parts[0];
    for (uint32_t i = 0; i < root->header_count; i++) {
        const mime_header *header = &state->headers[root->first_header + i];
        if (octets_are(state->result.input + header->start, header->name_length, "delivered-to")) return 1;
    }
    return 0;
}

static void brief_headers(mime_state *state) {
    const mime_part *root = &state->parts[0];
    uint32_t length = root->header_count * (uint32_t)sizeof(mime_header);
    brief_put(state, msgpack_array(brief_each_forged(state, 1)));
    brief_each_forged(state, 0);
    brief_put(state, msgpack_bool(brief_names_addresses(state)));
    brief_put(state, msgpack_binary(length));
    if (length) store_append(state, &state->view, (const uint8_t *)(state->headers + root->first_header), length);
}

void brief_write(mime_state *state) {
    int is_finished = 1;
    brief_put(state, msgpack_array(2));
    brief_put(state, msgpack_array(MEMBERS));
    uint32_t finished_at = state->view.length;
    brief_put(state, msgpack_bool(1));
    is_finished &= brief_subject(state);
    brief_date(state);
    is_finished &= brief_message_id(state);
    is_finished &= brief_references(state);
    is_finished &= brief_preview(state);
    brief_facts(state);
    is_finished &= brief_author(state);
    brief_headers(state);
    if (!is_finished && !store_failed(state)) state->view.bytes[finished_at] = msgpack_bool(0).bytes[0];
}
