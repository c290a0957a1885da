#include "html.h"

#include "url.h"

#include <string.h>

enum { KIND_TAG = 201, KIND_ATTRIBUTE = 202, KIND_TAG_COUNT = 203, KIND_LINK_COUNT = 204, KIND_COMMENT = 205 };

typedef struct {
    spam_features *set;
    spam_span html;
    size_t at;
    spam_normal *out;
    size_t tags;
    size_t links;
    size_t link_limit;
} scanner;

static int at_end(const scanner *s) {
    return s->at >= s->html.length;
}

static spam_span rest(const scanner *s) {
    return (spam_span){s->html.bytes + s->at, s->html.length - s->at};
}

static void put_piece(scanner *s, const uint8_t *bytes, size_t length) {
    spam_normal_add(s->out, (spam_span){bytes, length});
}

static void put(scanner *s, uint8_t c) {
    put_piece(s, &c, 1);
}

/* Text up to the next tag or character reference. */
static void take_text(scanner *s) {
    size_t start = s->at;
    while (!at_end(s) && s->html.bytes[s->at] != '<' && s->html.bytes[s->at] != '&') {
        s->at++;
    }
    put_piece(s, s->html.bytes + start, s->at - start);
}

static void skip_past(scanner *s, const char *lower) {
    size_t length = strlen(lower);
    while (!at_end(s)) {
        const uint8_t *hit = memchr(rest(s).bytes, lower[0], rest(s).length);
        if (hit == NULL) {
            s->at = s->html.length;
            return;
        }
        s->at = (size_t)(hit - s->html.bytes);
        if (spam_starts(rest(s), lower)) {
            s->at += length;
            return;
        }
        s->at++;
    }
}

static void put_code_point(scanner *s, uint32_t code) {
    uint8_t octets[4];
    size_t length = 0;
    if (code < 0x80) {
        octets[length++] = (uint8_t)code;
    } else if (code < 0x800) {
        octets[length++] = (uint8_t)(0xC0 | code >> 6);
    } else if (code < 0x10000) {
        octets[length++] = (uint8_t)(0xE0 | code >> 12);
        octets[length++] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    } else if (code < 0x110000) {
        octets[length++] = (uint8_t)(0xF0 | code >> 18);
        octets[length++] = (uint8_t)(0x80 | (code >> 12 & 0x3F));
        octets[length++] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    } else {
        return;
    }
    if (code >= 0x80) {
        octets[length++] = (uint8_t)(0x80 | (code & 0x3F));
    }
    put_piece(s, octets, length);
}

static int digit_value(uint8_t c) {
    uint8_t lower = spam_lower(c);
    return (uint8_t)(c - '0') < 10 ? c - '0' : (uint8_t)(lower - 'a') < 6 ? lower - 'a' + 10 : 16;
}

static void put_numeric(scanner *s) {
    s->at += 2; /* &# */
    int base = !at_end(s) && spam_lower(s->html.bytes[s->at]) == 'x' ? 16 : 10;
    s->at += base == 16;
    uint32_t code = 0;
    for (int n = 0; n < 7 && !at_end(s) && digit_value(s->html.bytes[s->at]) < base; n++) {
        code = code * (uint32_t)base + (uint32_t)digit_value(s->html.bytes[s->at++]);
    }
    s->at += !at_end(s) && s->html.bytes[s->at] == ';';
    put_code_point(s, code);
}

static void put_entity(scanner *s) {
    static const struct {
        const char *name;
        uint8_t value;
    } entities[] = {{"&nbsp;", ' '}, {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    if (rest(s).length > 2 && rest(s).bytes[1] == '#') {
        put_numeric(s);
        return;
    }
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        if (spam_starts(rest(s), entities[i].name)) {
            put(s, entities[i].value);
            s->at += strlen(entities[i].name);
            return;
        }
    }
    put(s, '&');
    s->at++;
}

static int is_name_byte(uint8_t c) {
    return spam_is_alnum(c) || c == '-' || c == ':';
}

static spam_span take_name(scanner *s) {
    size_t start = s->at;
    while (!at_end(s) && is_name_byte(s->html.bytes[s->at])) {
        s->at++;
    }
    return (spam_span){s->html.bytes + start, s->at - start};
}

static spam_span take_value(scanner *s) {
    uint8_t quote = at_end(s) ? 0 : s->html.bytes[s->at];
    int is_quoted = quote == '"' || quote == '\'';
    s->at += (size_t)is_quoted;
    size_t start = s->at;
    while (!at_end(s)) {
        uint8_t c = s->html.bytes[s->at];
        if (is_quoted ? c == quote : c <= ' ' || c == '>') {
            break;
        }
        s->at++;
    }
    spam_span value = {s->html.bytes + start, s->at - start};
    s->at += (size_t)(is_quoted && !at_end(s));
    return value;
}

static void take_attribute(scanner *s) {
    spam_span name = take_name(s);
    if (name.length == 0) {
        s->at++; /* a stray byte in a tag */
        return;
    }
    if (at_end(s) || s->html.bytes[s->at] != '=') {
        return;
    }
    s->at++;
    spam_span value = take_value(s);
    spam_features_add(s->set, SPAM_HTML_SHAPE, spam_hash_lower(name, KIND_ATTRIBUTE));
    int is_link = spam_equals(name, "href") || spam_equals(name, "src") || spam_equals(name, "action");
    if (is_link && s->links < s->link_limit) {
        s->links++;
        spam_url_add(s->set, value);
    }
}

static int breaks_text(spam_span tag) {
    /* Inline markup within a word (V<b></b>iagra) must not split it; what starts a line or a cell must. */
    static const char *const inlines[] = {"b", "i", "u", "a", "em", "font", "span", "strong", "small", "big", "tt"};
    for (size_t i = 0; i < sizeof inlines / sizeof inlines[0]; i++) {
        if (spam_equals(tag, inlines[i])) {
            return 0;
        }
    }
    return 1;
}

static void take_tag(scanner *s) {
    s->at++; /* < */
    int is_closing = !at_end(s) && s->html.bytes[s->at] == '/';
    s->at += (size_t)is_closing;
    spam_span tag = take_name(s);
    if (breaks_text(tag)) {
        put(s, ' ');
    }
    while (!at_end(s) && s->html.bytes[s->at] != '>') {
        take_attribute(s);
    }
    s->at += (size_t)!at_end(s);
    if (is_closing) {
        return;
    }
    s->tags++;
    spam_features_add(s->set, SPAM_HTML_SHAPE, spam_hash_lower(tag, KIND_TAG));
    if (spam_equals(tag, "script")) {
        skip_past(s, "</script");
        skip_past(s, ">");
    } else if (spam_equals(tag, "style")) {
        skip_past(s, "</style");
        skip_past(s, ">");
    }
}

static void take_markup(scanner *s) {
    if (spam_starts(rest(s), "<!--")) {
        s->at += 4;
        skip_past(s, "-->");
        spam_features_add(s->set, SPAM_HTML_SHAPE, KIND_COMMENT);
    } else if (rest(s).length > 1 && (spam_is_alnum(rest(s).bytes[1]) || strchr("/!?", rest(s).bytes[1]) != NULL)) {
        take_tag(s);
    } else {
        put(s, '<');
        s->at++;
    }
}

void spam_html_text(spam_features *set, spam_span html, spam_normal *out, size_t url_limit) {
    scanner s = {.set = set, .html = html, .out = out, .link_limit = url_limit};
    while (!at_end(&s) && out->length < out->capacity) {
        uint8_t c = s.html.bytes[s.at];
        if (c == '<') {
            take_markup(&s);
        } else if (c == '&') {
            put_entity(&s);
        } else {
            take_text(&s);
        }
    }
    spam_features_add_size(set, SPAM_HTML_SHAPE, KIND_TAG_COUNT, s.tags);
    spam_features_add_size(set, SPAM_HTML_SHAPE, KIND_LINK_COUNT, s.links);
}
