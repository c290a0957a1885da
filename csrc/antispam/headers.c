#include "headers.h"

#include "text.h"
#include "url.h"

enum {
    SEEN_FROM = 1,
    SEEN_TO = 2,
    SEEN_SUBJECT = 4,
    SEEN_DATE = 8,
    SEEN_ID = 16,
    SEEN_REPLY_TO = 32,
    SEEN_CC = 64,
    SEEN_REFERENCES = 128
};

enum {
    KIND_FIELD = 301,
    KIND_ORDER = 302,
    KIND_MISSING = 303,
    KIND_DOMAIN = 304,
    KIND_LOCAL = 308,
    KIND_RELATION = 309,
    KIND_RECIPIENTS = 310,
    KIND_ID_SHAPE = 311,
    KIND_ZONE = 312,
    KIND_SUBJECT_SHAPE = 313,
    KIND_ID_DOMAIN = 314
};

enum { TEXT_BUDGET = 2048, FIELD_BYTES = 256, SUBJECT_BYTES = 256, WORDS = 32, ID_BYTES = 80, MAX_FIELDS = 200 };

/* What other filters and mailbox programs wrote, and what tells an archive. */
static const char *const ignored[] = {
    "x-spam",    "x-virus",   "x-mozilla", "x-ms-exchange", "x-ms-has", "x-mda-",    "list-archive", "x-status", "status",
    "x-keywords", "x-uid",    "x-bogosity", "x-rspam",       "x-scanned", "x-amavis", "x-barracuda",  "x-ironport",
    "x-pstn",    "x-antiabuse", "authentication-results", "arc-", "x-pyzor", "x-dcc", "x-proofpoint", "x-archive"};

/* What the way to this site wrote: it tells much of local mail and nothing of mail elsewhere. */
static const char *const transport[] = {
    "received",     "list-",       "x-list",     "x-mailman", "x-beenthere",  "x-loop",      "x-egroups",   "mailing-list",
    "delivered-",   "return-path", "errors-to",  "sender",    "precedence",   "x-original-", "x-apparently", "old-",
    "x-google-",    "x-received",  "x-hashcash", "x-fetch",   "lines",        "envelope-to", "x-envelope",  "approved",
    "x-ack",        "x-no-archive"};

static int is_of(const char *const *prefixes, size_t count, spam_span name) {
    uint8_t first = name.length ? spam_lower(name.bytes[0]) : 0;
    for (size_t i = 0; i < count; i++) {
        if ((uint8_t)prefixes[i][0] == first && spam_starts(name, prefixes[i])) {
            return 1;
        }
    }
    return 0;
}

#define IS_OF(prefixes, name) is_of((prefixes), sizeof(prefixes) / sizeof *(prefixes), (name))

static spam_span first_bytes(spam_span span, size_t limit) {
    return (spam_span){span.bytes, span.length < limit ? span.length : limit};
}

static void add_relation(spam_features *set, enum spam_category category, uint64_t value) {
    spam_features_add(set, category, ((uint64_t)KIND_RELATION << 32) + value);
}

static size_t find_byte(spam_span span, size_t from, uint8_t byte) {
    size_t i = from;
    while (i < span.length && span.bytes[i] != byte) {
        i++;
    }
    return i;
}

static int is_domain_byte(uint8_t c) {
    return spam_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* The domain of the last addr-spec in an address field or message id; empty if there is none. */
static spam_span domain_of(spam_span value) {
    size_t at = value.length;
    while (at > 0 && value.bytes[at - 1] != '@') {
        at--;
    }
    size_t end = at;
    while (at > 0 && end < value.length && is_domain_byte(value.bytes[end])) {
        end++;
    }
    return (spam_span){value.bytes + at, at == 0 ? 0 : end - at};
}

static uint64_t domain_hash(spam_span domain) {
    return domain.length == 0 ? 0 : spam_hash_lower(domain, KIND_DOMAIN);
}

static void add_local_shape(spam_features *set, spam_span value, spam_span domain) {
    if (domain.length == 0) {
        return;
    }
    size_t end = (size_t)(domain.bytes - value.bytes) - 1;
    uint64_t digits = 0;
    uint64_t length = 0;
    for (size_t i = end; i > 0 && value.bytes[i - 1] != '<' && value.bytes[i - 1] > ' ' && length < 64; i--) {
        digits += (uint8_t)(value.bytes[i - 1] - '0') < 10;
        length++;
    }
    spam_features_add(set, SPAM_SENDER, ((uint64_t)KIND_LOCAL << 32) + (digits < 5 ? digits : 5));
}

/* The domain as it is written: one that only looks like another is another. */
static uint64_t add_sender(spam_features *set, spam_span value, spam_span written, uint64_t kind) {
    spam_span domain = domain_of(written);
    spam_text_words(set, SPAM_SENDER, kind, value, WORDS);
    spam_domain_add(set, SPAM_SENDER, KIND_DOMAIN, domain);
    add_local_shape(set, written, domain);
    if (find_byte(value, 0, '<') == value.length) {
        add_relation(set, SPAM_SENDER, 1); /* no display name */
    }
    return domain_hash(domain);
}

static void add_recipients(spam_features *set, spam_span value, uint64_t kind) {
    uint64_t count = 0;
    for (size_t i = find_byte(value, 0, '@'); i < value.length; i = find_byte(value, i + 1, '@')) {
        count++;
    }
    spam_features_add_size(set, SPAM_RECIPIENT, KIND_RECIPIENTS ^ kind, count);
    spam_text_words(set, SPAM_RECIPIENT, kind, first_bytes(value, FIELD_BYTES), WORDS);
}

static void add_subject_shape(spam_features *set, spam_span value) {
    uint64_t upper = 0;
    uint64_t letters = 0;
    uint64_t loud = 0;
    for (size_t i = 0; i < value.length; i++) {
        uint8_t c = value.bytes[i];
        upper += (uint8_t)(c - 'A') < 26;
        letters += (uint8_t)((c | 0x20) - 'a') < 26;
        loud += c == '!' || c == '$';
    }
    int is_shouted = letters > 5 && upper * 2 > letters;
    uint64_t shape = (uint64_t)is_shouted | (loud < 3 ? loud : 3) << 1 | (uint64_t)spam_starts(value, "re:") << 4;
    spam_features_add(set, SPAM_SUBJECT, ((uint64_t)KIND_SUBJECT_SHAPE << 32) + shape);
}

static void add_subject(spam_features *set, spam_span value, spam_span written) {
    value = first_bytes(value, SUBJECT_BYTES);
    spam_text_words(set, SPAM_SUBJECT, 1, value, WORDS);
    spam_text_ngrams(set, SPAM_SUBJECT, value);
    add_subject_shape(set, first_bytes(written, SUBJECT_BYTES));
}

/* The program that made a message id shows in its pattern: classes of characters, runs counted up to 15. */
static void add_id_shape(spam_features *set, spam_span value) {
    uint64_t hash = KIND_ID_SHAPE;
    uint64_t last = 0;
    value = first_bytes(value, ID_BYTES);
    size_t end = find_byte(value, 0, '@');
    for (size_t i = 0; i < end; i++) {
        uint8_t c = value.bytes[i];
        uint64_t class = (uint8_t)(c - '0') < 10 ? 1 : (uint8_t)(c - 'A') < 26 ? 2 : (uint8_t)(c - 'a') < 26 ? 3 : c;
        if (class != last) {
            hash = (hash ^ class) * UINT64_C(0x100000001B3);
        }
        last = class;
    }
    spam_features_add(set, SPAM_HEADER_SHAPE, hash);
}

static void add_text(spam_headers *state, enum spam_category category, spam_span value) {
    spam_span text = first_bytes(value, state->text_left);
    state->text_left -= text.length;
    spam_text_ngrams(state->set, category, text);
}

static void add_other(spam_headers *state, spam_span name, spam_span value) {
    value = first_bytes(value, FIELD_BYTES);
    spam_text_words(state->set, SPAM_HEADER_WORDS, spam_hash_lower(name, KIND_FIELD), value, WORDS);
    add_text(state, SPAM_HEADER_TEXT, value);
}

static void add_transport(spam_headers *state, spam_span name, spam_span value) {
    uint64_t hash = spam_hash_lower(name, KIND_FIELD);
    spam_features_add(state->set, SPAM_TRANSPORT, hash);
    spam_text_words(state->set, SPAM_TRANSPORT, hash, value, WORDS);
    spam_span text = first_bytes(value, state->transport_left);
    state->transport_left -= text.length;
    spam_text_ngrams(state->set, SPAM_TRANSPORT, text);
}

static void add_identifier(spam_headers *state, spam_span value, spam_span written) {
    state->seen |= SEEN_ID;
    spam_span domain = domain_of(value);
    state->id_domain = domain_hash(domain);
    add_text(state, SPAM_HEADER_TEXT, value);
    add_id_shape(state->set, written);
    spam_domain_add(state->set, SPAM_HEADER_WORDS, KIND_ID_DOMAIN, domain);
}

static void add_date(spam_headers *state, spam_span value) {
    state->seen |= SEEN_DATE;
    spam_span zone = value.length < 5 ? value : (spam_span){value.bytes + value.length - 5, 5};
    spam_features_add(state->set, SPAM_HEADER_SHAPE, spam_hash_lower(zone, KIND_ZONE));
}

static void add_by_field(spam_headers *state, int field, spam_span name, spam_span value, spam_span written) {
    switch (field) {
    case MIME_FIELD_SUBJECT:
        state->seen |= SEEN_SUBJECT;
        add_subject(state->set, value, written);
        break;
    case MIME_FIELD_FROM:
        state->seen |= SEEN_FROM;
        state->from_domain = add_sender(state->set, value, written, 2);
        add_text(state, SPAM_SENDER, value);
        break;
    case MIME_FIELD_REPLY_TO:
        state->seen |= SEEN_REPLY_TO;
        state->reply_domain = add_sender(state->set, value, written, 3);
        add_text(state, SPAM_HEADER_TEXT, value);
        break;
    case MIME_FIELD_TO:
        state->seen |= SEEN_TO;
        add_recipients(state->set, value, 4);
        break;
    case MIME_FIELD_CC:
        state->seen |= SEEN_CC;
        add_recipients(state->set, value, 5);
        break;
    case MIME_FIELD_MESSAGE_ID:
        add_identifier(state, value, written);
        break;
    case MIME_FIELD_DATE:
        add_date(state, value);
        break;
    case MIME_FIELD_REFERENCES:
    case MIME_FIELD_IN_REPLY_TO:
        state->seen |= SEEN_REFERENCES;
        break;
    case MIME_FIELD_MIME_VERSION:
        break;
    default:
        if (!spam_starts(name, "content-")) {
            add_other(state, name, value);
        }
    }
}

void spam_headers_begin(spam_headers *state, spam_features *set) {
    *state = (spam_headers){.set = set, .text_left = TEXT_BUDGET, .transport_left = TEXT_BUDGET};
}

void spam_headers_field(spam_headers *state, int field, spam_span name, spam_span value, spam_span written) {
    if (state->fields == MAX_FIELDS || IS_OF(ignored, name)) {
        return;
    }
    state->fields++;
    if (IS_OF(transport, name)) {
        add_transport(state, name, value);
        return;
    }
    uint64_t hash = spam_hash_lower(name, KIND_FIELD);
    spam_features_add(state->set, SPAM_HEADER_SHAPE, hash);
    spam_features_add(state->set, SPAM_HEADER_SHAPE, (state->previous << 9 | state->previous >> 55) ^ hash ^ KIND_ORDER);
    state->previous = hash;
    add_by_field(state, field, name, value, written);
}

void spam_headers_end(spam_headers *state) {
    spam_features *set = state->set;
    for (uint32_t bit = 1; bit <= SEEN_REFERENCES; bit <<= 1) {
        if ((state->seen & bit) == 0) {
            spam_features_add(set, SPAM_HEADER_SHAPE, ((uint64_t)KIND_MISSING << 32) + bit);
        }
    }
    if (state->reply_domain != 0) {
        add_relation(set, SPAM_SENDER, state->reply_domain == state->from_domain ? 2 : 3);
    }
    if (state->id_domain != 0) {
        add_relation(set, SPAM_HEADER_SHAPE, state->id_domain == state->from_domain ? 4 : 5);
    }
}
