#define _POSIX_C_SOURCE 200809L

#include "campaign.h"

#include "features.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 4, MINHASH_BANDS = SPAM_BANDS - 1, SAMPLES = ROWS * MINHASH_BANDS, FEWEST_WORDS = 24, FEWEST_LINKS = 4 };

static const double HALVING_MINUTES = 120;
static const float LARGEST = 1e9f;
static const float WEAR = 0.5f;

typedef struct {
    uint32_t mark; /* tells the bands that share a cell apart; 0: empty */
    uint32_t minutes;
    float count;
    uint32_t id;
} cell;

static uint64_t mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xFF51AFD7ED558CCD);
    value ^= value >> 33;
    value *= UINT64_C(0xC4CEB9FE1A85EC53);
    return value ^ value >> 33;
}

/* One hash a feature, which also says of which sample it may be the least (one permutation hashing: Li, Owen and Zhang
   2012): as many hashes as samples would cost more than the score. */
static void sample(uint32_t feature, uint32_t least[SAMPLES]) {
    uint64_t mixed = mix(feature);
    uint32_t bin = (uint32_t)((mixed >> 32) * SAMPLES >> 32), hash = (uint32_t)mixed;
    least[bin] = hash < least[bin] ? hash : least[bin];
}

/* A sample without a feature takes that of the next one that has any, so that like messages agree there too. */
static void fill_empty(uint32_t least[SAMPLES]) {
    uint32_t found[SAMPLES];
    memcpy(found, least, sizeof found);
    for (uint32_t i = 0; i < SAMPLES; i++) {
        for (uint32_t step = 1; least[i] == UINT32_MAX && step < SAMPLES; step++) {
            uint32_t next = found[(i + step) % SAMPLES];
            least[i] = next == UINT32_MAX ? next : next + step * UINT32_C(0x9E3779B1);
        }
    }
}

void spam_bands_take(const uint32_t *features, uint32_t count, uint64_t bands[SPAM_BANDS]) {
    uint32_t least[SAMPLES], words = 0, link_features = 0;
    uint64_t links = 0;
    memset(least, 0xFF, sizeof least);
    memset(bands, 0, SPAM_BANDS * sizeof *bands);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t category = features[i] >> 28;
        if (category == SPAM_BODY_WORDS || category == SPAM_SUBJECT) {
            sample(features[i], least);
            words++;
        } else if (category == SPAM_URLS) {
            links += mix(features[i]);
            link_features++;
        }
    }
    if (words < FEWEST_WORDS) {
        bands[MINHASH_BANDS] = link_features >= FEWEST_LINKS ? links : 0; /* one link has five or so */
        return;
    }
    fill_empty(least);
    for (uint32_t band = 0; band < MINHASH_BANDS; band++) {
        uint64_t hash = band + 1;
        for (uint32_t i = 0; i < ROWS; i++) {
            hash = mix(hash ^ least[band * ROWS + i]);
        }
        bands[band] = hash;
    }
}

static off_t place_of(uint64_t band, uint32_t bits) {
    return (off_t)((band >> (64 - bits)) * sizeof(cell));
}

static uint32_t mark_of(uint64_t band) {
    return (uint32_t)band | 1;
}

/* A cell as it is now: its count faded; empty if the file holds none, or garbage. */
static cell look(const spam_campaign_table *table, uint64_t band) {
    cell found;
    if (pread(table->fd, &found, sizeof found, place_of(band, table->bits)) != (ssize_t)sizeof found ||
        found.minutes > table->minutes || !(found.count > 0 && found.count < LARGEST) || found.id == 0) {
        return (cell){0};
    }
    found.count *= (float)exp2(-(double)(table->minutes - found.minutes) / HALVING_MINUTES);
    found.minutes = table->minutes;
    return found;
}

static int put(const spam_campaign_table *table, uint64_t band, cell kept) {
    return pwrite(table->fd, &kept, sizeof kept, place_of(band, table->bits)) == (ssize_t)sizeof kept;
}

void spam_campaign_meet(const spam_campaign_table *table, const uint64_t bands[SPAM_BANDS], spam_campaign *out) {
    cell cells[SPAM_BANDS];
    *out = (spam_campaign){0};
    for (uint32_t i = 0; i < SPAM_BANDS; i++) {
        cells[i] = bands[i] == 0 ? (cell){0} : look(table, bands[i]);
        if (bands[i] != 0 && out->count == 0) {
            out->count = 1;
            out->id = (uint32_t)mix(bands[i] ^ table->minutes) | 1;
        }
    }
    float most = 0;
    for (uint32_t i = 0; i < SPAM_BANDS; i++) {
        if (bands[i] != 0 && cells[i].mark == mark_of(bands[i]) && cells[i].count > most) {
            most = cells[i].count;
            *out = (spam_campaign){cells[i].id, (uint32_t)lrintf(most) + 1};
        }
    }
    for (uint32_t i = 0; i < SPAM_BANDS; i++) {
        if (bands[i] == 0) {
            continue;
        }
        int is_ours = cells[i].mark == mark_of(bands[i]);
        cell kept = cells[i];
        if (is_ours || kept.count < 1) {
            kept = (cell){mark_of(bands[i]), table->minutes, is_ours ? kept.count + 1 : 1, out->id};
        } else {
            kept.count -= WEAR;
        }
        if (!put(table, bands[i], kept)) {
            return; /* a full disk: campaigns are not seen until there is room */
        }
    }
}

void spam_campaign_withdraw(const spam_campaign_table *table, const uint64_t bands[SPAM_BANDS]) {
    for (uint32_t i = 0; i < SPAM_BANDS; i++) {
        cell kept = bands[i] == 0 ? (cell){0} : look(table, bands[i]);
        if (bands[i] == 0 || kept.mark != mark_of(bands[i])) {
            continue;
        }
        kept.count = kept.count > 1 ? kept.count - 1 : 0;
        if (!put(table, bands[i], kept)) {
            return;
        }
    }
}

uint32_t spam_campaign_hashes(uint32_t count, uint32_t hashes[SPAM_CAMPAIGN_FEATURES]) {
    uint32_t reached = 0;
    for (uint64_t size = 1; reached < SPAM_CAMPAIGN_FEATURES && size <= count; size <<= 1, reached++) {
        hashes[reached] = spam_feature_hash(SPAM_CAMPAIGN, size);
    }
    return reached;
}
