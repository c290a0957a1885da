/* The C API alone against glibc's memchr on the same bytes. File names come on standard input, one a line; prints
 * "name MB/s MB/s ...", each round's in CPU time. Usage: mime_c ROUNDS [NAME] < names; with NAME that contestant runs
 * alone, for a profiler. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mime/mime.h"

enum { MOST = 20000, MOST_ROUNDS = 99 };

typedef struct {
    uint8_t *bytes;
    size_t length;
} mail;

static mail mails[MOST];
static size_t count, total;

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || count == MOST) exit(1);
    fseek(file, 0, SEEK_END);
    mail *loaded = &mails[count++];
    loaded->length = (size_t)ftell(file);
    loaded->bytes = malloc(loaded->length + 1);
    rewind(file);
    if (fread(loaded->bytes, 1, loaded->length, file) != loaded->length) exit(1);
    fclose(file);
    total += loaded->length;
}

static uint64_t run_memchr(void) {
    uint64_t lines = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = mails[i].bytes, *end = at + mails[i].length;
        while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
            lines++;
            at++;
        }
    }
    return lines;
}

/* Attachments too are decoded, as mime_parse_with() leaves them encoded. */
static uint64_t decode_attachments(const mime_message *message) {
    static uint8_t *room;
    static size_t size;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < message->part_count; i++) {
        const mime_part *part = &message->parts[i];
        size_t length = part->end - part->body;
        if (part->kind != MIME_LEAF || part->flags & MIME_PART_TEXT || part->encoding < MIME_QUOTED_PRINTABLE) continue;
        if (length > size) room = realloc(room, size = length);
        sum += mime_decode(part->encoding, mime_base(message, part->source) + part->body, length, room);
    }
    return sum;
}

static uint64_t run_parse(int wants) {
    uint64_t sum = 0;
    mime_limits limits;
    mime_default_limits(&limits);
    mime_context *context = mime_context_new();
    for (size_t i = 0; i < count; i++) {
        const mime_message *message;
        if (mime_parse_with(context, mails[i].bytes, mails[i].length, &limits, wants, &message) != MIME_OK) exit(1);
        sum += message->part_count + (wants & MIME_WANT_TEXT ? decode_attachments(message) : 0);
    }
    mime_context_free(context);
    return sum;
}

static uint64_t run_structure(void) { return run_parse(0); }
static uint64_t run_decoded(void) { return run_parse(MIME_WANT_TEXT | MIME_WANT_SUMMARY | MIME_WANT_VIEW); }
static uint64_t run_full(void) {
    return run_parse(MIME_WANT_TEXT | MIME_WANT_SUMMARY | MIME_WANT_VIEW | MIME_WANT_FIELDS | MIME_WANT_IMAP);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        uint64_t (*run)(void);
    } CONTESTANTS[] = {
        {"memchr", run_memchr}, {"structure", run_structure}, {"decoded", run_decoded}, {"full", run_full}};
    static double laps[4][MOST_ROUNDS];
    char path[4096];
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (rounds < 1 || rounds > MOST_ROUNDS) return 2;
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        load(path);
    }
    uint64_t sum = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < 4; i++) {
            if (argc > 2 && strcmp(argv[2], CONTESTANTS[i].name) != 0) continue;
            double begin = now();
            sum += CONTESTANTS[i].run();
            laps[i][round] = now() - begin;
        }
    for (int i = 0; i < 4; i++) {
        if (argc > 2 && strcmp(argv[2], CONTESTANTS[i].name) != 0) continue;
        printf("%s", CONTESTANTS[i].name);
        for (int round = 0; round < rounds; round++) printf(" %.1f", (double)total / laps[i][round] / 1e6);
        putchar('\n');
    }
    return sum == 0;
}
