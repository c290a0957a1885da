/* Counts of line ends and of odd octets; see census.h. */
#include "census.h"

/* The counts tell whether there is a defect; where the first one is, is looked for once a message and defect. */
static int census_is_new(const mime_state *state, mime_defect defect) {
    return !(state->result.summary.defects >> defect & 1);
}

static void census_find_bare_lf(mime_state *state, const uint8_t *base, uint32_t at, uint32_t end) {
    const uint8_t *lf = base + at;
    while ((lf = memchr(lf, '\n', (size_t)(base + end - lf))) != NULL) {
        if (lf == base || lf[-1] != '\r') break;
        lf++;
    }
    if (lf) store_flag(state, MIME_DEFECT_BARE_LF, (uint32_t)(lf - base));
}

/* A CR as the last octet of all is none: what follows it is not known. */
static void census_find_bare_cr(mime_state *state, const uint8_t *base, uint32_t at, uint32_t end) {
    const uint8_t *cr = base + at;
    while ((cr = memchr(cr, '\r', (size_t)(base + end - 1 - cr))) != NULL) {
        if (cr[1] != '\n') break;
        cr++;
    }
    if (cr) store_flag(state, MIME_DEFECT_BARE_CR, (uint32_t)(cr - base));
}

void census_begin(mime_state *state, uint32_t start) {
    state->census_at = start;
    state->census_lines = state->census_bare_lfs = 0;
    state->census_is_8bit = 0;
}

void census_take(mime_state *state, uint32_t end) {
    const uint8_t *base = store_base(state);
    uint32_t at = state->census_at;
    if (at >= end) return;
    uint8_t before = at ? base[at - 1] : 0;
    vector_counts counts;
    state->vector->count(base + at, end - at, before, &counts);
    state->census_at = end;
    state->census_lines += counts.lf;
    state->census_bare_lfs += counts.lf - counts.crlf;
    state->census_is_8bit |= counts.has_high;
    if (counts.has_nul && census_is_new(state, MIME_DEFECT_NUL))
        store_flag(state, MIME_DEFECT_NUL, (uint32_t)((const uint8_t *)memchr(base + at, 0, end - at) - base));
    if (counts.lf != counts.crlf && census_is_new(state, MIME_DEFECT_BARE_LF))
        census_find_bare_lf(state, base, at, end);
    /* Those CRs that an octet follows here. */
    uint32_t crs = counts.cr + (before == '\r') - (base[end - 1] == '\r');
    if (crs != counts.crlf && census_is_new(state, MIME_DEFECT_BARE_CR))
        census_find_bare_cr(state, base, at - (before == '\r'), end);
}
