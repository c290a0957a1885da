/* Text of header fields; see words.h.
 *
 * Octets are gathered in the scratch store as long as their charset stays the same, and converted together: a
 * character that is split over two encoded words comes out whole, as many senders need it (RFC 2047 s5 forbids it).
 */
#include "words.h"

#include "charset.h"
#include "decode.h"
#include "octets.h"

#define LONGEST_LABEL 64

/* One encoded word as found in the field. */
typedef struct encoded_word {
    const uint8_t *label;
    size_t label_length;
    uint8_t encoding; /* 'b' or 'q' */
    const uint8_t *content;
    const uint8_t *content_end;
    const uint8_t *end;
} encoded_word;

/* The run that is being gathered. */
typedef struct words_run {
    mime_state *state;
    const uint8_t *label; /* NULL: raw text */
    size_t label_length;
    uint32_t offset;     /* for defects */
    int ends_exhausted;  /* no "?=" lies ahead: do not look again */
} words_run;

static void words_mark(mime_state *state, const uint8_t *label, size_t label_length, const uint8_t *bytes,
                       size_t length) {
    static const char HEX[] = "0123456789abcdef";
    text_byte(state, MIME_MARK_OPEN);
    text_append(state, label, label_length);
    text_byte(state, MIME_MARK_SPLIT);
    for (size_t i = 0; i < length; i++) {
        text_byte(state, (uint8_t)HEX[bytes[i] >> 4]);
        text_byte(state, (uint8_t)HEX[bytes[i] & 15]);
    }
    text_byte(state, MIME_MARK_CLOSE);
}

static void words_append(mime_state *state, charset_id id, const uint8_t *label, size_t label_length,
                         const uint8_t *bytes, size_t length, uint32_t offset) {
    if (id == CHARSET_UNKNOWN) store_flag(state, MIME_DEFECT_UNKNOWN_CHARSET, offset);
    if (id == CHARSET_FOREIGN) words_mark(state, label, label_length, bytes, length);
    else charset_append(state, id, bytes, length, offset);
}

void words_convert(mime_state *state, mime_span charset, const uint8_t *bytes, size_t length) {
    uint8_t label[LONGEST_LABEL];
    size_t label_length = span_is_absent(charset) || charset.length > LONGEST_LABEL ? 0 : charset.length;
    if (label_length) memcpy(label, state->text.bytes + charset.offset, label_length);
    charset_id id = label_length ? charset_find(label, label_length) : CHARSET_RAW;
    words_append(state, id, label, label_length, bytes, length, 0);
}

static void words_flush(words_run *run) {
    mime_state *state = run->state;
    if (state->scratch.length) {
        charset_id id = run->label ? charset_find(run->label, run->label_length) : CHARSET_RAW;
        words_append(state, id, run->label, run->label_length, state->scratch.bytes, state->scratch.length,
                     run->offset);
    }
    state->scratch.length = 0;
}

/* "?=" from `at` on, or NULL; remembers that there is none, so that many open words cost linear time. */
static const uint8_t *words_find_end(words_run *run, const uint8_t *at, const uint8_t *end) {
    while (!run->ends_exhausted && at < end) {
        const uint8_t *mark = memchr(at, '?', (size_t)(end - at));
        if (!mark || mark + 1 >= end) break;
        if (mark[1] == '=') return mark;
        at = mark + 1;
    }
    run->ends_exhausted = 1;
    return NULL;
}

/* At "=?": =?charset[*language]?B|Q?text?= (RFC 2047 s2). White space inside the text is let pass and flagged. */
static int words_match(words_run *run, const uint8_t *at, const uint8_t *end, encoded_word *word) {
    if (end - at < 8 || at[0] != '=' || at[1] != '?') return 0;
    const uint8_t *label = at + 2, *mark = label;
    while (mark < end && mark - label <= LONGEST_LABEL && *mark != '?' && *mark > 32 && *mark < 127) mark++;
    if (end - mark < 5 || *mark != '?' || mark == label || mark[2] != '?') return 0;
    uint8_t encoding = octet_lower(mark[1]);
    if (encoding != 'b' && encoding != 'q') return 0;
    const uint8_t *content_end = words_find_end(run, mark + 3, end);
    if (!content_end) return 0;
    const uint8_t *star = memchr(label, '*', (size_t)(mark - label));
    *word = (encoded_word){label, (size_t)((star ? star : mark) - label), encoding, mark + 3, content_end,
                           content_end + 2};
    return 1;
}

static void words_decode_q(words_run *run, const encoded_word *word) {
    mime_state *state = run->state;
    for (const uint8_t *at = word->content; at < word->content_end; at++) {
        int high = -1, low = -1;
        if (*at == '=' && word->content_end - at > 2) {
            high = octet_hex(at[1]);
            low = octet_hex(at[2]);
        }
        if (high >= 0 && low >= 0) {
            store_byte(state, &state->scratch, (uint8_t)(high << 4 | low));
            at += 2;
        } else if (*at != '\r' && *at != '\n') {
            store_byte(state, &state->scratch, *at == '_' ? ' ' : *at);
        }
    }
}

static void words_add(words_run *run, const encoded_word *word) {
    mime_state *state = run->state;
    size_t length = (size_t)(word->content_end - word->content);
    for (const uint8_t *at = word->content; at < word->content_end; at++)
        if (octet_is_space(*at)) store_flag(state, MIME_DEFECT_BAD_ENCODED_WORD, run->offset);
    int is_same = run->label && run->label_length == word->label_length &&
                  memcmp(run->label, word->label, word->label_length) == 0;
    if (!is_same) words_flush(run);
    run->label = word->label;
    run->label_length = word->label_length;
    if (word->encoding == 'q') {
        words_decode_q(run, word);
    } else if (store_reserve(state, &state->scratch, length)) {
        decode_notes notes = {0};
        state->scratch.length +=
            (uint32_t)decode_base64(state->vector, word->content, length, state->scratch.bytes + state->scratch.length, &notes);
    }
}

/* Appends raw text without its line ends (RFC 5322 s2.2.3). [at, end) is outside of `store`. */
static void words_unfold(mime_state *state, const uint8_t *at, const uint8_t *end, mime_bytes_store *store) {
    if (!store_reserve(state, store, (size_t)(end - at))) return;
    uint8_t *out = store->bytes + store->length;
    while (at < end) {
        size_t run = state->vector->copy_until(at, (size_t)(end - at), '\r', '\n', out);
        out += run;
        at += run;
        if (at == end) break;
        if (*at == '\r' && !(end - at > 1 && at[1] == '\n')) *out++ = ' '; /* a bare CR is no line end */
        at++;
    }
    store->length = (uint32_t)(out - store->bytes);
}

static void words_add_raw(words_run *run, const uint8_t *at, const uint8_t *end) {
    mime_state *state = run->state;
    if (run->label) words_flush(run);
    run->label = NULL;
    words_unfold(state, at, end, &state->scratch);
}

static const uint8_t *words_skip_space(const uint8_t *at, const uint8_t *end) {
    while (at < end && octet_is_space(*at)) at++;
    return at;
}

static void words_walk(words_run *run, const uint8_t *at, const uint8_t *end) {
    const uint8_t *raw = at;
    int after_word = 0;
    while (at < end && !store_failed(run->state)) {
        const uint8_t *mark = memchr(at, '=', (size_t)(end - at));
        encoded_word word;
        if (!mark) break;
        at = mark + 1;
        if (!words_match(run, mark, end, &word)) continue;
        /* White space between two encoded words is dropped (RFC 2047 s6.2). */
        if (!after_word || words_skip_space(raw, mark) != mark) words_add_raw(run, raw, mark);
        words_add(run, &word);
        raw = at = word.end;
        after_word = 1;
    }
    words_add_raw(run, raw, end);
    words_flush(run);
}

/* Text without an encoded word or an octet above 127, which is nearly all: it only loses its folds. 0: it is not, and
 * nothing was appended. */
static int words_append_plain(mime_state *state, const uint8_t *at, const uint8_t *end, mime_bytes_store *store) {
    size_t length = (size_t)(end - at), written;
    if (!store_reserve(state, store, length + 64)) return 1;
    if (state->vector->unfold(at, length, store->bytes + store->length, &written) < length) return 0;
    store->length += (uint32_t)written;
    return 1;
}

/* Appends the text of [at, end), white space around it left out, to the text store. */
static void words_append_text(mime_state *state, const uint8_t *at, const uint8_t *end) {
    const uint8_t *base = store_base(state);
    uintptr_t place = (uintptr_t)at, first = (uintptr_t)base;
    uint32_t offset = place >= first && place - first < state->result.input_length ? (uint32_t)(place - first) : 0;
    words_run run = {state, NULL, 0, offset, 0};
    state->scratch.length = 0;
    words_walk(&run, at, end);
}

mime_span words_decode(mime_state *state, const uint8_t *at, const uint8_t *end) {
    uint32_t from = state->text.length;
    at = words_skip_space(at, end);
    while (end > at && octet_is_space(end[-1])) end--;
    if (!words_append_plain(state, at, end, &state->text)) words_append_text(state, at, end);
    return text_since(state, from);
}

void words_decode_into(mime_state *state, const uint8_t *at, const uint8_t *end, mime_bytes_store *store) {
    at = words_skip_space(at, end);
    while (end > at && octet_is_space(end[-1])) end--;
    if (words_append_plain(state, at, end, store)) return;
    uint32_t from = state->text.length;
    words_append_text(state, at, end);
    store_append(state, store, state->text.bytes + from, state->text.length - from);
    state->text.length = from;
}

/* No octet that the text would be without. */
static int words_are_text(const uint8_t *bytes, uint32_t length) {
    uint8_t high = 0, odd = 0;
    for (uint32_t i = 0; i < length; i++) {
        high |= bytes[i];
        odd |= (uint8_t)((bytes[i] == '?') | (bytes[i] == '\n') | (bytes[i] == '\r'));
    }
    return !(high & 0x80) && !odd;
}

mime_span words_decode_span(mime_state *state, mime_span span) {
    const uint8_t *bytes = state->text.bytes + span.offset;
    if (words_are_text(bytes, span.length)) return span;
    state->second.length = 0;
    store_append(state, &state->second, bytes, span.length);
    if (store_failed(state)) return span;
    return words_decode(state, state->second.bytes, state->second.bytes + state->second.length);
}
