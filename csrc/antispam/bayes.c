#include "bayes.h"

#include <math.h>

enum { LARGEST = 128, COPIES = 4 };

/* How often each value stands there. Several counts side by side: the same value in a row need not wait for itself. */
static void count_values(const int8_t *odds, uint32_t count, uint32_t values[256]) {
    uint16_t copies[COPIES][256] = {{0}}; /* SPAM_MAX_FEATURES fit */
    uint32_t i = 0;
    for (; i + COPIES <= count; i += COPIES) {
        for (uint32_t copy = 0; copy < COPIES; copy++) {
            copies[copy][(uint8_t)odds[i + copy]]++;
        }
    }
    for (; i < count; i++) {
        copies[0][(uint8_t)odds[i]]++;
    }
    for (uint32_t value = 0; value < 256; value++) {
        values[value] = (uint32_t)copies[0][value] + copies[1][value] + copies[2][value] + copies[3][value];
    }
}

spam_bayes spam_bayes_find(const int8_t *odds, uint32_t count, uint32_t known, uint32_t telling) {
    uint32_t values[256], left = telling;
    count_values(odds, count, values);
    spam_bayes found = {.least = LARGEST, .part = 1.0f};
    for (;; found.least--) {
        uint32_t above = found.least == LARGEST ? 0 : values[found.least], below = values[(uint8_t)-found.least];
        found.part = above + below > left ? (float)left / (float)(above + below) : 1.0f;
        found.sum += ((double)above - (double)below) * found.least * found.part;
        if (above + below >= left || found.least == 1) {
            break;
        }
        left -= above + below;
    }
    uint32_t taken = known < telling ? known : telling;
    found.unit = taken == 0 ? 0.0 : 1.0 / (SPAM_BAYES_UNIT * sqrt((double)taken));
    return found;
}
