/* Normal text: what it becomes, in any pieces, cut anywhere, in any room. */
#include "../../../csrc/antispam/normal.h"
#include "../check.h"

static int becomes(const char *text, const char *wanted) {
    size_t length = strlen(text);
    uint8_t *input = exact(text, length), *out = malloc(length + SPAM_PADDING);
    spam_span found = spam_normalise((spam_span){input, length}, out, length);
    int is_same = found.length == strlen(wanted) && memcmp(found.bytes, wanted, found.length) == 0;
    if (!is_same) {
        fprintf(stderr, "%s: %.*s\n", text, (int)found.length, (const char *)found.bytes);
    }
    free(out);
    free(input);
    return is_same;
}

static void test_white_space_and_case(void) {
    CHECK(becomes("", ""));
    CHECK(becomes(" \t\r\n", ""));
    CHECK(becomes("  Buy\r\n\tNOW ", "buy now "));
    CHECK(becomes("abcdefghijklmnO\r\n\r\nPQRSTUVWXYZ\r\n a  b[]@`{", "abcdefghijklmno pqrstuvwxyz a b[]@`{"));
    CHECK(becomes("0123456789abcdef 0123456789abcdef  0123456789ABCDEF", "0123456789abcdef 0123456789abcdef 0123456789abcdef"));
    CHECK(becomes("a\xC2\xA0 \xE3\x80\x80 b", "a b")); /* no-break and ideographic space */
}

static void test_disguises(void) {
    CHECK(becomes("V\xE2\x80\x8Bi\xC2\xAD" "a\xCC\x81" "gra", "viagra"));           /* zero-width space, soft hyphen, acute */
    CHECK(becomes("\xD1\x80\xD0\xB0\xD1\x83\xD1\x80\xD0\xB0l", "paypal"));    /* Cyrillic */
    CHECK(becomes("\xEF\xBC\xB6\xEF\xBC\xA9\xEF\xBC\xA1", "via"));            /* full-width */
    CHECK(becomes("\xF0\x9D\x93\xA5\xF0\x9D\x93\xB2", "vi"));                 /* mathematical script */
    CHECK(becomes("V\xC3\xAC\xC3\xA1gr\xC3\xA0 \xC5\x81\xC3\xB3\xC5\xBA", "viagra loz"));
    CHECK(becomes("\xEF\xAC\x81nd \xE2\x80\x9Cit\xE2\x80\x9D", "find \"it\""));
}

static void test_other_scripts_stay(void) {
    CHECK(becomes("\xE6\x97\xA5\xE6\x9C\xAC", "\xE6\x97\xA5\xE6\x9C\xAC"));
    CHECK(becomes("\xD0\x94\xD0\xBB \xD0\xB4\xD0\xBB", "\xD0\xB4\xD0\xBB \xD0\xB4\xD0\xBB")); /* capital and small */
    CHECK(becomes("\xE0\xA4\x95\xE0\xA5\x80", "\xE0\xA4\x95\xE0\xA5\x80"));                   /* a vowel sign is no accent */
    CHECK(becomes("\xFF\x80\xC3 \xF0\x9F\x98", "\xFF\x80\xC3 \xF0\x9F\x98"));                 /* no UTF-8 */
}

static void test_disguises_are_counted(void) {
    static uint8_t out[100 + SPAM_PADDING];
    static const char *const honest[] = {"za\xC5\xBC\xC3\xB3\xC5\x82\xC4\x87", "plain", "\xE2\x80\x9Cit\xE2\x80\x9D"};
    for (size_t i = 0; i < 3; i++) {
        spam_normal text;
        spam_normal_begin(&text, out, 100);
        spam_normal_add(&text, (spam_span){(const uint8_t *)honest[i], strlen(honest[i])});
        CHECK(text.disguised == 0);
        spam_normal_add(&text, (spam_span){(const uint8_t *)"\xD0\xB0\xE2\x80\x8B", 5});
        CHECK(text.disguised == 2);
    }
}

/* Any octets, in any room: never more than the room, and the same in two pieces of whole characters. */
static void test_anything(void) {
    static const char *const scraps[] = {"a", "B", " ", "\r\n", "\xD0\xB0", "\xE2\x80\x8B", "\xF0\x9D\x93\xA5", "\xC3", "\xFF", "xyzXYZxyzXYZxyzXYZ"};
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 3000; round++) {
        char text[600];
        size_t length = 0, middle = 0, scrap_count = next_random(&state) % 30;
        for (size_t i = 0; i < scrap_count; i++) {
            const char *scrap = scraps[next_random(&state) % 10];
            if (next_random(&state) % 3 == 0 && (length == 0 || text[length - 1] != '\xC3')) {
                middle = length;
            }
            memcpy(text + length, scrap, strlen(scrap));
            length += strlen(scrap);
        }
        uint8_t *input = exact(text, length);
        size_t capacity = next_random(&state) % 2 ? length : next_random(&state) % (length + 1);
        uint8_t *whole = malloc(capacity + SPAM_PADDING), *parts = malloc(capacity + SPAM_PADDING);
        spam_span found = spam_normalise((spam_span){input, length}, whole, capacity);
        spam_normal two;
        spam_normal_begin(&two, parts, capacity);
        spam_normal_add(&two, (spam_span){input, middle});
        spam_normal_add(&two, (spam_span){input + middle, length - middle});
        CHECK(found.length <= capacity);
        CHECK(two.length == found.length && memcmp(whole, parts, found.length) == 0);
        free(parts);
        free(whole);
        free(input);
    }
}

int main(void) {
    test_white_space_and_case();
    test_disguises();
    test_other_scripts_stay();
    test_disguises_are_counted();
    test_anything();
    puts("antispam normal text: ok");
    return 0;
}
