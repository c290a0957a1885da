/* What the parser's C tests share; see message.h. */
#include "message.h"

long allocations_left = -1;

void *__real_realloc(void *block, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int allocation_fails(void) {
    if (allocations_left < 0) return 0;
    if (allocations_left == 0) return 1;
    allocations_left--;
    return 0;
}

void *__wrap_realloc(void *block, size_t size) { return allocation_fails() ? NULL : __real_realloc(block, size); }

void *__wrap_calloc(size_t count, size_t size) { return allocation_fails() ? NULL : __real_calloc(count, size); }

sample sample_load(const char *path) {
    sample loaded = {path, NULL, 0};
    FILE *file = fopen(path, "rb");
    CHECK(file);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    loaded.length = (size_t)ftell(file);
    rewind(file);
    loaded.bytes = malloc(loaded.length + 1);
    CHECK(loaded.bytes && fread(loaded.bytes, 1, loaded.length, file) == loaded.length);
    fclose(file);
    return loaded;
}

sample sample_with_lf(const sample *with_crlf) {
    sample copy = {with_crlf->path, malloc(with_crlf->length + 1), 0};
    CHECK(copy.bytes);
    for (size_t i = 0; i < with_crlf->length; i++) {
        int is_crlf = with_crlf->bytes[i] == '\r' && i + 1 < with_crlf->length && with_crlf->bytes[i + 1] == '\n';
        if (!is_crlf) copy.bytes[copy.length++] = with_crlf->bytes[i];
    }
    return copy;
}

static void check_span(mime_span span, uint32_t store) {
    CHECK(span.offset == MIME_NONE || (uint64_t)span.offset + span.length <= store);
}

static void check_part(const mime_message *message, uint32_t index) {
    const mime_part *part = &message->parts[index];
    uint32_t store = part->source == MIME_IN_INPUT ? message->input_length : message->decoded_length;
    CHECK(part->source != MIME_IN_TEXT);
    CHECK(part->start <= part->body && part->body <= part->end && part->end <= store);
    CHECK((uint64_t)part->first_header + part->header_count <= message->header_count);
    CHECK((uint64_t)part->first_parameter + part->parameter_count <= message->parameter_count);
    if (part->flags & MIME_PART_TEXT) {
        uint32_t size = part->text_source == MIME_IN_TEXT    ? message->text_length
                        : part->text_source == MIME_IN_INPUT ? message->input_length
                                                             : message->decoded_length;
        check_span(part->text, size);
    }
    if (index == 0) {
        CHECK(part->parent == MIME_NONE);
        return;
    }
    CHECK(part->parent < index);
    const mime_part *parent = &message->parts[part->parent];
    CHECK(parent->kind != MIME_LEAF && part->depth == parent->depth + 1);
    /* The child of an encoded message is elsewhere in the decoded store. */
    if (!(parent->flags & MIME_PART_ENCODED))
        CHECK(part->source == parent->source && part->start >= parent->body && part->end <= parent->end);
}

static void check_headers(const mime_message *message) {
    for (uint32_t i = 0; i < message->part_count; i++) {
        const mime_part *part = &message->parts[i];
        for (uint32_t h = part->first_header; h < part->first_header + part->header_count; h++) {
            const mime_header *header = &message->headers[h];
            CHECK(header->start >= part->start && header->end <= part->body);
            CHECK(header->start + header->name_length < header->value && header->value <= header->end);
        }
    }
}

/* Children stand in order and do not overlap; what is between them is delimiter lines (RFC 2046 s5.1.1). */
static void check_children(const mime_message *message, const mime_part *part) {
    uint32_t at = part->preamble_end, count = 0;
    for (uint32_t i = part->first_child; i != MIME_NONE; i = message->parts[i].next_sibling, count++) {
        const mime_part *child = &message->parts[i];
        const uint8_t *gap = message->input + at;
        CHECK(child->start >= at + 3); /* a line end or none, then at least "--" and a boundary's first octet */
        while (gap < message->input + child->start && (*gap == '\r' || *gap == '\n')) gap++;
        CHECK(gap[0] == '-' && gap[1] == '-');
        at = child->end;
    }
    CHECK(count == 0 || part->epilogue >= at);
}

static void check_spans(const mime_message *message) {
    const mime_summary *summary = &message->summary;
    const mime_span spans[] = {summary->subject, summary->message_id, summary->references,   summary->preview,
                               summary->envelope, summary->body_structure, summary->structure};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) check_span(spans[i], message->text_length);
    CHECK(summary->envelope.length && summary->body_structure.length && summary->structure.length >= 8);
    for (uint32_t i = 0; i < message->parameter_count; i++) {
        check_span(message->parameters[i].name, message->text_length);
        check_span(message->parameters[i].value, message->text_length);
        check_span(message->parameters[i].decoded, message->text_length);
    }
    for (int i = 0; i < MIME_DEFECT_COUNT; i++) {
        int is_set = (int)(summary->defects >> i & 1);
        CHECK(is_set == (summary->defect_offset[i] != MIME_NONE));
        CHECK(!is_set || summary->defect_offset[i] <= message->input_length);
    }
}

/* Past one value of MessagePack, of those that msgpack.h writes; all of its octets are there. */
static const uint8_t *check_value(const uint8_t *at, const uint8_t *end) {
    uint32_t number = 0;
    CHECK(at < end);
    uint8_t format = *at++;
    if (format == 0xc0 || format == 0xc2 || format == 0xc3) return at;
    if (format == 0xcb || format == 0xcf || format == 0xd3) number = 8;
    else if (format == 0xc7) number = 14;
    else {
        CHECK(format == 0xc6 || format == 0xdb || format == 0xdd);
        CHECK(end - at >= 4);
        for (int i = 0; i < 4; i++) number = number << 8 | *at++;
    }
    if (format == 0xdd) {
        while (number--) at = check_value(at, end);
        return at;
    }
    CHECK((size_t)(end - at) >= number);
    return at + number;
}

/* The brief is an array of two, the second of which is what is read on. */
static mime_status check_brief(const uint8_t *bytes, size_t length) {
    static const uint8_t nil = 0xc0;
    mime_context *context = mime_context_new();
    if (!context) return MIME_NO_MEMORY;
    int64_t found = mime_read(context, bytes, length, MIME_WANT_ALL | MIME_WANT_BRIEF, NULL, 0);
    if (found > 0) found = mime_read_on(context, &nil, 1, NULL, 0);
    if (found > 0) {
        uint8_t *brief = malloc((size_t)found);
        CHECK(brief);
        mime_read_again(context, brief);
        CHECK(brief[0] == 0xdd && brief[4] == 2 && check_value(brief, brief + found) == brief + found);
        free(brief);
    }
    mime_context_free(context);
    return found > 0 ? MIME_OK : (mime_status)-found;
}

mime_status message_check(const uint8_t *bytes, size_t length) {
    uint8_t *exact = malloc(length ? length : 1);
    mime_message *message = NULL;
    mime_limits limits;
    CHECK(exact);
    if (length) memcpy(exact, bytes, length);
    mime_default_limits(&limits);
    mime_status status = mime_parse(exact, length, &limits, &message);
    if (status == MIME_OK) {
        CHECK(message->part_count >= 1 && message->parts[0].start == 0 && message->parts[0].end == length);
        for (uint32_t i = 0; i < message->part_count; i++) {
            check_part(message, i);
            if (message->parts[i].kind == MIME_MULTIPART && message->parts[i].source == MIME_IN_INPUT)
                check_children(message, &message->parts[i]);
        }
        check_headers(message);
        check_spans(message);
    } else {
        CHECK(message == NULL);
    }
    mime_free(message);
    if (status == MIME_OK) status = check_brief(exact, length);
    free(exact);
    return status;
}
