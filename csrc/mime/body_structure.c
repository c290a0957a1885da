/* IMAP BODYSTRUCTURE; see body_structure.h.
 *
 * The tree is walked by its links, without recursion: a part is begun, then its children, then it is ended.
 */
#include "body_structure.h"

#include "header.h"
#include "imap.h"
#include "lexer.h"
#include "octets.h"

static int structure_is_text(const mime_state *state, const mime_part *part) {
    return span_is_absent(part->type) || octets_are(state->text.bytes + part->type.offset, part->type.length, "text");
}

/* ("name" "value" ...) or NIL; text parts always tell a charset (RFC 2045 s5.2). */
static void structure_parameters(mime_state *state, uint32_t first, uint32_t count, int needs_charset) {
    int has_charset = 0;
    if (!count && !needs_charset) {
        text_literal(state, "NIL");
        return;
    }
    text_byte(state, '(');
    for (uint32_t i = 0; i < count && !store_failed(state); i++) {
        mime_parameter parameter = state->parameters[first + i];
        if (i) text_byte(state, ' ');
        has_charset |=
            octets_are(state->text.bytes + parameter.name.offset, parameter.name.length, "charset");
        imap_span(state, parameter.name);
        text_byte(state, ' ');
        imap_span(state, parameter.value);
    }
    if (needs_charset && !has_charset) {
        if (count) text_byte(state, ' ');
        text_literal(state, "\"charset\" \"us-ascii\"");
    }
    text_byte(state, ')');
}

/* Language tags, RFC 3282: one string each. */
static void structure_language(mime_state *state, const mime_part *part) {
    const mime_header *header = header_first(state, part, MIME_FIELD_CONTENT_LANGUAGE);
    lexer cursor = {NULL, NULL};
    uint32_t count = 0;
    if (header) cursor.at = header_value(state, header, &cursor.end);
    while (header && !store_failed(state)) {
        lexer_skip(&cursor, NULL);
        lexer tag = lexer_token(&cursor, OCTET_COMMA);
        if (tag.end > tag.at) {
            text_byte(state, count++ ? ' ' : '(');
            imap_string(state, tag.at, (size_t)(tag.end - tag.at));
        } else if (cursor.at == cursor.end) {
            break;
        } else {
            cursor.at++;
        }
    }
    if (count) text_byte(state, ')');
    else text_literal(state, "NIL");
}

/* disposition SP language SP location. */
static void structure_extension(mime_state *state, const mime_part *part) {
    if (span_is_absent(part->disposition_label)) {
        text_literal(state, " NIL ");
    } else {
        text_literal(state, " (");
        imap_span(state, part->disposition_label);
        text_byte(state, ' ');
        structure_parameters(state, part->first_disposition_parameter, part->disposition_parameter_count, 0);
        text_literal(state, ") ");
    }
    structure_language(state, part);
    text_byte(state, ' ');
    imap_header(state, header_first(state, part, MIME_FIELD_CONTENT_LOCATION));
}

static void structure_type(mime_state *state, const mime_part *part) {
    if (part->kind == MIME_MESSAGE && span_is_absent(part->type)) { /* in a digest */
        text_literal(state, "\"message\" \"rfc822\"");
    } else if (span_is_absent(part->type)) {
        text_literal(state, "\"text\" \"plain\"");
    } else {
        imap_span(state, part->type);
        text_byte(state, ' ');
        imap_span(state, part->subtype);
    }
}

/* type subtype (parameters) id description encoding size. */
static void structure_fields(mime_state *state, const mime_part *part) {
    structure_type(state, part);
    text_byte(state, ' ');
    structure_parameters(state, part->first_parameter, part->parameter_count,
                         part->kind == MIME_LEAF && structure_is_text(state, part));
    text_byte(state, ' ');
    imap_header(state, header_first(state, part, MIME_FIELD_CONTENT_ID));
    text_byte(state, ' ');
    imap_header(state, header_first(state, part, MIME_FIELD_CONTENT_DESCRIPTION));
    text_byte(state, ' ');
    if (span_is_absent(part->encoding_label)) text_literal(state, "\"7bit\"");
    else imap_span(state, part->encoding_label);
    text_byte(state, ' ');
    text_number(state, (uint64_t)(part->end - part->body) + part->bare_lfs);
}

/* What comes before the children. 1: descend. */
static int structure_begin(mime_state *state, uint32_t index) {
    mime_part part = state->parts[index];
    store_enter(state, &part);
    text_byte(state, '(');
    if (part.kind == MIME_MULTIPART) {
        /* A limit left it without parts, and the grammar wants one. */
        if (part.first_child == MIME_NONE)
            text_literal(state, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)");
        return part.first_child != MIME_NONE;
    }
    structure_fields(state, &part);
    if (part.kind == MIME_LEAF || part.first_child == MIME_NONE) return 0;
    text_byte(state, ' ');
    text_repeat(state, state->parts[part.first_child].envelope);
    text_byte(state, ' ');
    return 1;
}

/* What comes after them. */
static void structure_end(mime_state *state, uint32_t index) {
    mime_part part = state->parts[index];
    store_enter(state, &part);
    if (part.kind == MIME_MULTIPART) {
        text_byte(state, ' ');
        imap_span(state, part.subtype);
        text_byte(state, ' ');
        structure_parameters(state, part.first_parameter, part.parameter_count, 0);
    } else {
        if (part.kind == MIME_MESSAGE || structure_is_text(state, &part)) {
            text_byte(state, ' ');
            text_number(state, part.lines);
        }
        text_byte(state, ' ');
        imap_header(state, header_first(state, &part, MIME_FIELD_CONTENT_MD5));
    }
    structure_extension(state, &part);
    text_byte(state, ')');
}

mime_span body_structure_write(mime_state *state) {
    uint32_t from = state->text.length, index = 0;
    while (!store_failed(state)) {
        if (structure_begin(state, index)) {
            index = state->parts[index].first_child;
            continue;
        }
        for (structure_end(state, index);; structure_end(state, index)) {
            if (state->parts[index].next_sibling != MIME_NONE) {
                index = state->parts[index].next_sibling;
                break;
            }
            index = state->parts[index].parent;
            if (index == MIME_NONE) return text_since(state, from);
        }
    }
    return text_since(state, from);
}
