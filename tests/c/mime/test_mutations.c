/* Samples with octets changed, doubled and cut out at random, from a fixed seed: all parse. */
#include "message.h"

#define ROUNDS 150

static uint64_t random_state = 0x9e3779b97f4a7c15;

static size_t random_below(size_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 11) % bound;
}

/* Octets that mean something to a mail parser. */
static const uint8_t TELLING[] = "\r\n\t :;,<>()[]\"\\=?*%-_'&#@./\0\xff\xc3\xe2" "Q0b";

static size_t mutate(uint8_t *bytes, size_t length) {
    for (size_t changes = 1 + random_below(8); changes-- && length > 64;) {
        size_t at = random_below(length - 32), run = 1 + random_below(24);
        switch (random_below(4)) {
        case 0: bytes[at] = TELLING[random_below(sizeof TELLING)]; break;
        case 1: memmove(bytes + at, bytes + at + run, length - at - run); length -= run; break;
        case 2: memmove(bytes + at, bytes + random_below(length - 32), run < 8 ? run : 8); break;
        default: bytes[at] = (uint8_t)random_below(256);
        }
    }
    return length;
}

int main(int count, char **paths) {
    size_t parsed = 0;
    for (int i = 1; i < count; i++) {
        sample mail = sample_load(paths[i]);
        uint8_t *changed = malloc(mail.length + 32);
        CHECK(changed);
        for (int round = 0; round < ROUNDS; round++, parsed++) {
            memcpy(changed, mail.bytes, mail.length);
            CHECK(message_check(changed, mutate(changed, mail.length)) == MIME_OK);
        }
        free(changed);
        free(mail.bytes);
    }
    CHECK(parsed > 1000);
    printf("%zu mutations\n", parsed);
    return 0;
}
