/* What a part says of its content; see content.h. */
#include "content.h"

#include "decode.h"
#include "header.h"
#include "lexer.h"
#include "octets.h"
#include "parameter.h"
#include "words.h"

static lexer content_cursor(const mime_state *state, const mime_header *header) {
    lexer cursor;
    cursor.at = header_value(state, header, &cursor.end);
    return cursor;
}

static mime_span content_copy(mime_state *state, lexer token) {
    uint32_t from = state->text.length;
    text_append(state, token.at, (size_t)(token.end - token.at));
    return text_since(state, from);
}

static int content_is(const mime_state *state, mime_span span, const char *lower) {
    return !span_is_absent(span) &&
           octets_equal(state->text.bytes + span.offset, span.length, lower, strlen(lower));
}

/* type "/" subtype, comments allowed anywhere (RFC 2045 s5.1). 0 if it is not of that form. */
static int content_read_type(mime_state *state, lexer *cursor, mime_span *type, mime_span *subtype) {
    lexer_skip(cursor, NULL);
    lexer main_token = lexer_token(cursor, OCTET_SLASH | OCTET_SEMICOLON | OCTET_EQUALS | OCTET_QUOTE);
    lexer_skip(cursor, NULL);
    if (main_token.at == main_token.end || cursor->at == cursor->end || *cursor->at != '/') return 0;
    cursor->at++;
    lexer_skip(cursor, NULL);
    lexer sub_token = lexer_token(cursor, OCTET_SLASH | OCTET_SEMICOLON | OCTET_EQUALS | OCTET_QUOTE | OCTET_COMMA);
    if (sub_token.at == sub_token.end) return 0;
    *type = content_copy(state, main_token);
    *subtype = content_copy(state, sub_token);
    return 1;
}

static void content_read_content_type(mime_state *state, mime_part *part) {
    const mime_header *header = header_first(state, part, MIME_FIELD_CONTENT_TYPE);
    if (!header) return;
    lexer cursor = content_cursor(state, header);
    if (!content_read_type(state, &cursor, &part->type, &part->subtype)) {
        store_flag(state, MIME_DEFECT_BAD_PARAMETER, header->start);
        part->type = part->subtype = span_absent();
        return;
    }
    parameter_read(state, &cursor, &part->first_parameter, &part->parameter_count);
}

static const struct {
    const char *label;
    mime_encoding encoding;
} ENCODINGS[] = {
    {"7bit", MIME_7BIT},
    {"8bit", MIME_8BIT},
    {"binary", MIME_BINARY},
    {"quoted-printable", MIME_QUOTED_PRINTABLE},
    {"base64", MIME_BASE64},
    {"x-uuencode", MIME_UUENCODE},
    {"uuencode", MIME_UUENCODE},
    {"x-uue", MIME_UUENCODE},
    {"uue", MIME_UUENCODE},
};

static void content_read_encoding(mime_state *state, mime_part *part) {
    const mime_header *header = header_first(state, part, MIME_FIELD_CONTENT_TRANSFER_ENCODING);
    part->encoding = MIME_7BIT; /* RFC 2045 s6.1 */
    if (!header) return;
    lexer cursor = content_cursor(state, header);
    int has_comment = lexer_skip(&cursor, NULL) && cursor.at > store_base(state) && cursor.at[-1] == ')';
    lexer token = lexer_token(&cursor, OCTET_SEMICOLON | OCTET_COMMA | OCTET_QUOTE);
    part->encoding_label = content_copy(state, token);
    part->encoding = MIME_UNKNOWN_ENCODING;
    for (size_t i = 0; i < sizeof ENCODINGS / sizeof *ENCODINGS; i++)
        if (content_is(state, part->encoding_label, ENCODINGS[i].label)) part->encoding = (uint8_t)ENCODINGS[i].encoding;
    lexer comment = {cursor.end, cursor.end};
    lexer_skip(&cursor, &comment);
    if (part->encoding == MIME_UNKNOWN_ENCODING || cursor.at < cursor.end || comment.at < comment.end || has_comment)
        store_flag(state, MIME_DEFECT_BAD_ENCODING, header->start);
}

static void content_read_disposition(mime_state *state, mime_part *part) {
    const mime_header *header = header_first(state, part, MIME_FIELD_CONTENT_DISPOSITION);
    if (!header) return;
    lexer cursor = content_cursor(state, header);
    lexer_skip(&cursor, NULL);
    lexer token = lexer_token(&cursor, OCTET_SEMICOLON | OCTET_EQUALS | OCTET_QUOTE);
    if (token.at == token.end) {
        store_flag(state, MIME_DEFECT_BAD_PARAMETER, header->start);
    } else {
        part->disposition_label = content_copy(state, token);
        int is_inline = content_is(state, part->disposition_label, "inline");
        part->disposition = is_inline ? MIME_INLINE : MIME_ATTACHMENT;
    }
    parameter_read(state, &cursor, &part->first_disposition_parameter, &part->disposition_parameter_count);
}

/* filename of the disposition, else name of the type: RFC 2183 s2.3, RFC 2045's practice. */
static void content_find_filename(mime_state *state, mime_part *part) {
    const mime_parameter *found = parameter_find(state, part->first_disposition_parameter,
                                                 part->disposition_parameter_count, "filename");
    if (!found) found = parameter_find(state, part->first_parameter, part->parameter_count, "name");
    if (found && found->decoded.length) part->filename = found->decoded;
}

static int content_is_digest_child(const mime_state *state, const mime_part *part) {
    if (part->parent == MIME_NONE) return 0;
    const mime_part *parent = &state->parts[part->parent];
    return parent->kind == MIME_MULTIPART && content_is(state, parent->subtype, "digest");
}

static int content_is_identity(const mime_part *part) {
    return !decode_changes(part->encoding);
}

/* The boundary that opens a multipart; absent makes it a leaf. Trailing white space is no part of it. */
static mime_span content_find_boundary(mime_state *state, const mime_part *part) {
    const mime_parameter *found = parameter_find(state, part->first_parameter, part->parameter_count, "boundary");
    if (!found) return span_absent();
    int is_extended = state->text.bytes[found->name.offset + found->name.length - 1] == '*';
    mime_span boundary = is_extended ? found->decoded : found->value;
    while (boundary.length && octet_is_space(state->text.bytes[boundary.offset + boundary.length - 1]))
        boundary.length--;
    return boundary.length ? boundary : span_absent();
}

static mime_span content_open_multipart(mime_state *state, mime_part *part) {
    mime_span boundary = content_find_boundary(state, part);
    if (span_is_absent(boundary)) {
        store_flag(state, MIME_DEFECT_NO_BOUNDARY, part->start);
        content_demote(part);
        return boundary;
    }
    if (!content_is_identity(part)) store_flag(state, MIME_DEFECT_ENCODED_MULTIPART, part->start);
    part->kind = MIME_MULTIPART;
    return boundary;
}

static void content_note_message(mime_state *state, mime_part *part) {
    if (content_is_identity(part)) {
        part->kind = MIME_MESSAGE;
    } else {
        store_flag(state, MIME_DEFECT_ENCODED_MESSAGE, part->start);
        part->flags |= MIME_PART_ENCODED;
    }
}

static void content_classify_text(mime_state *state, mime_part *part) {
    int is_html = content_is(state, part->type, "text") && content_is(state, part->subtype, "html");
    is_html |= content_is(state, part->type, "application") && content_is(state, part->subtype, "xhtml+xml");
    if (is_html) part->flags |= MIME_PART_HTML;
    if (is_html || span_is_absent(part->type) || content_is(state, part->type, "text")) part->flags |= MIME_PART_TEXT;
}

void content_demote(mime_part *part) {
    part->kind = MIME_LEAF;
    part->type = part->subtype = span_absent();
    part->parameter_count = 0;
    part->flags |= MIME_PART_TEXT;
    /* The encoding of a multipart means nothing (RFC 2045 s6.4), and so none is removed from what it turned into. */
    part->encoding = MIME_8BIT;
}

mime_span content_read(mime_state *state, uint32_t index) {
    mime_part *part = &state->parts[index];
    content_read_content_type(state, part);
    content_read_encoding(state, part);
    content_read_disposition(state, part);
    content_find_filename(state, part);
    if (store_failed(state)) return span_absent();
    if (content_is(state, part->type, "multipart")) return content_open_multipart(state, part);
    if (content_is(state, part->type, "message") &&
        (content_is(state, part->subtype, "rfc822") || content_is(state, part->subtype, "global")))
        content_note_message(state, part);
    else if (span_is_absent(part->type) && content_is_digest_child(state, part)) /* RFC 2046 s5.1.5 */
        content_note_message(state, part);
    else
        content_classify_text(state, part);
    return span_absent();
}
