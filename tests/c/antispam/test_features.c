/* Features of spans and messages: the set, words, n-grams, URLs, HTML, whole messages cut and mutated anywhere. */
#include "../../../csrc/antispam/extract.h"
#include "../../../csrc/antispam/html.h"
#include "../../../csrc/antispam/normal.h"
#include "../../../csrc/antispam/text.h"
#include "../../../csrc/antispam/url.h"
#include "../check.h"

enum { COPIES = 3 };

static spam_features set;

static spam_span span_of(const char *text) {
    return (spam_span){(const uint8_t *)text, strlen(text)};
}

/* Normal text, as words and n-grams want it. */
static spam_span normal_of(const char *text) {
    static uint8_t room[1000 + SPAM_PADDING];
    return spam_normalise(span_of(text), room, 1000);
}

static int has(enum spam_category category) {
    for (uint32_t i = 0; i < set.count; i++) {
        if (set.ids[i] >> 28 == (uint32_t)category) {
            return 1;
        }
    }
    return 0;
}

static void test_set_is_deduplicated_and_bounded(void) {
    spam_features_begin(&set);
    spam_features_add(&set, SPAM_URLS, 7);
    spam_features_add(&set, SPAM_URLS, 7);
    CHECK(set.count == 1 && set.ids[0] >> 28 == SPAM_URLS);
    spam_features_add(&set, SPAM_SUBJECT, 7);
    CHECK(set.count == 2);
    for (uint64_t key = 0; key < 200000; key++) {
        spam_features_add(&set, SPAM_BODY_TEXT, key);
    }
    CHECK(set.count == SPAM_MAX_FEATURES);
}

static void test_words_know_neither_case_nor_place(void) {
    spam_features_begin(&set);
    spam_text_words(&set, SPAM_BODY_WORDS, 1, normal_of("Buy now"), 100);
    CHECK(set.count == 3); /* two words and their pair */
    spam_text_words(&set, SPAM_BODY_WORDS, 1, normal_of("  BUY...\r\n NOW "), 100);
    CHECK(set.count == 3);
    spam_text_words(&set, SPAM_BODY_WORDS, 2, normal_of("buy"), 100);
    CHECK(set.count == 4); /* another field's word */
    spam_text_words(&set, SPAM_BODY_WORDS, 1, normal_of("one two three four"), 2);
    CHECK(set.count == 7);
}

static void test_ngrams_of_short_and_exact_text(void) {
    for (size_t length = 0; length < 12; length++) {
        uint8_t *text = exact("abcdefghijkl", length);
        uint8_t *padded = malloc(length + SPAM_PADDING);
        spam_features_begin(&set);
        spam_text_ngrams(&set, SPAM_BODY_TEXT, spam_normalise((spam_span){text, length}, padded, length));
        CHECK(set.count == (length < 3 ? 0 : length - 2) + (length < 5 ? 0 : length - 4));
        free(padded);
        free(text);
    }
}

static void test_html_shows_what_is_read(void) {
    static uint8_t out[200 + SPAM_PADDING];
    spam_normal text;
    const char *html = "<style>p{x}</style><p class=a>V<b></b>i<!-- no -->agra &amp; &#67;o&nbsp;</p>\n\n<br>1 &lt; 2"
                       "<script>var x='<p>hidden'</script><a href='http://u@10.0.0.1:81/a?b'>go";
    spam_features_begin(&set);
    spam_normal_begin(&text, out, 200);
    spam_html_text(&set, span_of(html), &text, 10);
    const char *seen = "viagra & co 1 < 2 go";
    CHECK(text.length == strlen(seen) && memcmp(out, seen, text.length) == 0);
    CHECK(has(SPAM_URLS) && has(SPAM_HTML_SHAPE));
}

static void test_html_cut_anywhere(void) {
    const char *html = "<!-- c --><a href=\"http://h.example/x\" title=>&#x41;&#65;&nbsp;&bogus; <\xc5\x82 </ <b/><img src=";
    for (size_t length = 0; length <= strlen(html); length++) {
        uint8_t *cut = exact(html, length);
        for (size_t capacity = 0; capacity < 8; capacity++) {
            uint8_t *out = malloc(capacity + SPAM_PADDING);
            spam_normal text;
            spam_normal_begin(&text, out, capacity);
            spam_features_begin(&set);
            spam_html_text(&set, (spam_span){cut, length}, &text, 2);
            CHECK(text.length <= capacity);
            free(out);
        }
        free(cut);
    }
}

static uint32_t url_count(const char *url) {
    spam_features_begin(&set);
    spam_url_add(&set, span_of(url));
    return set.count;
}

static void test_urls(void) {
    uint32_t plain = url_count("http://shop.example.com/a");
    CHECK(url_count("http://user@shop.example.com/a") == plain + 1);
    CHECK(url_count("http://shop.example.com:8080/a") == plain + 1);
    CHECK(url_count("http://shop.example.com/a?b") == plain + 1);
    CHECK(url_count("cid:part1") == 1);
    CHECK(url_count("") <= 1);
    spam_features_begin(&set);
    CHECK(spam_url_scan(&set, span_of("see www.a.example, (https://b.example/x) but not awww.c"), 10) == 2);
    CHECK(spam_url_scan(&set, span_of("http://a http://b http://c"), 2) == 2);
    const char *text = "x https://user@10.1.2.3:8/p/q%20?r#f";
    for (size_t length = 0; length <= strlen(text); length++) {
        uint8_t *cut = exact(text, length);
        spam_features_begin(&set);
        spam_url_scan(&set, (spam_span){cut, length}, 3);
        free(cut);
    }
}

static uint32_t examine(const uint8_t *raw, size_t length, uint32_t *ids) {
    mime_limits limits;
    mime_default_limits(&limits);
    spam_context *context = spam_context_new();
    const uint32_t *found;
    uint32_t count = 0;
    CHECK(spam_read_features(context, raw, length, &limits, COPIES, SPAM_PROOF_PASSED, &found, &count) == MIME_OK);
    CHECK(count <= SPAM_MAX_FEATURES);
    memcpy(ids, found, count * sizeof *ids);
    spam_context_free(context);
    return count;
}

static const char MESSAGE[] =
    "From: \"A B\" <a.b12@Example.COM>\r\nReply-To: x@other.example\r\nTo: c@d, e@f\r\nCc: g\r\n"
    "Subject: =?utf-8?Q?Free=21?= MONEY $$$\r\nMessage-ID: <12ab@example.com>\r\nDate: Tue, 1 Jan 2002 00:00:00 +0100\r\n"
    "Received: from c by d\r\nX-Mailer: a\r\n\tfolded\r\nX-Spam-Status: Yes\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: text/html; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Buy=20now <a href=3Dhttp://x.example/?u>here</a>\r\n"
    "--q\r\nContent-Type: application/zip; name=a.pdf.exe\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--q--\r\n";

static void test_message_cut_anywhere(uint32_t *ids) {
    for (size_t length = 0; length < sizeof MESSAGE; length++) {
        uint8_t *cut = exact(MESSAGE, length);
        examine(cut, length, ids);
        free(cut);
    }
    for (enum spam_category category = 0; category < SPAM_CATEGORIES; category++) {
        uint32_t count = examine((const uint8_t *)MESSAGE, sizeof MESSAGE - 1, ids);
        uint32_t found = 0;
        for (uint32_t i = 0; i < count; i++) {
            found += ids[i] >> 28 == (uint32_t)category;
        }
        CHECK(found > 0);
    }
}

static void test_message_mutated(uint32_t *ids) {
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 3000; round++) {
        uint8_t *raw = exact(MESSAGE, sizeof MESSAGE - 1);
        for (int change = 0; change < 8; change++) {
            raw[next_random(&state) % (sizeof MESSAGE - 1)] = (uint8_t)next_random(&state);
        }
        examine(raw, sizeof MESSAGE - 1, ids);
        free(raw);
    }
}

static void test_other_filters_are_not_seen(uint32_t *ids) {
    const char *bare = "Subject: x\r\n\r\nhello there\r\n";
    const char *marked = "X-Spam-Flag: YES\r\nList-Archive: <l>\r\nSubject: x\r\n\r\nhello there\r\n";
    uint32_t *other = malloc(SPAM_MAX_FEATURES * sizeof *other);
    uint32_t count = examine((const uint8_t *)bare, strlen(bare), ids);
    CHECK(count > 5 && count == examine((const uint8_t *)marked, strlen(marked), other));
    CHECK(memcmp(ids, other, count * sizeof *ids) == 0);
    free(other);
}

/* The way to this site is a category of its own, which a model that goes elsewhere does not look at. */
static void test_hops_stand_apart(uint32_t *ids) {
    const char *raw = "Received: from spam.example\r\nList-Id: <l>\r\nSubject: x\r\n\r\nhello there\r\n";
    uint32_t count = examine((const uint8_t *)raw, strlen(raw), ids), apart = 0, bare;
    for (uint32_t i = 0; i < count; i++) {
        apart += ids[i] >> 28 == SPAM_TRANSPORT;
    }
    raw = strstr(raw, "Subject");
    bare = examine((const uint8_t *)raw, strlen(raw), ids);
    CHECK(apart > 10 && bare == count - apart);
}

/* What stands behind a wall of harmless text is still seen, and the work does not grow with the wall. */
static void test_padding_does_not_starve(uint32_t *ids) {
    size_t wall = 4 << 20;
    const char *head = "Subject: x\r\n\r\n";
    const char *tail = "\r\nvisit http://pills.example/ now\r\n";
    size_t length = strlen(head) + wall + strlen(tail);
    uint8_t *raw = malloc(length);
    memcpy(raw, head, strlen(head));
    for (size_t i = 0; i < wall; i++) {
        raw[strlen(head) + i] = (uint8_t)(i % 7 == 6 ? ' ' : 'a' + i % 23);
    }
    memcpy(raw + length - strlen(tail), tail, strlen(tail));
    uint32_t count = examine(raw, length, ids);
    spam_features_begin(&set);
    spam_domain_add(&set, SPAM_URLS, 101, span_of("pills.example"));
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += ids[i] == set.ids[0];
    }
    CHECK(found == 1);
    free(raw);
}

int main(void) {
    uint32_t *ids = malloc(SPAM_MAX_FEATURES * sizeof *ids);
    test_set_is_deduplicated_and_bounded();
    test_words_know_neither_case_nor_place();
    test_ngrams_of_short_and_exact_text();
    test_html_shows_what_is_read();
    test_html_cut_anywhere();
    test_urls();
    test_message_cut_anywhere(ids);
    test_message_mutated(ids);
    test_other_filters_are_not_seen(ids);
    test_hops_stand_apart(ids);
    test_padding_does_not_starve(ids);
    free(ids);
    puts("antispam features: ok");
    return 0;
}
