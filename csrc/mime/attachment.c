/* Which parts a reader would call attachments; see attachment.h. */
#include "attachment.h"

#include "header.h"
#include "octets.h"

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

void attachment_find(mime_state *state) {
    for (uint32_t i = 0; i < state->result.part_count; i++) {
        mime_part *part = &state->parts[i];
        if (!attachment_is(state, part)) continue;
        part->flags |= MIME_PART_ATTACHED;
        state->result.summary.has_attachment = 1;
    }
}
