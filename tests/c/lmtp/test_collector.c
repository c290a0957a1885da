/* Any message that was stuffed as RFC 5321 s4.5.2 asks comes out as it was, however the stream is cut. */
#include "collector.h"

#include "../check.h"


enum { MOST = 40, ROUNDS = 20000 };

static uint64_t state = 1;

static size_t chance(size_t below) {
    return next_random(&state) % below;
}

/* Of pieces that the end of a message is made of; ends in CRLF. */
static size_t make(uint8_t *message) {
    static const char *const pieces[] = {"\r", "\n", ".", "\r\n", "x", "\r\n.", "\r\n.\r", "..", "\r\n.."};
    size_t length = 0, count = chance(MOST / 4);
    for (size_t piece = 0; piece < count; piece++) {
        const char *chosen = pieces[chance(sizeof pieces / sizeof *pieces)];
        memcpy(message + length, chosen, strlen(chosen));
        length += strlen(chosen);
    }
    memcpy(message + length, "\r\n", 2);
    return length + 2;
}

static size_t stuff(const uint8_t *message, size_t length, uint8_t *wire) {
    size_t out = 0;
    for (size_t at = 0; at < length; at++) {
        bool begins_line = at == 0 || (at >= 2 && message[at - 2] == '\r' && message[at - 1] == '\n');
        if (begins_line && message[at] == '.') {
            wire[out++] = '.';
        }
        wire[out++] = message[at];
    }
    memcpy(wire + out, ".\r\nREST", 7);
    return out + 7;
}

/* Feeds octets in a block of their own, so that reading beyond them is seen; how many were taken. */
static size_t feed(lmtp_collector *collector, const uint8_t *octets, size_t length, enum lmtp_collected *found) {
    uint8_t *copy = exact(octets, length);
    size_t taken = 0;
    *found = lmtp_collector_feed(collector, copy, length, &taken);
    free(copy);
    CHECK(taken <= length);
    return taken;
}

static void test_any_cut(void) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t message[8 * MOST], wire[16 * MOST];
        size_t length = make(message), wire_length = stuff(message, length, wire), start = 0, end = 0;
        enum lmtp_collected found = LMTP_COLLECTED_PART;
        lmtp_collector collector;
        lmtp_collector_begin(&collector, 1000);
        while (found == LMTP_COLLECTED_PART) {
            CHECK(end < wire_length);
            end += 1 + chance(4);
            end = end < wire_length ? end : wire_length;
            start += feed(&collector, wire + start, end - start, &found);
        }
        CHECK(found == LMTP_COLLECTED_WHOLE);
        CHECK(start == wire_length - 4);
        CHECK(collector.message.length == length);
        CHECK(memcmp(collector.message.octets, message, length) == 0);
        lmtp_octets_free(&collector.message);
    }
}

static void test_limit(void) {
    static const uint8_t wire[] = "1234567\r\n.\r\n";
    for (uint64_t limit = 0; limit < 12; limit++) {
        lmtp_collector collector;
        enum lmtp_collected found;
        lmtp_collector_begin(&collector, limit);
        CHECK(feed(&collector, wire, sizeof wire - 1, &found) == sizeof wire - 1);
        CHECK(found == LMTP_COLLECTED_WHOLE);
        CHECK(collector.is_too_large == (limit < 9));
        CHECK(collector.is_discarded == collector.is_too_large);
        CHECK(collector.message.length == (limit < 9 ? 0u : 9u));
        lmtp_octets_free(&collector.message);
    }
}

int main(void) {
    test_any_cut();
    test_limit();
    return 0;
}
