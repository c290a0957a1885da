#include "extract.h"

#include "headers.h"
#include "html.h"
#include "normal.h"
#include "shape.h"
#include "text.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

enum { FIELD_BYTES = 512, TEXT_RUNS = 2 * SPAM_TEXT_PARTS };

typedef struct {
    spam_features set;
    uint8_t field[FIELD_BYTES + SPAM_PADDING];
    spam_span runs[TEXT_RUNS]; /* in `text`, with SPAM_PADDING behind each */
    uint32_t run_count;
    size_t text_length;
    uint8_t text[SPAM_TEXT_BUDGET + TEXT_RUNS * SPAM_PADDING];
} scratch;

static spam_span trimmed(spam_span value) {
    while (value.length > 0 && value.bytes[0] <= ' ') {
        value = (spam_span){value.bytes + 1, value.length - 1};
    }
    value.length = value.length < FIELD_BYTES ? value.length : FIELD_BYTES;
    return value;
}

static void add_headers(scratch *s, const mime_message *message) {
    const mime_part *root = &message->parts[0];
    const uint8_t *base = mime_base(message, root->source);
    spam_headers state;
    spam_headers_begin(&state, &s->set);
    for (uint32_t i = 0; i < root->header_count; i++) {
        const mime_header *header = &message->headers[root->first_header + i];
        spam_span name = {base + header->start, header->name_length};
        spam_span written = {base + header->value, header->end - header->value};
        if (header->field == MIME_FIELD_SUBJECT) {
            written.bytes = mime_bytes(message, MIME_IN_TEXT, message->summary.subject, &written.length);
        }
        spam_span value = spam_normalise(written, s->field, FIELD_BYTES);
        value.length -= value.length > 0 && value.bytes[value.length - 1] == ' ';
        spam_headers_field(&state, header->field, name, value, trimmed(written));
    }
    spam_headers_end(&state);
}

/* Text of at most `budget` octets, kept for its n-grams. A host is looked for in what is written: one that only looks like
   another is another. */
static void add_run(scratch *s, spam_span run, int is_html, size_t budget) {
    spam_normal text;
    spam_normal_begin(&text, s->text + s->text_length, budget);
    if (is_html) {
        spam_html_text(&s->set, run, &text, SPAM_URL_LIMIT);
    } else {
        spam_normal_add(&text, run);
    }
    spam_span seen = spam_normal_text(&text);
    spam_text_words(&s->set, SPAM_BODY_WORDS, 11, seen, SPAM_WORD_LIMIT);
    if (!is_html || text.disguised == 0) {
        spam_url_scan(&s->set, is_html ? seen : run, SPAM_URL_LIMIT);
    }
    s->runs[s->run_count++] = seen;
    s->text_length += seen.length + SPAM_PADDING;
}

static spam_span after_tag(spam_span run) {
    const uint8_t *close = run.length ? memchr(run.bytes, '>', run.length) : NULL;
    size_t skip = close == NULL ? 0 : (size_t)(close - run.bytes) + 1;
    return (spam_span){run.bytes + skip, run.length - skip};
}

/* Two thirds of the budget from the head, one from the tail; all at once where all fits. */
static void add_text_part(scratch *s, const mime_message *message, const mime_part *part, size_t budget) {
    spam_span text;
    text.bytes = mime_bytes(message, part->text_source, part->text, &text.length);
    int is_html = (part->flags & MIME_PART_HTML) != 0;
    size_t reach = budget * (is_html ? SPAM_MARKUP_FACTOR : 1);
    if (text.length <= reach) {
        add_run(s, text, is_html, budget);
        return;
    }
    size_t tail = reach / 3;
    spam_span end = {text.bytes + text.length - tail, tail};
    add_run(s, (spam_span){text.bytes, reach - tail}, is_html, budget - budget / 3);
    add_run(s, is_html ? after_tag(end) : end, is_html, budget / 3);
}

static void add_text_parts(scratch *s, const mime_message *message) {
    uint32_t total = 0;
    for (uint32_t i = 0; i < message->part_count; i++) {
        total += (message->parts[i].flags & MIME_PART_TEXT) != 0;
    }
    uint32_t read = total < SPAM_TEXT_PARTS ? total : SPAM_TEXT_PARTS;
    size_t budget = read == 0 ? 0 : SPAM_TEXT_BUDGET / read;
    uint32_t index = 0;
    for (uint32_t i = 0; i < message->part_count; i++) {
        if ((message->parts[i].flags & MIME_PART_TEXT) == 0) {
            continue;
        }
        if (index < SPAM_TEXT_PARTS - 2 || index + 2 >= total) {
            add_text_part(s, message, &message->parts[i],
                          budget > SPAM_PART_BUDGET_MIN ? budget : SPAM_PART_BUDGET_MIN);
        }
        index++;
    }
}

/* By all features that there are but n-grams, which near copies need not share. */
static void add_campaign(scratch *s, const spam_campaign_table *campaigns, spam_campaign *campaign,
                         uint64_t bands[SPAM_BANDS]) {
    uint32_t hashes[SPAM_CAMPAIGN_FEATURES];
    if (campaigns != NULL) {
        spam_bands_take(s->set.ids, s->set.count, bands);
        spam_campaign_meet(campaigns, bands, campaign);
    }
    spam_features_add_hashes(&s->set, SPAM_CAMPAIGN, hashes, spam_campaign_hashes(campaign->count, hashes));
}

/* With `campaigns` it finds the campaign, and the bands; else the campaign is given. */
static void extract(scratch *s, const mime_message *message, const spam_campaign_table *campaigns,
                    spam_campaign *campaign, uint64_t bands[SPAM_BANDS]) {
    spam_features_begin(&s->set);
    s->run_count = 0;
    s->text_length = 0;
    if (message->part_count == 0) {
        return;
    }
    add_headers(s, message);
    spam_shape_add(&s->set, message, SPAM_SHAPE_PARTS);
    add_text_parts(s, message);
    add_campaign(s, campaigns, campaign, bands);
    for (uint32_t i = 0; i < s->run_count; i++) { /* last: they are most, and what has no room may be left out */
        spam_text_ngrams(&s->set, SPAM_BODY_TEXT, s->runs[i]);
    }
}

/* Anyone can write any From: a sender that is proven is another one than the same name without proof. */
static void add_proof(spam_features *set, enum spam_proof proof) {
    uint32_t count = set->count;
    if (proof == SPAM_PROOF_NONE) {
        return;
    }
    spam_features_add(set, SPAM_AUTHENTICATION, proof);
    for (uint32_t i = 0; i < count; i++) {
        if (set->ids[i] >> 28 == SPAM_SENDER) {
            spam_features_add(set, SPAM_AUTHENTICATION, (uint64_t)set->ids[i] << 8 | proof);
        }
    }
}

struct spam_context {
    mime_context *parser;
    scratch found;
};

spam_context *spam_context_new(void) {
    spam_context *context = malloc(sizeof *context);
    if (context == NULL) {
        return NULL;
    }
    context->parser = mime_context_new();
    if (context->parser == NULL) {
        free(context);
        return NULL;
    }
    return context;
}

void spam_context_free(spam_context *context) {
    if (context != NULL) {
        mime_context_free(context->parser);
        free(context);
    }
}

mime_status spam_read_features(spam_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                               uint32_t copies, enum spam_proof proof, const uint32_t **ids, uint32_t *count) {
    const mime_message *message;
    mime_status status = mime_parse_with(context->parser, input, length, limits, MIME_WANT_ALL, &message);
    if (status == MIME_OK) {
        extract(&context->found, message, NULL, &(spam_campaign){.count = copies}, NULL);
        add_proof(&context->found.set, proof);
        *ids = context->found.set.ids;
        *count = context->found.set.count;
    }
    return status;
}

mime_context *spam_parser(const spam_context *context) {
    return context->parser;
}

mime_status spam_examine_for(spam_context *context, int wants, const uint8_t *input, size_t length,
                             const mime_limits *limits, const spam_model *model, const spam_campaign_table *campaigns,
                             const mime_message **message, spam_score *score) {
    mime_status status = mime_parse_with(context->parser, input, length, limits, wants, message);
    if (status == MIME_OK && model != NULL) {
        spam_campaign campaign = {0};
        uint64_t bands[SPAM_BANDS] = {0};
        extract(&context->found, *message, campaigns, &campaign, bands);
        spam_score_features(model, context->found.set.ids, context->found.set.count, score);
        score->campaign = campaign;
        memcpy(score->bands, bands, sizeof bands);
    }
    return status;
}

mime_status spam_examine(spam_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                         const spam_model *model, const spam_campaign_table *campaigns, const mime_message **message,
                         spam_score *score) {
    return spam_examine_for(context, MIME_WANT_ALL, input, length, limits, model, campaigns, message, score);
}
