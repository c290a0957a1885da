#include "brief.h"

#include "../mime/msgpack.h"

#include <math.h>
#include <string.h>

enum { MEMBERS = 7, SPEAKING = 4 };

typedef struct {
    uint8_t *at;
} writer;

static void put(writer *out, msgpack_octets made) {
    memcpy(out->at, made.bytes, made.length);
    out->at += made.length;
}

static void put_binary(writer *out, const void *octets, uint32_t length) {
    put(out, msgpack_binary(length));
    memcpy(out->at, octets, length);
    out->at += length;
}

/* To the nearest binary16, of two the even one (IEEE 754 s4.3.1). */
static uint16_t half_of(float value) {
    uint32_t bits, sign, size;
    memcpy(&bits, &value, sizeof bits);
    sign = bits >> 16 & 0x8000;
    size = bits & 0x7fffffff;
    if (!isfinite(value)) {
        return 0;
    }
    if (fabsf(value) > 65504.0f) {
        return (uint16_t)(sign | 0x7bff);
    }
    if (size < 0x38800000) { /* less than 2^-14, subnormal: in units of 2^-24 */
        return (uint16_t)(sign | (uint32_t)lrintf(fabsf(value) * 16777216.0f));
    }
    size += 0xfff + (size >> 13 & 1);
    return (uint16_t)(sign | (size - 0x38000000) >> 13);
}

static void put_reasons(writer *out, const spam_score *score) {
    uint8_t kinds[SPAM_TOP], places[SPAM_TOP], features[4 * SPAM_TOP], weights[2 * SPAM_TOP];
    uint32_t kind_count = 0;
    for (uint32_t i = 0; i < score->top_count; i++) {
        uint32_t feature = score->top[i].feature, place = 0;
        uint16_t weight = half_of(score->top[i].weight);
        while (place < kind_count && kinds[place] != feature >> 28) {
            place++;
        }
        if (place == kind_count) {
            kinds[kind_count++] = (uint8_t)(feature >> 28);
        }
        places[i] = (uint8_t)place;
        for (int octet = 0; octet < 4; octet++) {
            features[4 * i + (uint32_t)octet] = (uint8_t)(feature >> 8 * octet);
        }
        weights[2 * i] = (uint8_t)weight;
        weights[2 * i + 1] = (uint8_t)(weight >> 8);
    }
    put(out, msgpack_array(4));
    put_binary(out, kinds, kind_count);
    put_binary(out, places, score->top_count);
    put_binary(out, features, 4 * score->top_count);
    put_binary(out, weights, 2 * score->top_count);
}

/* Of equal weights the lower category comes first. */
static void put_speaking(writer *out, const spam_score *score, float sign) {
    uint8_t found[SPEAKING + 1];
    uint32_t count = 0;
    for (uint32_t category = 0; category < SPAM_CATEGORIES; category++) {
        float weight = score->categories[category] * sign;
        uint32_t at = count;
        if (!(weight > 0)) {
            continue;
        }
        for (; at > 0 && score->categories[found[at - 1]] * sign < weight; at--) {
            found[at] = found[at - 1];
        }
        found[at] = (uint8_t)category;
        count += count < SPEAKING;
    }
    put_binary(out, found, count);
}

size_t spam_score_write(const spam_score *score, uint8_t out[SPAM_SCORE_ROOM]) {
    writer to = {out};
    put(&to, msgpack_array(MEMBERS));
    put_binary(&to, score, sizeof *score);
    put(&to, msgpack_string(0));
    put(&to, msgpack_double(score->probability));
    if (score->campaign.id) {
        put(&to, msgpack_array(2));
        put(&to, msgpack_unsigned(score->campaign.id));
        put(&to, msgpack_unsigned(score->campaign.count));
    } else {
        put(&to, msgpack_nil());
    }
    put_reasons(&to, score);
    put_speaking(&to, score, 1);
    put_speaking(&to, score, -1);
    return (size_t)(to.at - out);
}

_Static_assert(sizeof(spam_score) + 21 * SPAM_TOP + 160 < SPAM_SCORE_ROOM, "a score's octets have room");

int64_t spam_brief(spam_context *context, const uint8_t *input, size_t length, const spam_model *model,
                   const spam_campaign_table *campaigns, uint8_t *out, size_t room) {
    mime_limits limits;
    const mime_message *message;
    spam_score score;
    uint8_t written[SPAM_SCORE_ROOM];
    mime_default_limits(&limits);
    mime_status status = spam_examine_for(context, MIME_WANT_ALL | MIME_WANT_BRIEF, input, length, &limits, model,
                                          campaigns, &message, &score);
    if (status != MIME_OK) {
        return -(int64_t)status;
    }
    msgpack_octets nil = msgpack_nil();
    size_t octets = model == NULL ? nil.length : spam_score_write(&score, written);
    return mime_read_on(spam_parser(context), model == NULL ? nil.bytes : written, octets, out, room);
}

void spam_brief_again(const spam_context *context, uint8_t *out) {
    mime_read_again(spam_parser(context), out);
}
