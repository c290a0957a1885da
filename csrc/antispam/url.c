#include "url.h"

enum { KIND_HOST = 101, KIND_SCHEME = 105, KIND_SHAPE = 106, KIND_COUNT = 107 };

enum { LONGEST_URL = 512 };

static spam_span last_labels(spam_span domain, int labels) {
    size_t i = domain.length;
    while (i > 0) {
        if (domain.bytes[i - 1] == '.' && --labels == 0) {
            break;
        }
        i--;
    }
    return (spam_span){domain.bytes + i, domain.length - i};
}

void spam_domain_add(spam_features *set, enum spam_category category, uint64_t kind, spam_span domain) {
    if (domain.length == 0) {
        return;
    }
    spam_features_add(set, category, spam_hash_lower(domain, kind));
    spam_features_add(set, category, spam_hash_lower(last_labels(domain, 2), kind + 1));
    spam_features_add(set, category, spam_hash_lower(last_labels(domain, 1), kind + 2));
}

/* What ends a part of a URL: bits of a class. */
enum { AT = 1, COLON = 2, SLASH = 4, QUERY = 8, FRAGMENT = 16, PERCENT = 32, SPACE = 64, QUOTE = 128, DOT = 256 };

static const uint16_t stops_of[256] = {
    ['@'] = AT,     [':'] = COLON,  ['/'] = SLASH,  ['?'] = QUERY,  ['#'] = FRAGMENT, ['%'] = PERCENT, [' '] = SPACE,
    ['\t'] = SPACE, ['\r'] = SPACE, ['\n'] = SPACE, ['\\'] = SPACE, ['<'] = QUOTE,    ['>'] = QUOTE,   ['"'] = QUOTE,
    ['\''] = QUOTE, ['('] = QUOTE,  [')'] = QUOTE,  ['['] = QUOTE,  [']'] = QUOTE,    ['{'] = QUOTE,   ['}'] = QUOTE,   ['.'] = DOT};

static size_t find_any(spam_span span, size_t from, uint16_t stops) {
    size_t i = from;
    while (i < span.length && (stops_of[span.bytes[i]] & stops) == 0) {
        i++;
    }
    return i;
}

static int is_numeric_host(spam_span host) {
    for (size_t i = 0; i < host.length; i++) {
        if ((host.bytes[i] < '0' || host.bytes[i] > '9') && host.bytes[i] != '.') {
            return 0;
        }
    }
    return host.length > 0;
}

static void add_shape(spam_features *set, uint64_t shape) {
    spam_features_add(set, SPAM_URLS, spam_hash_lower((spam_span){(const uint8_t *)"", 0}, KIND_SHAPE) ^ shape << 8);
}

static void add_authority(spam_features *set, spam_span authority) {
    size_t at = find_any(authority, 0, AT);
    if (at < authority.length) {
        add_shape(set, 1); /* userinfo: http://bank.example@evil.example/ */
        authority.bytes += at + 1;
        authority.length -= at + 1;
    }
    size_t port = find_any(authority, 0, COLON);
    if (port < authority.length) {
        add_shape(set, 2);
    }
    spam_span host = {authority.bytes, port};
    if (is_numeric_host(host)) {
        add_shape(set, 3);
    }
    spam_domain_add(set, SPAM_URLS, KIND_HOST, host);
}

static void add_path_shape(spam_features *set, spam_span rest) {
    size_t query = find_any(rest, 0, QUERY);
    if (query < rest.length) {
        add_shape(set, 4);
    }
    if (find_any(rest, 0, PERCENT) < rest.length) {
        add_shape(set, 5);
    }
    uint64_t depth = 0;
    for (size_t i = 0; i < query; i++) {
        depth += rest.bytes[i] == '/';
    }
    add_shape(set, 8 + (depth < 7 ? depth : 7));
}

void spam_url_add(spam_features *set, spam_span url) {
    url.length = url.length < LONGEST_URL ? url.length : LONGEST_URL;
    size_t colon = find_any(url, 0, COLON | SLASH | QUERY | FRAGMENT);
    size_t start = 0;
    if (colon < url.length && url.bytes[colon] == ':') {
        spam_features_add(set, SPAM_URLS, spam_hash_lower((spam_span){url.bytes, colon}, KIND_SCHEME));
        start = colon + 1;
    }
    if (url.length - start >= 2 && url.bytes[start] == '/' && url.bytes[start + 1] == '/') {
        start += 2;
    } else if (start != 0 && !spam_starts(url, "mailto:")) {
        return; /* cid:, javascript:, data: have no host */
    }
    size_t end = find_any(url, start, SLASH | QUERY | FRAGMENT | SPACE);
    add_authority(set, (spam_span){url.bytes + start, end - start});
    add_path_shape(set, (spam_span){url.bytes + end, url.length - end});
}

static spam_span behind(spam_span text, size_t at) {
    return (spam_span){text.bytes + at, text.length - at};
}

/* The first URL from `from` on: a colon or a dot is looked for, and then what stands before it. */
static size_t url_start(spam_span text, size_t from) {
    for (size_t i = from; i + 3 < text.length; i++) {
        i = find_any(text, i, COLON | DOT);
        if (i >= text.length) {
            break;
        }
        if (text.bytes[i] == '.') {
            int is_www = i >= from + 3 && spam_starts(behind(text, i - 3), "www.");
            if (is_www && i + 4 < text.length && (i == 3 || !spam_is_alnum(text.bytes[i - 4]))) {
                return i - 3;
            }
        } else if (i >= from + 4 && spam_starts(behind(text, i - 4), "http://")) {
            return i - 4;
        } else if (i >= from + 5 && spam_starts(behind(text, i - 5), "https://")) {
            return i - 5;
        }
    }
    return text.length;
}

size_t spam_url_scan(spam_features *set, spam_span text, size_t limit) {
    size_t found = 0;
    for (size_t i = url_start(text, 0); i < text.length && found < limit; found++) {
        size_t end = find_any(text, i, SPACE | QUOTE);
        spam_url_add(set, (spam_span){text.bytes + i, end - i});
        i = url_start(text, end);
    }
    spam_features_add_size(set, SPAM_URLS, KIND_COUNT, found);
    return found;
}
