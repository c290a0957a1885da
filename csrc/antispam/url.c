#include "url.h"

#include <string.h>

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

static size_t find_any(spam_span span, size_t from, const char *stops) {
    size_t i = from;
    while (i < span.length && (span.bytes[i] == 0 || strchr(stops, span.bytes[i]) == NULL)) {
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
    size_t at = find_any(authority, 0, "@");
    if (at < authority.length) {
        add_shape(set, 1); /* userinfo: http://bank.example@evil.example/ */
        authority.bytes += at + 1;
        authority.length -= at + 1;
    }
    size_t port = find_any(authority, 0, ":");
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
    size_t query = find_any(rest, 0, "?");
    if (query < rest.length) {
        add_shape(set, 4);
    }
    if (find_any(rest, 0, "%") < rest.length) {
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
    size_t colon = find_any(url, 0, ":/?#");
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
    size_t end = find_any(url, start, "/?# \t\r\n\\");
    add_authority(set, (spam_span){url.bytes + start, end - start});
    add_path_shape(set, (spam_span){url.bytes + end, url.length - end});
}

static size_t url_start(spam_span text, size_t from) {
    for (size_t i = from; i + 8 <= text.length; i++) {
        spam_span here = {text.bytes + i, text.length - i};
        uint8_t c = spam_lower(here.bytes[0]);
        if ((c == 'h' && (spam_starts(here, "http://") || spam_starts(here, "https://"))) ||
            (c == 'w' && spam_starts(here, "www.") && (i == 0 || !spam_is_alnum(text.bytes[i - 1])))) {
            return i;
        }
    }
    return text.length;
}

size_t spam_url_scan(spam_features *set, spam_span text, size_t limit) {
    size_t found = 0;
    for (size_t i = url_start(text, 0); i < text.length && found < limit; found++) {
        size_t end = find_any(text, i, " \t\r\n<>\"'()[]{}");
        spam_url_add(set, (spam_span){text.bytes + i, end - i});
        i = url_start(text, end);
    }
    spam_features_add_size(set, SPAM_URLS, KIND_COUNT, found);
    return found;
}
