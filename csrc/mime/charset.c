/* Charsets by label, converted to UTF-8; see charset.h. Nothing is ever refused: what is not valid in its charset
 * becomes U+FFFD or is read as windows-1252, the last resort. */
#include "charset.h"

#include "charset_tables.h"
#include "octets.h"

#define REPLACEMENT 0xfffd

charset_id charset_find(const uint8_t *label, size_t length) {
    for (size_t i = 0; i < CHARSET_LABEL_COUNT; i++) {
        const charset_label *known = &CHARSET_LABELS[i];
        if (octets_equal(label, length, known->label, known->length)) return (charset_id)known->id;
    }
    return CHARSET_UNKNOWN;
}

/* Length of the valid sequence at `at`, or 0: RFC 3629 s4, no surrogates, no overlong forms. */
static size_t charset_sequence(const uint8_t *at, const uint8_t *end) {
    uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    size_t length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (!length || (size_t)(end - at) < length) return 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f)) return 0;
    if ((lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f)) return 0;
    return length;
}

int charset_is_utf8(const mime_vector *vector, const uint8_t *bytes, size_t length, int *is_ascii) {
    size_t at = vector->ascii_run(bytes, length);
    *is_ascii = at == length;
    while (at < length) {
        size_t sequence = charset_sequence(bytes + at, bytes + length);
        if (!sequence) return 0;
        at += sequence;
        if (at < length && bytes[at] < 0x80) at += vector->ascii_run(bytes + at, length - at);
    }
    return 1;
}

static void charset_append_table(mime_state *state, const uint16_t *table, const uint8_t *bytes, size_t length) {
    for (size_t at = 0; at < length && !store_failed(state);) {
        size_t run = state->vector->ascii_run(bytes + at, length - at);
        text_append(state, bytes + at, run);
        at += run;
        for (; at < length && bytes[at] >= 0x80; at++) text_utf8(state, table[bytes[at] - 0x80]);
    }
}

static void charset_append_utf8(mime_state *state, const uint8_t *bytes, size_t length, uint32_t offset) {
    const uint8_t *end = bytes + length, *run = bytes, *at = bytes;
    while (at < end) {
        size_t sequence = charset_sequence(at, end);
        if (sequence) {
            at += sequence;
            continue;
        }
        store_flag(state, MIME_DEFECT_BAD_CHARSET, offset);
        text_append(state, run, (size_t)(at - run));
        text_utf8(state, REPLACEMENT);
        run = ++at;
    }
    text_append(state, run, (size_t)(end - run));
}

static uint32_t charset_unit(const uint8_t *at, int is_little) {
    return is_little ? (uint32_t)at[1] << 8 | at[0] : (uint32_t)at[0] << 8 | at[1];
}

static void charset_append_utf16(mime_state *state, charset_id id, const uint8_t *at, size_t length, uint32_t offset) {
    const uint8_t *end = at + (length & ~(size_t)1);
    int is_little = id == CHARSET_UTF16_LE;
    if (end - at >= 2 && id == CHARSET_UTF16 && at[0] == 0xff && at[1] == 0xfe) is_little = 1;
    if (end - at >= 2 && charset_unit(at, is_little) == 0xfeff) at += 2;
    if (length & 1) store_flag(state, MIME_DEFECT_BAD_CHARSET, offset);
    while (at < end && !store_failed(state)) {
        uint32_t unit = charset_unit(at, is_little);
        at += 2;
        if (unit >= 0xd800 && unit < 0xdc00 && at < end && (charset_unit(at, is_little) & 0xfc00) == 0xdc00) {
            unit = 0x10000 + ((unit & 0x3ff) << 10) + (charset_unit(at, is_little) & 0x3ff);
            at += 2;
        } else if (unit >= 0xd800 && unit < 0xe000) {
            store_flag(state, MIME_DEFECT_BAD_CHARSET, offset);
            unit = REPLACEMENT;
        }
        text_utf8(state, unit);
    }
}

void charset_append(mime_state *state, charset_id id, const uint8_t *bytes, size_t length, uint32_t offset) {
    int is_ascii;
    int is_utf8 = charset_is_utf8(state->vector, bytes, length, &is_ascii);
    if (id >= CHARSET_UTF16 && id <= CHARSET_UTF16_LE) {
        charset_append_utf16(state, id, bytes, length, offset);
    } else if (is_ascii || (is_utf8 && id < CHARSET_TABLES)) {
        text_append(state, bytes, length);
    } else if (id == CHARSET_UTF8) {
        charset_append_utf8(state, bytes, length, offset);
    } else {
        size_t table = id < CHARSET_TABLES ? CHARSET_WINDOWS_1252 : (size_t)id - CHARSET_TABLES;
        charset_append_table(state, CHARSET_TABLE[table], bytes, length);
    }
}
