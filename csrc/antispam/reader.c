#include "reader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROOM = 65536, MINUTE = 60 };

struct spam_reader {
    spam_context *context;
    const spam_model *model;
    int campaigns;
    uint32_t campaign_bits;
    uint8_t out[ROOM];
};

spam_reader *spam_reader_new(const spam_model *model, int campaigns, uint32_t campaign_bits) {
    spam_reader *reader = malloc(sizeof *reader);
    spam_context *context = spam_context_new();
    if (!reader || !context) {
        free(reader);
        spam_context_free(context);
        return NULL;
    }
    reader->context = context;
    reader->model = model;
    reader->campaigns = campaigns;
    reader->campaign_bits = campaign_bits;
    return reader;
}

void spam_reader_free(spam_reader *reader) {
    if (reader) {
        spam_context_free(reader->context);
        free(reader);
    }
}

uint8_t *spam_reader_read(void *with, const uint8_t *octets, uint64_t length, uint64_t *found) {
    spam_reader *reader = with;
    spam_campaign_table table = {reader->campaigns, reader->campaign_bits, (uint32_t)(time(NULL) / MINUTE)};
    const spam_campaign_table *campaigns = reader->campaigns < 0 ? NULL : &table;
    int64_t size = spam_brief(reader->context, octets, length, reader->model, campaigns, reader->out, ROOM);
    uint8_t *brief = size > 0 && size <= ROOM ? malloc((size_t)size) : NULL;
    if (brief) {
        memcpy(brief, reader->out, (size_t)size);
        *found = (uint64_t)size;
    }
    return brief;
}
