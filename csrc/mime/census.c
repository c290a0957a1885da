/* Counts of line ends and of odd octets; see census.h. The inner loop is written so that compilers vectorise it. */
#include "census.h"

#define BLOCK 255 /* an 8-bit counter can't overflow */

typedef struct census_counts {
    uint32_t lf, cr, crlf, nul;
} census_counts;

/* `bytes[-1]` is not read: `before` is the octet in front. */
static census_counts census_block(const uint8_t *bytes, size_t length, uint8_t before) {
    uint8_t lf = 0, cr = 0, crlf = 0, nul = 0;
    lf = bytes[0] == '\n';
    cr = bytes[0] == '\r';
    nul = bytes[0] == 0;
    crlf = bytes[0] == '\n' && before == '\r';
    for (size_t i = 1; i < length; i++) {
        lf = (uint8_t)(lf + (bytes[i] == '\n'));
        cr = (uint8_t)(cr + (bytes[i] == '\r'));
        nul = (uint8_t)(nul + (bytes[i] == 0));
        crlf = (uint8_t)(crlf + ((bytes[i] == '\n') & (bytes[i - 1] == '\r')));
    }
    return (census_counts){lf, cr, crlf, nul};
}

/* The first offset of a defect is looked for only in the block where a count first says that there is one. */
static void census_find(mime_state *state, const uint8_t *base, uint32_t at, uint32_t end) {
    for (uint32_t i = at; i < end; i++) {
        if (base[i] == 0) store_flag(state, MIME_DEFECT_NUL, i);
        else if (base[i] == '\n' && (i == 0 || base[i - 1] != '\r')) store_flag(state, MIME_DEFECT_BARE_LF, i);
        else if (i > 0 && base[i - 1] == '\r' && base[i] != '\n') store_flag(state, MIME_DEFECT_BARE_CR, i - 1);
    }
}

#define ODD (UINT64_C(1) << MIME_DEFECT_NUL | UINT64_C(1) << MIME_DEFECT_BARE_CR | UINT64_C(1) << MIME_DEFECT_BARE_LF)

void census_begin(mime_state *state, uint32_t start) {
    state->census_at = start;
    state->census_lines = state->census_bare_lfs = 0;
}

void census_take(mime_state *state, uint32_t end) {
    const uint8_t *base = store_base(state);
    while (state->census_at < end) {
        uint32_t at = state->census_at, stop = end - at > BLOCK ? at + BLOCK : end;
        census_counts counts = census_block(base + at, stop - at, at ? base[at - 1] : 0);
        state->census_lines += counts.lf;
        state->census_bare_lfs += counts.lf - counts.crlf;
        uint8_t before = at ? base[at - 1] : 0;
        int is_odd = counts.nul || counts.lf != counts.crlf || counts.cr != counts.crlf || before == '\r';
        if (is_odd && (state->result.summary.defects & ODD) != ODD) census_find(state, base, at, stop);
        state->census_at = stop;
    }
}
