/* Parameters of content fields; see parameter.h.
 *
 * Segments (name*0, name*1*, RFC 2231 s3-4) are kept in the same table first, behind the plain parameters, with their
 * number in `decoded.offset`; parameter_join() then replaces them. At most limits.parameters are looked at, so that
 * comparing each with each is cheap.
 */
#include "parameter.h"

#include "octets.h"
#include "words.h"

#define WHOLE UINT32_MAX /* the segment number of "name*" */

typedef struct parameter_name {
    size_t length; /* of the name before its first '*' */
    uint32_t number;
    int is_segment;
    int is_extended; /* percent-encoded */
} parameter_name;

/* Splits name*12*: RFC 2231 s4.1. What does not fit that form is a plain name. */
static parameter_name parameter_split(lexer token) {
    size_t length = (size_t)(token.end - token.at), at;
    parameter_name name = {length, 0, 0, 0};
    const uint8_t *star = memchr(token.at, '*', length);
    if (!star || star == token.at) return name;
    at = (size_t)(star - token.at) + 1;
    uint32_t number = 0;
    size_t digits = 0;
    for (; at < length && octet_is_digit(token.at[at]) && digits < 6; at++, digits++)
        number = number * 10 + (uint32_t)(token.at[at] - '0');
    int has_star = at < length && token.at[at] == '*';
    if (at + (size_t)has_star != length) return name;
    if (!digits && has_star) return name;
    name.length = (size_t)(star - token.at);
    name.number = digits ? number : WHOLE;
    name.is_segment = 1;
    name.is_extended = has_star || !digits;
    return name;
}

/* QUIRK: file names with spaces and no quotes are common; other values end at white space (RFC 2045 s5.1). */
static void parameter_loose_value(mime_state *state, lexer *cursor) {
    const uint8_t *start = cursor->at;
    while (cursor->at < cursor->end && *cursor->at != ';') cursor->at++;
    const uint8_t *end = cursor->at;
    while (end > start && octet_is_space(end[-1])) end--;
    lexer_unfold(state, start, end);
}

static mime_span parameter_value(mime_state *state, lexer *cursor, int is_file_name) {
    uint32_t from = state->text.length;
    if (cursor->at < cursor->end && *cursor->at == '"') {
        lexer_quoted(cursor, state);
    } else if (is_file_name) {
        parameter_loose_value(state, cursor);
    } else {
        lexer token = lexer_token(cursor, OCTET_SEMICOLON);
        text_append(state, token.at, (size_t)(token.end - token.at));
    }
    return text_since(state, from);
}

static int parameter_same(const mime_state *state, mime_span a, const uint8_t *name, size_t length) {
    const uint8_t *bytes = state->text.bytes + a.offset;
    if (a.length != length) return 0;
    for (size_t i = 0; i < length; i++)
        if (octet_lower(bytes[i]) != octet_lower(name[i])) return 0;
    return 1;
}

static mime_parameter *parameter_add(mime_state *state, mime_span name, mime_span value) {
    uint32_t count = state->result.parameter_count;
    if (!store_grow(state, (void **)&state->parameters, &state->parameter_capacity, count + 1,
                    sizeof(mime_parameter)))
        return NULL;
    state->result.parameter_count = count + 1;
    state->parameters[count] = (mime_parameter){name, value, span_absent()};
    return &state->parameters[count];
}

/* A plain parameter goes in front of the segments from `segments` on, in its order. */
static void parameter_add_plain(mime_state *state, uint32_t first, uint32_t *segments, mime_span name,
                                mime_span value, uint32_t offset) {
    for (uint32_t i = first; i < *segments; i++)
        if (parameter_same(state, state->parameters[i].name, state->text.bytes + name.offset, name.length))
            store_flag(state, MIME_DEFECT_SECOND_PARAMETER, offset);
    if (!parameter_add(state, name, value)) return;
    mime_parameter added = state->parameters[state->result.parameter_count - 1];
    uint32_t at = (*segments)++;
    memmove(state->parameters + at + 1, state->parameters + at,
            (state->result.parameter_count - 1 - at) * sizeof added);
    state->parameters[at] = added;
}

/* One name=value. Segments keep number in decoded.offset, and 1 in decoded.length when they are extended. */
static void parameter_read_one(mime_state *state, lexer *cursor, uint32_t first, uint32_t *segments) {
    uint32_t offset = (uint32_t)(cursor->at - store_base(state));
    lexer token = lexer_token(cursor, OCTET_SEMICOLON | OCTET_EQUALS | OCTET_QUOTE);
    lexer_skip(cursor, NULL);
    if (cursor->at == cursor->end || *cursor->at != '=' || token.at == token.end) {
        store_flag(state, MIME_DEFECT_BAD_PARAMETER, offset);
        if (cursor->at < cursor->end && *cursor->at == '"') cursor->at++;
        return;
    }
    cursor->at++;
    lexer_skip(cursor, NULL);
    parameter_name name = parameter_split(token);
    int is_file_name = octets_are(token.at, name.length, "name") || octets_are(token.at, name.length, "filename");
    uint32_t from = state->text.length;
    text_append(state, token.at, name.length);
    mime_span name_span = text_since(state, from);
    mime_span value = parameter_value(state, cursor, is_file_name && !name.is_segment);
    if (store_failed(state)) return;
    if (!name.is_segment) {
        parameter_add_plain(state, first, segments, name_span, value, offset);
        return;
    }
    mime_parameter *segment = parameter_add(state, name_span, value);
    if (segment) segment->decoded = (mime_span){name.number, (uint32_t)name.is_extended};
}

/* The segment of `name` with `number`, or NULL; the first one of two wins. */
static const mime_parameter *parameter_segment(const mime_state *state, const mime_parameter *segments, uint32_t count,
                                               mime_span name, uint32_t number) {
    for (uint32_t i = 0; i < count; i++)
        if (segments[i].decoded.offset == number &&
            parameter_same(state, segments[i].name, state->text.bytes + name.offset, name.length))
            return &segments[i];
    return NULL;
}

/* Octets that an RFC 2231 value must escape: all but attribute-char. */
static void parameter_escape(mime_state *state, mime_span value) {
    static const char HEX[] = "0123456789ABCDEF";
    for (uint32_t i = 0; i < value.length; i++) {
        uint8_t c = state->text.bytes[value.offset + i];
        int is_plain = c > 32 && c < 127 && !strchr("*'%()<>@,;:\\\"/[]?=", c);
        if (is_plain) {
            text_byte(state, c);
        } else {
            text_byte(state, '%');
            text_byte(state, (uint8_t)HEX[c >> 4]);
            text_byte(state, (uint8_t)HEX[c & 15]);
        }
    }
}

/* Appends a segment's octets to the scratch store, percent-decoded if it is extended. */
static void parameter_unescape(mime_state *state, mime_span value, int is_extended) {
    for (uint32_t i = 0; i < value.length; i++) {
        const uint8_t *at = state->text.bytes + value.offset + i;
        int high = -1, low = -1;
        if (is_extended && *at == '%' && i + 2 < value.length) {
            high = octet_hex(at[1]);
            low = octet_hex(at[2]);
        }
        if (high >= 0 && low >= 0) {
            store_byte(state, &state->scratch, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            store_byte(state, &state->scratch, *at);
        }
    }
}

/* charset'language'rest at the begin of the first extended segment: RFC 2231 s4. */
static mime_span parameter_take_charset(const mime_state *state, mime_span *value) {
    const uint8_t *bytes = state->text.bytes + value->offset;
    const uint8_t *quote = value->length ? memchr(bytes, '\'', value->length) : NULL;
    if (!quote) return span_absent();
    uint32_t label = (uint32_t)(quote - bytes);
    const uint8_t *second = memchr(quote + 1, '\'', value->length - label - 1);
    if (!second) return span_absent();
    mime_span charset = {value->offset, label};
    uint32_t skip = (uint32_t)(second + 1 - bytes);
    value->offset += skip;
    value->length -= skip;
    return charset;
}

/* Joins the run of segments numbered from `number` on; writes value and decoded form. */
static mime_parameter parameter_join_run(mime_state *state, const mime_parameter *segments, uint32_t count,
                                         mime_span name, uint32_t number, uint32_t *used) {
    mime_parameter joined = {name, span_absent(), span_absent()};
    mime_span charset = span_absent();
    const mime_parameter *segment;
    int is_extended = 0;
    for (uint32_t n = number; (segment = parameter_segment(state, segments, count, name, n)) != NULL;) {
        is_extended |= (int)segment->decoded.length;
        if (n++ == WHOLE) break;
    }
    uint32_t from = state->text.length;
    state->scratch.length = 0;
    for (uint32_t n = number; (segment = parameter_segment(state, segments, count, name, n)) != NULL;) {
        mime_span rest = segment->value;
        if (n == number && is_extended && !segment->decoded.length) text_literal(state, "''");
        if (n == number && segment->decoded.length) charset = parameter_take_charset(state, &rest);
        parameter_unescape(state, rest, (int)segment->decoded.length);
        if (is_extended && !segment->decoded.length) parameter_escape(state, segment->value);
        else text_repeat(state, segment->value);
        ++*used;
        if (n++ == WHOLE || store_failed(state)) break;
    }
    joined.value = text_since(state, from);
    from = state->text.length;
    words_convert(state, charset, state->scratch.bytes, state->scratch.length);
    joined.decoded = text_since(state, from);
    if (!is_extended) return joined;
    from = state->text.length;
    text_repeat(state, name);
    text_byte(state, '*');
    joined.name = text_since(state, from);
    return joined;
}

/* Replaces the segments behind the plain parameters by joined values. */
static void parameter_join(mime_state *state, uint32_t first, uint32_t first_segment, uint32_t offset) {
    uint32_t count = state->result.parameter_count - first_segment, used = 0;
    for (uint32_t i = 0; i < count && !store_failed(state); i++) {
        mime_parameter head = state->parameters[first_segment + i];
        if (head.decoded.offset != 0 && head.decoded.offset != WHOLE) continue;
        const mime_parameter *segments = state->parameters + first_segment;
        if (parameter_segment(state, segments, count, head.name, head.decoded.offset) != segments + i) continue;
        for (uint32_t p = first; p < first_segment; p++)
            if (parameter_same(state, state->parameters[p].name, state->text.bytes + head.name.offset,
                               head.name.length))
                store_flag(state, MIME_DEFECT_PARAMETER_FORMS, offset);
        mime_parameter joined =
            parameter_join_run(state, segments, count, head.name, head.decoded.offset, &used);
        mime_parameter *added = parameter_add(state, joined.name, joined.value);
        if (added) added->decoded = joined.decoded;
    }
    if (used < count) store_flag(state, MIME_DEFECT_BAD_PARAMETER, offset); /* a gap, or a number twice */
    uint32_t joined_count = state->result.parameter_count - first_segment - count;
    if (!store_failed(state))
        memmove(state->parameters + first_segment, state->parameters + first_segment + count,
                joined_count * sizeof(mime_parameter));
    state->result.parameter_count -= count;
}

void parameter_read(mime_state *state, lexer *cursor, uint32_t *first, uint32_t *count) {
    uint32_t start = *first = state->result.parameter_count, segments = start;
    uint32_t offset = (uint32_t)(cursor->at - store_base(state));
    while (!store_failed(state)) {
        while (lexer_skip(cursor, NULL) || (cursor->at < cursor->end && *cursor->at == ';' && cursor->at++)) continue;
        if (cursor->at == cursor->end) break;
        if (state->result.parameter_count - start >= state->limits.parameters) {
            store_flag(state, MIME_DEFECT_TOO_MANY_PARAMETERS, (uint32_t)(cursor->at - store_base(state)));
            break;
        }
        const uint8_t *before = cursor->at;
        parameter_read_one(state, cursor, start, &segments);
        if (cursor->at == before) cursor->at++;
    }
    if (store_failed(state)) return;
    if (segments < state->result.parameter_count) parameter_join(state, start, segments, offset);
    for (uint32_t i = start; i < segments && !store_failed(state); i++)
        state->parameters[i].decoded = words_decode_span(state, state->parameters[i].value);
    *count = state->result.parameter_count - start;
}

const mime_parameter *parameter_find(const mime_state *state, uint32_t first, uint32_t count, const char *name) {
    const mime_parameter *plain = NULL;
    size_t length = strlen(name);
    for (uint32_t i = first; i < first + count; i++) {
        const mime_parameter *parameter = &state->parameters[i];
        const uint8_t *bytes = state->text.bytes + parameter->name.offset;
        if (parameter->name.length == length + 1 && bytes[length] == '*' && octets_equal(bytes, length, name, length))
            return parameter;
        if (!plain && octets_equal(bytes, parameter->name.length, name, length)) plain = parameter;
    }
    return plain;
}
