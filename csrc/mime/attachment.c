/* Which parts a reader would call attachments; see attachment.h. */
#include "attachment.h"

#include "header.h"
#include "octets.h"
#include "uuencode.h"
#include "words.h"

static int attachment_type_is(const mime_state *state, const mime_part *part, const char *type) {
    return !span_is_absent(part->type) &&
           octets_equal(state->text.bytes + part->type.offset, part->type.length, type, strlen(type));
}

/* Disposition attachment (RFC 2183 s2.2), or a file name; but text shown inline and pictures of the text are content. */
static int attachment_is(const mime_state *state, const mime_part *part) {
    if (part->kind == MIME_MULTIPART) return 0;
    if (part->disposition == MIME_ATTACHMENT) return 1;
    if (span_is_absent(part->filename) || part->kind == MIME_MESSAGE) return 0;
    if (part->disposition == MIME_INLINE && part->flags & MIME_PART_TEXT) return 0;
    int is_embedded =
        part->disposition == MIME_INLINE || header_first(state, part, MIME_FIELD_CONTENT_ID) != NULL;
    return !(is_embedded && attachment_type_is(state, part, "image"));
}

/* QUIRK: a part in uuencode often has its file name in the "begin" line alone. */
static void attachment_read_begin(mime_state *state, mime_part *part) {
    uuencode_begin begin;
    store_enter(state, part);
    if (!uuencode_find(store_base(state) + part->body, part->end - part->body, &begin)) return;
    part->filename = words_decode(state, begin.name, begin.name + begin.name_length);
}

void attachment_find(mime_state *state) {
    for (uint32_t i = 0; i < state->result.part_count; i++) {
        mime_part *part = &state->parts[i];
        if (part->encoding == MIME_UUENCODE && part->kind == MIME_LEAF && span_is_absent(part->filename))
            attachment_read_begin(state, part);
        if (!attachment_is(state, part)) continue;
        part->flags |= MIME_PART_ATTACHED;
        state->result.summary.has_attachment = 1;
    }
}
