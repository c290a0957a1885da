#include "collector.h"

#include <string.h>

static bool keep(lmtp_collector *collector, const uint8_t *octets, size_t length) {
    if (!length) {
        return true;
    }
    collector->ends_in_cr = octets[length - 1] == '\r';
    if (collector->is_discarded) {
        return true;
    }
    if (length > collector->limit - collector->message.length) {
        collector->is_too_large = true;
        lmtp_collector_discard(collector);
        return true;
    }
    return lmtp_octets_add(&collector->message, octets, length);
}

void lmtp_collector_begin(lmtp_collector *collector, uint64_t limit) {
    *collector = (lmtp_collector){.limit = limit, .begins_line = true};
}

void lmtp_collector_discard(lmtp_collector *collector) {
    collector->is_discarded = true;
    lmtp_octets_free(&collector->message);
}

enum lmtp_collected lmtp_collector_feed(
    lmtp_collector *collector, const uint8_t *octets, size_t length, size_t *taken) {
    size_t at = 0;
    enum lmtp_collected found = LMTP_COLLECTED_PART;
    while (at < length) {
        const uint8_t *here = octets + at;
        size_t left = length - at;
        if (collector->begins_line && here[0] == '.') {
            if (left >= 3 && here[1] == '\r' && here[2] == '\n') {
                at += 3;
                found = LMTP_COLLECTED_WHOLE;
                break;
            }
            if (left == 1 || (left == 2 && here[1] == '\r')) {
                break;
            }
            collector->begins_line = collector->ends_in_cr = false;
            at++;
            continue;
        }
        const uint8_t *line_feed = memchr(here, '\n', left);
        size_t line = line_feed ? (size_t)(line_feed - here) + 1 : left;
        bool is_behind_cr = line > 1 ? here[line - 2] == '\r' : collector->ends_in_cr;
        if (!keep(collector, here, line)) {
            found = LMTP_COLLECTED_NOTHING;
            break;
        }
        collector->begins_line = line_feed && is_behind_cr;
        at += line;
    }
    *taken = at;
    return found;
}
