/* Address lists; see address.h.
 *
 * One pass over the tokens. `phrase` gathers words (in the text store) until a special says what they were: '@' makes
 * them a local part, '<' a display name, ':' a group name, ',' or ';' or the end an address without a host.
 */
#include "address.h"

#include "header.h"
#include "lexer.h"
#include "octets.h"

#define SPECIALS (OCTET_ADDRESS | OCTET_COMMA | OCTET_SEMICOLON | OCTET_QUOTE)

typedef struct address_list {
    mime_state *state;
    lexer cursor;
    uint32_t header;
    uint32_t offset;  /* for defects */
    int in_group;
    int has_quotes;   /* the last phrase had a quoted string */
    lexer comment;    /* the last one seen; at == NULL: none */
} address_list;

static void address_flag(const address_list *list) {
    store_flag(list->state, MIME_DEFECT_BAD_ADDRESS, list->offset);
}

static void address_add(address_list *list, mime_address address) {
    mime_state *state = list->state;
    uint32_t count = state->result.address_count;
    if (count >= state->limits.addresses) {
        store_flag(state, MIME_DEFECT_TOO_MANY_ADDRESSES, list->offset);
        list->cursor.at = list->cursor.end;
        return;
    }
    if (!store_grow(state, (void **)&state->addresses, &state->address_capacity, count + 1, sizeof address)) return;
    address.header = list->header;
    state->addresses[count] = address;
    state->result.address_count = count + 1;
}

static mime_address address_blank(uint32_t kind) {
    return (mime_address){0, kind, span_absent(), span_absent(), span_absent(), span_absent()};
}

static int address_at(const address_list *list, uint8_t special) {
    return list->cursor.at < list->cursor.end && *list->cursor.at == special;
}

static int address_skip(address_list *list) { return lexer_skip(&list->cursor, &list->comment); }

/* Words up to the next special, one space where there was white space between them; none around dots, which
 * obs-local-part lets stand apart (RFC 5322 s4.4), when `joins_dots`. */
static mime_span address_phrase(address_list *list, int joins_dots) {
    mime_state *state = list->state;
    uint32_t from = state->text.length;
    int has_gap = 0;
    list->has_quotes = 0;
    address_skip(list);
    while (list->cursor.at < list->cursor.end && !store_failed(state)) {
        uint8_t c = *list->cursor.at;
        if (c != '"' && octet_is_of(c, SPECIALS)) break;
        int is_dot = c == '.' || (state->text.length > from && state->text.bytes[state->text.length - 1] == '.');
        if (has_gap && !(joins_dots && is_dot)) text_byte(state, ' ');
        if (c == '"') {
            list->has_quotes = 1;
            lexer_quoted(&list->cursor, state);
        } else {
            lexer word = lexer_token(&list->cursor, SPECIALS);
            text_append(state, word.at, (size_t)(word.end - word.at));
        }
        has_gap = address_skip(list);
    }
    return text_since(state, from);
}

/* dot-atom or [literal] after '@', RFC 5322 s3.4.1. */
static mime_span address_domain(address_list *list) {
    mime_state *state = list->state;
    uint32_t from = state->text.length;
    address_skip(list);
    if (!address_at(list, '[')) return address_phrase(list, 1);
    while (list->cursor.at < list->cursor.end && *list->cursor.at != ']') text_byte(state, *list->cursor.at++);
    if (address_at(list, ']')) text_byte(state, *list->cursor.at++);
    else address_flag(list);
    mime_span domain = text_since(state, from);
    address_skip(list);
    return domain;
}

/* @a,@b: in front of an address, RFC 5322 s4.4. */
static mime_span address_route(address_list *list) {
    mime_state *state = list->state;
    uint32_t from = state->text.length;
    while (address_at(list, '@') || address_at(list, ',')) {
        text_byte(state, *list->cursor.at++);
        if (text_since(state, from).length && state->text.bytes[state->text.length - 1] == '@') address_domain(list);
        else address_skip(list);
    }
    mime_span route = text_since(state, from);
    if (address_at(list, ':')) list->cursor.at++;
    else address_flag(list);
    return route;
}

static mime_span address_literal(address_list *list, const char *word) {
    uint32_t from = list->state->text.length;
    address_flag(list);
    text_append(list->state, (const uint8_t *)word, strlen(word));
    return text_since(list->state, from);
}

/* An address with no host, or no text at all, is shown as what it lacks, as Dovecot does. */
static void address_finish(address_list *list, mime_address *address) {
    if (span_is_absent(address->host) || !address->host.length) {
        address->host = address_literal(list, "MISSING_DOMAIN");
        address->kind |= MIME_ADDRESS_NO_HOST;
    }
    if (span_is_absent(address->mailbox) || !address->mailbox.length) {
        address->mailbox = address_literal(list, "MISSING_MAILBOX");
        address->kind |= MIME_ADDRESS_NO_MAILBOX;
    }
    if (!span_is_absent(address->name) && !address->name.length) address->name = span_absent();
    address_add(list, *address);
}

static void address_read_angle(address_list *list, mime_span name) {
    mime_address address = address_blank('a');
    address.name = name;
    list->cursor.at++;
    address_skip(list);
    if (address_at(list, '@')) address.route = address_route(list);
    address.mailbox = address_phrase(list, 1);
    if (address_at(list, '@')) {
        list->cursor.at++;
        address.host = address_domain(list);
    }
    /* QUIRK: anything between the domain and '>' is left out: <a@b@c>, <a@b <a@b>>, <list:;@host>. */
    int is_clean = address_at(list, '>');
    if (!is_clean && span_is_absent(address.host)) {
        address.host = address_literal(list, "SYNTAX_ERROR");
        address.kind |= MIME_ADDRESS_NO_HOST;
    }
    while (list->cursor.at < list->cursor.end && *list->cursor.at != '>' && *list->cursor.at != ',') list->cursor.at++;
    if (address_at(list, '>')) list->cursor.at++;
    if (!is_clean) address_flag(list);
    address_finish(list, &address);
}

/* user@host (Real Name): the name in a comment, as RFC 5322 s3.4 mentions for old mail. */
static mime_span address_comment_name(address_list *list) {
    mime_state *state = list->state;
    uint32_t from = state->text.length;
    if (!list->comment.at) return span_absent();
    lexer inside = list->comment;
    while (inside.at < inside.end) {
        const uint8_t *run = inside.at;
        while (inside.at < inside.end && *inside.at != '\\') inside.at++;
        lexer_unfold(state, run, inside.at);
        if (inside.at == inside.end) break;
        inside.at++;
        if (inside.at < inside.end) text_byte(state, *inside.at++);
    }
    return text_since(state, from);
}

/* Takes white space away from dots in the phrase at the end of the text store, which turned out to be a local part:
 * obs-local-part, RFC 5322 s4.4. */
static mime_span address_join_dots(address_list *list, mime_span phrase) {
    mime_state *state = list->state;
    uint8_t *bytes = state->text.bytes + phrase.offset;
    uint32_t kept = 0;
    if (list->has_quotes) return phrase;
    for (uint32_t i = 0; i < phrase.length; i++) {
        int is_beside_dot = (i + 1 < phrase.length && bytes[i + 1] == '.') || (kept && bytes[kept - 1] == '.');
        if (bytes[i] != ' ' || !is_beside_dot) bytes[kept++] = bytes[i];
    }
    state->text.length = phrase.offset + kept;
    phrase.length = kept;
    return phrase;
}

static void address_read_spec(address_list *list, mime_span local_part) {
    mime_address address = address_blank('a');
    address.mailbox = local_part;
    list->comment.at = NULL; /* only a comment behind the address is a name */
    if (address_at(list, '@')) {
        address.mailbox = address_join_dots(list, local_part);
        list->cursor.at++;
        address.host = address_domain(list);
    }
    address.name = address_comment_name(list);
    address_finish(list, &address);
}

static void address_end_group(address_list *list) {
    if (list->in_group) address_add(list, address_blank('e'));
    list->in_group = 0;
}

static void address_begin_group(address_list *list, mime_span name) {
    if (list->in_group) address_flag(list);
    address_end_group(list);
    mime_address group = address_blank('g');
    group.mailbox = name;
    address_add(list, group);
    list->in_group = 1;
    list->cursor.at++;
}

/* Copies [from, to) to the text store. */
static mime_span address_copy(mime_state *state, const uint8_t *from, const uint8_t *to) {
    uint32_t offset = state->text.length;
    text_append(state, from, (size_t)(to - from));
    return text_since(state, offset);
}

/* Past the atom characters and dots from `at` on. */
static const uint8_t *address_skip_atom(const uint8_t *at, const uint8_t *end) {
    while (at < end && !octet_is_of(*at, SPECIALS | OCTET_SPACE)) at++;
    return at;
}

/* At what may be a display name: past it, and its text in *from and *to. Words with one space between, or one quoted
 * string in which nothing is escaped or folded. */
static const uint8_t *address_usual_name(const uint8_t *at, const uint8_t *end, const uint8_t **from, const uint8_t **to) {
    *from = *to = at;
    if (at < end && *at == '"') {
        for (*from = ++at; at < end && *at != '"' && *at != '\\' && *at != '\r' && *at != '\n'; at++) continue;
        *to = at;
        return at < end && *at == '"' ? at + 1 : end;
    }
    for (const uint8_t *word = at; (at = address_skip_atom(word, end)) > word; word = at + 1) {
        *to = at;
        if (at == end || *at != ' ') break;
    }
    return at;
}

/* What nearly all mail has: [name] <local@host>, or local@host, up to a comma or the end, and nothing else. Returns 0,
 * and has taken nothing, if it is not exactly that. The other functions would make the same of it. */
static int address_read_usual(address_list *list) {
    mime_state *state = list->state;
    const uint8_t *at = list->cursor.at, *end = list->cursor.end, *name = at, *name_end = at;
    while (at < end && octet_is_space(*at)) at++;
    const uint8_t *local = at, *local_end = address_skip_atom(at, end);
    int has_name = local_end == end || *local_end != '@';
    if (has_name) {
        at = address_usual_name(at, end, &name, &name_end);
        if (at < end && *at == ' ') at++;
        if (at == end || *at != '<') return 0;
        local_end = address_skip_atom(local = at + 1, end);
    }
    if (local == local_end || local_end == end || *local_end != '@') return 0;
    const uint8_t *host = local_end + 1, *host_end = address_skip_atom(host, end);
    if (host == host_end || (has_name && (host_end == end || *host_end != '>'))) return 0;
    at = host_end + has_name;
    if (at < end && *at != ',') return 0;
    mime_address address = address_blank('a');
    if (has_name && name_end > name) address.name = address_copy(state, name, name_end);
    address.mailbox = address_copy(state, local, local_end);
    address.host = address_copy(state, host, host_end);
    list->cursor.at = at < end ? at + 1 : at;
    address_add(list, address);
    return 1;
}

/* One member of the list, up to and with the ',' or ';' behind it. */
static void address_read_one(address_list *list) {
    if (address_read_usual(list)) return;
    list->comment.at = NULL;
    const uint8_t *start = list->cursor.at;
    mime_span phrase = address_phrase(list, 0);
    if (address_at(list, '<')) {
        address_read_angle(list, phrase);
    } else if (address_at(list, ':')) {
        address_begin_group(list, phrase);
        return;
    } else if (phrase.length || address_at(list, '@')) {
        address_read_spec(list, phrase);
    }
    address_skip(list);
    if (address_at(list, ',')) {
        list->cursor.at++;
    } else if (address_at(list, ';')) {
        list->cursor.at++;
        address_end_group(list);
    } else if (list->cursor.at < list->cursor.end) {
        address_flag(list);
        /* QUIRK: <a@b>text, where the text is kept as an address of its own. */
        int is_special = octet_is_of(*list->cursor.at, SPECIALS & ~OCTET_QUOTE) && !address_at(list, '<');
        if (list->cursor.at == start || is_special) list->cursor.at++;
    }
}

static void address_read_header(mime_state *state, const mime_header *header) {
    address_list list = {.state = state, .header = (uint32_t)(header - state->headers), .offset = header->start};
    list.cursor.at = header_value(state, header, &list.cursor.end);
    while (list.cursor.at < list.cursor.end && !store_failed(state)) address_read_one(&list);
    address_end_group(&list);
}

/* QUIRK: a field that stands twice is joined, so that no client sees other senders than a filter does. */
address_range address_read(mime_state *state, uint32_t part, mime_field field) {
    address_range range = {state->result.address_count, 0};
    const mime_header *header = header_first(state, &state->parts[part], field);
    for (; header && !address_is_full(state); header = header_again(state, &state->parts[part], header))
        address_read_header(state, header);
    range.count = state->result.address_count - range.first;
    return range;
}
