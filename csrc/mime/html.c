/* Plain text of HTML; see mime.h and html.h. Good enough for previews and for words: no layout, no CSS. */
#include "html.h"

#include "mime.h"
#include "octets.h"

/* Elements whose content is not text, and those that end a word. */
static const char *const HIDDEN[] = {"script", "style", "title", "head"};

static const struct {
    const char *name;
    const char *utf8;
} ENTITIES[] = {
    {"amp", "&"},          {"lt", "<"},           {"gt", ">"},           {"quot", "\""},
    {"apos", "'"},         {"nbsp", " "},         {"copy", "\xc2\xa9"},  {"reg", "\xc2\xae"},
    {"hellip", "\xe2\x80\xa6"}, {"mdash", "\xe2\x80\x94"}, {"ndash", "\xe2\x80\x93"}, {"rsquo", "\xe2\x80\x99"},
    {"lsquo", "\xe2\x80\x98"},  {"rdquo", "\xe2\x80\x9d"}, {"ldquo", "\xe2\x80\x9c"}, {"bull", "\xe2\x80\xa2"},
    {"euro", "\xe2\x82\xac"},   {"pound", "\xc2\xa3"},     {"laquo", "\xc2\xab"},     {"raquo", "\xc2\xbb"},
    {"shy", ""},           {"zwnj", ""},          {"zwj", ""},           {"middot", "\xc2\xb7"},
};

typedef struct html_out {
    uint8_t *bytes;
    size_t length;
    size_t capacity;
    int is_space_due;
    int is_full;
} html_out;

/* One character or none; a run of white space is one space, none at the begin. */
static void html_put(html_out *out, const uint8_t *bytes, size_t length) {
    size_t need = length + (out->is_space_due && out->length ? 1 : 0);
    if (out->capacity - out->length < need) out->is_full = 1;
    if (!length || out->is_full) return;
    if (out->is_space_due && out->length) out->bytes[out->length++] = ' ';
    out->is_space_due = 0;
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

static size_t html_encode(uint32_t c, uint8_t *utf8) {
    if (c < 0x80) {
        utf8[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        utf8[0] = (uint8_t)(0xc0 | c >> 6);
        utf8[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        utf8[0] = (uint8_t)(0xe0 | c >> 12);
        utf8[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        utf8[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    utf8[0] = (uint8_t)(0xf0 | c >> 18);
    utf8[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    utf8[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    utf8[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* At "&#": the character's number, 0 if there is none; *at moves past it. */
static uint32_t html_number(const uint8_t **at, const uint8_t *end) {
    const uint8_t *digit = *at + 2;
    int is_hex = digit < end && octet_lower(*digit) == 'x';
    uint32_t number = 0;
    if (is_hex) digit++;
    for (; digit < end; digit++) {
        int value = octet_hex(*digit);
        if (value < 0 || (!is_hex && value > 9)) break;
        if (number < 0x200000) number = number * (is_hex ? 16 : 10) + (uint32_t)value;
    }
    if (!number) return 0;
    *at = digit < end && *digit == ';' ? digit + 1 : digit;
    return number > 0x10ffff || (number >= 0xd800 && number < 0xe000) ? 0xfffd : number;
}

/* At '&': puts the character that is meant, or the ampersand itself. A reference is never shorter than its UTF-8. */
static const uint8_t *html_reference(html_out *out, const uint8_t *at, const uint8_t *end) {
    if (at + 1 < end && at[1] == '#') {
        uint8_t utf8[4];
        const uint8_t *next = at;
        uint32_t number = html_number(&next, end);
        if (number == 0xa0 || (number && number <= ' ')) out->is_space_due = 1;
        else if (number && number != 0xad && (number < 0x200b || number > 0x200f))
            html_put(out, utf8, html_encode(number, utf8));
        if (number) return next;
    }
    for (size_t i = 0; i < sizeof ENTITIES / sizeof *ENTITIES; i++) {
        size_t length = strlen(ENTITIES[i].name);
        if ((size_t)(end - at) < length + 2 || memcmp(at + 1, ENTITIES[i].name, length) != 0 || at[length + 1] != ';')
            continue;
        if (*ENTITIES[i].utf8 == ' ') out->is_space_due = 1;
        else html_put(out, (const uint8_t *)ENTITIES[i].utf8, strlen(ENTITIES[i].utf8));
        return at + length + 2;
    }
    html_put(out, at, 1);
    return at + 1;
}

/* At '<' of a hidden element: past its end tag, or the end of the text. Otherwise NULL. */
static const uint8_t *html_hidden(const uint8_t *at, const uint8_t *end) {
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
        size_t length = strlen(HIDDEN[i]);
        if ((size_t)(end - at) < length + 2 || !octets_equal(at + 1, length, HIDDEN[i], length)) continue;
        uint8_t after = at[length + 1];
        if (!octet_is_space(after) && after != '>') continue;
        for (const uint8_t *close = at + 1; (close = memchr(close, '<', (size_t)(end - close))) != NULL; close++)
            if ((size_t)(end - close) > length + 1 && close[1] == '/' &&
                octets_equal(close + 2, length, HIDDEN[i], length))
                return close;
        return end;
    }
    return NULL;
}

/* Inline elements do not end a word. */
static int html_is_inline(const uint8_t *at, const uint8_t *end) {
    static const char *const NAMES[] = {"a", "b", "i", "u", "em", "font", "span", "strong", "small", "big", "sup", "sub"};
    const uint8_t *name = at + 1;
    if (name < end && *name == '/') name++;
    const uint8_t *stop = name;
    while (stop < end && (octet_is_alpha(*stop) || octet_is_digit(*stop))) stop++;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (octets_equal(name, (size_t)(stop - name), NAMES[i], strlen(NAMES[i]))) return 1;
    return 0;
}

#define LONGEST_QUOTED 4096

/* Past the '>' that ends the tag at `at`; one inside of a quoted attribute value does not. A quote that stays open too
 * long is none: then the first '>' counts. */
static const uint8_t *html_tag_end(const uint8_t *at, const uint8_t *end) {
    const uint8_t *first = memchr(at, '>', (size_t)(end - at));
    const uint8_t *limit = end - at > LONGEST_QUOTED ? at + LONGEST_QUOTED : end;
    uint8_t quote = 0;
    if (!first) return end;
    for (; at < limit; at++) {
        if (quote) quote = *at == quote ? 0 : quote;
        else if (*at == '>') return at + 1;
        else if ((*at == '"' || *at == '\'') && at[-1] == '=') quote = *at;
    }
    return first + 1;
}

/* At '<': past the tag or comment. A '<' that begins neither is text. */
static const uint8_t *html_tag(html_out *out, const uint8_t *at, const uint8_t *end) {
    const uint8_t *hidden = html_hidden(at, end);
    if (hidden) return hidden;
    if (end - at > 3 && memcmp(at, "<!--", 4) == 0) {
        for (const uint8_t *close = at + 4; (close = memchr(close, '>', (size_t)(end - close))) != NULL; close++)
            if (close[-1] == '-' && close[-2] == '-') return close + 1;
        return end;
    }
    if (end - at < 2 || (!octet_is_alpha(at[1]) && at[1] != '/' && at[1] != '!' && at[1] != '?')) {
        html_put(out, at, 1);
        return at + 1;
    }
    if (!html_is_inline(at, end)) out->is_space_due = 1;
    return html_tag_end(at, end);
}

size_t html_strip(const uint8_t *html, size_t length, uint8_t *plain, size_t capacity) {
    const uint8_t *at = html, *end = html + length;
    html_out out = {plain, 0, capacity, 0, 0};
    while (at < end && !out.is_full) {
        if (*at == '<') {
            at = html_tag(&out, at, end);
        } else if (*at == '&') {
            at = html_reference(&out, at, end);
        } else if (octet_is_space(*at)) {
            out.is_space_due = 1;
            at++;
        } else {
            html_put(&out, at, 1);
            at++;
        }
    }
    return out.length;
}

size_t mime_html_text(const uint8_t *html, size_t length, uint8_t *plain) {
    return html_strip(html, length, plain, length);
}
