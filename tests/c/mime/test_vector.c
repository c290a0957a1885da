/* Every set of kernels that this processor has answers as plain loops do, on octets that end where a page ends, so that
 * reading one too many faults. */
#define _GNU_SOURCE
#include "message.h"

#include <sys/mman.h>
#include <unistd.h>

#include "decode.h"
#include "vector.h"

#define LONGEST 700
#define ROUNDS 3000

static uint64_t random_state = 88172645463325252u;

static size_t random_below(size_t bound) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state >> 11) % bound;
}

/* Long runs of one kind with what matters strewn in. */
static void fill(uint8_t *bytes, size_t length) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const uint8_t ODD[] = "\r\n\n--==\0?\x80\xff\x7f\x7e! \t.@[`{:";
    size_t rarity = 1 + random_below(200);
    for (size_t i = 0; i < length; i++)
        bytes[i] = random_below(rarity) ? (uint8_t)DIGITS[random_below(64)] : ODD[random_below(sizeof ODD - 1)];
    for (size_t i = 0; i + 4 < length && !random_below(3); i += random_below(90)) memcpy(bytes + i, "\r\n--", 4);
}

/* Quoted-printable as senders write it: of the first kinds alone, with white space before line ends, or with anything. */
static void fill_quoted_printable(uint8_t *bytes, size_t length) {
    static const char *const PIECES[] = {"=3D", "=e9", "=\r\n", "=\n", "\r\n", "\n", " ", "\t", "=20", "= \r\n", "=", "\r", "=4"};
    static const size_t KINDS[] = {4, 6, 9, sizeof PIECES / sizeof *PIECES};
    size_t kinds = KINDS[random_below(4)], rarity = 1 + random_below(80), at = 0;
    while (at < length) {
        const char *piece = PIECES[random_below(kinds)];
        size_t size = strlen(piece);
        if (random_below(rarity) || size > length - at) {
            piece = "x";
            size = 1;
        }
        memcpy(bytes + at, piece, size);
        at += size;
    }
}

static void check_scans(const mime_vector *vector, const uint8_t *bytes, size_t length) {
    vector_counts counts, expected = {0, 0, 0, 0, 0};
    size_t ascii = length, dashes = length, either = length;
    uint8_t before = random_below(2) ? '\r' : 'x';
    for (size_t i = length; i-- > 0;) {
        expected.lf += bytes[i] == '\n';
        expected.cr += bytes[i] == '\r';
        expected.crlf += bytes[i] == '\n' && (i ? bytes[i - 1] : before) == '\r';
        expected.has_nul |= bytes[i] == 0;
        expected.has_high |= bytes[i] > 127;
        if (bytes[i] > 127) ascii = i;
        if (bytes[i] == '=' || bytes[i] == '\n') either = i;
        if (length - i > 2 && bytes[i] == '\n' && bytes[i + 1] == '-' && bytes[i + 2] == '-') dashes = i;
    }
    vector->count(bytes, length, before, &counts);
    CHECK(counts.lf == expected.lf && counts.cr == expected.cr && counts.crlf == expected.crlf);
    CHECK(counts.has_nul == expected.has_nul && counts.has_high == expected.has_high);
    CHECK(vector->ascii_run(bytes, length) == ascii);
    CHECK(vector->find_dashes(bytes, length) == dashes);
    CHECK(vector->find_either(bytes, length, '=', '\n') == either);
}

static size_t next_line(const uint8_t *bytes, size_t at, size_t length) {
    while (at < length && bytes[at] != '\n') at++;
    return at < length ? at + 1 : length;
}

/* All lines, taken a few at a time. */
static void check_lines(const mime_vector *vector, const uint8_t *bytes, size_t length) {
    size_t at = 0;
    while (at < length) {
        vector_line lines[5];
        size_t count = vector->lines(bytes, at, length, lines, 1 + random_below(5));
        CHECK(count >= 1 && count <= 5);
        for (size_t i = 0; i < count; i++) {
            size_t next = next_line(bytes, at, length), stop = at;
            while (stop < next && bytes[stop] > 32 && bytes[stop] < 127 && bytes[stop] != ':') stop++;
            CHECK(lines[i].start == at && lines[i].stop == stop && lines[i].next == next);
            int is_empty = next == at + 1 ? bytes[at] == '\n' : next == at + 2 && bytes[at] == '\r' && bytes[at + 1] == '\n';
            CHECK(!is_empty || i + 1 == count);
            at = next;
        }
    }
}

static void check_copy(const mime_vector *vector, const uint8_t *bytes, size_t length, uint8_t *end) {
    size_t run = vector->copy_until(bytes, length, '=', '\n', end - length);
    CHECK(run == vector->find_either(bytes, length, '=', '\n') && memcmp(end - length, bytes, run) == 0);
}

/* Text without its line ends, up to what is no plain text. */
static void check_unfold(const mime_vector *vector, const uint8_t *bytes, size_t length) {
    static uint8_t out[LONGEST + 64], expected[LONGEST];
    size_t at = 0, count = 0, written;
    for (; at < length && bytes[at] < 128 && bytes[at] != '?'; at++) {
        if (bytes[at] == '\r' && (at + 1 == length || bytes[at + 1] != '\n')) break;
        if (bytes[at] != '\r' && bytes[at] != '\n') expected[count++] = bytes[at];
    }
    CHECK(vector->unfold(bytes, length, out, &written) == at);
    CHECK(written == count && memcmp(out, expected, count) == 0);
}

static int hex(const uint8_t *at, const uint8_t *end) {
    static const char DIGITS[] = "0123456789ABCDEF0123456789abcdef";
    const char *digit = at < end && *at ? strchr(DIGITS, *at) : NULL;
    return digit ? (int)((digit - DIGITS) % 16) : -1;
}

/* Past blanks and the line end behind them, or `at` where there is none. */
static const uint8_t *blank_end(const uint8_t *at, const uint8_t *end) {
    const uint8_t *rest = at;
    while (rest < end && (*rest == ' ' || *rest == '\t')) rest++;
    if (rest < end && *rest == '\n') return rest + 1;
    return end - rest > 1 && rest[0] == '\r' && rest[1] == '\n' ? rest + 2 : at;
}

/* RFC 2045 s6.7 as it is written, an octet at a time. */
static size_t plain_quoted_printable(const uint8_t *at, const uint8_t *end, uint8_t *out) {
    const uint8_t *begin = out;
    while (at < end) {
        const uint8_t *next = blank_end(at, end);
        int high = *at == '=' ? hex(at + 1, end) : -1, low = high < 0 ? -1 : hex(at + 2, end);
        if (next != at) { /* rule 3: blanks go, the line end stays */
            if (next - at > 1 && next[-2] == '\r') *out++ = '\r';
            *out++ = '\n';
            at = next;
        } else if (low >= 0) {
            *out++ = (uint8_t)(high << 4 | low);
            at += 3;
        } else if (*at == '=' && blank_end(at + 1, end) != at + 1) { /* rule 5: a soft line break */
            at = blank_end(at + 1, end);
        } else {
            *out++ = *at++;
        }
    }
    return (size_t)(out - begin);
}

static void check_quoted_printable(const mime_vector *vector, const uint8_t *bytes, size_t length, uint8_t *room) {
    static uint8_t expected[LONGEST];
    size_t bad, written = vector->quoted_printable(bytes, length, room - length, &bad);
    CHECK(written == plain_quoted_printable(bytes, bytes + length, expected));
    CHECK(memcmp(room - length, expected, written) == 0 && (bad == length || bytes[bad] == '='));
}

/* Both decoders, against their results with the portable kernels. */
static void check_decoders(const mime_vector *vector, const uint8_t *bytes, size_t length, uint8_t *room) {
    static uint8_t expected[LONGEST];
    for (int encoding = MIME_QUOTED_PRINTABLE; encoding <= MIME_BASE64; encoding++) {
        decode_notes notes = {0}, expected_notes = {0};
        size_t written = decode_transfer(vector, encoding, bytes, length, room - length, &notes);
        CHECK(written == decode_transfer(vector_get(0), encoding, bytes, length, expected, &expected_notes));
        CHECK(memcmp(room - length, expected, written) == 0);
        CHECK(memcmp(&notes, &expected_notes, sizeof notes) == 0);
    }
}

/* A page that none follows; returns its end. */
static uint8_t *page_end(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && mprotect(pages + page, page, PROT_NONE) == 0);
    return pages + page;
}

/* One base64 text whose value is known. */
static void check_known(const mime_vector *vector) {
    static const char ENCODED[] = "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4+Pz4/Pj8+Pz4/Pj8+Pz4/Pj8+Pz4/";
    static const char PLAIN[] = "The quick brown fox jumps over the lazy dog.>?>?>?>?>?>?>?>?>?>?>?";
    uint8_t decoded[sizeof ENCODED];
    decode_notes notes = {0};
    size_t length = decode_base64(vector, (const uint8_t *)ENCODED, sizeof ENCODED - 1, decoded, &notes);
    CHECK(length == sizeof PLAIN - 1 && memcmp(decoded, PLAIN, length) == 0);
}

int main(void) {
    uint8_t *in_end = page_end(), *out_end = page_end();
    size_t sets = 0;
    for (; vector_get(sets); sets++) {
        check_known(vector_get(sets));
        for (int round = 0; round < ROUNDS; round++) {
            size_t length = random_below(LONGEST);
            fill(in_end - length, length);
            check_scans(vector_get(sets), in_end - length, length);
            check_copy(vector_get(sets), in_end - length, length, out_end);
            check_lines(vector_get(sets), in_end - length, length);
            check_unfold(vector_get(sets), in_end - length, length);
            check_quoted_printable(vector_get(sets), in_end - length, length, out_end);
            check_decoders(vector_get(sets), in_end - length, length, out_end);
            fill_quoted_printable(in_end - length, length);
            check_quoted_printable(vector_get(sets), in_end - length, length, out_end);
        }
        printf("%s kernels\n", vector_get(sets)->name);
    }
    CHECK(sets >= 1 && !vector_get(99));
    return 0;
}
