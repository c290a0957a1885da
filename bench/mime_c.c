/* The C API alone against glibc's memchr on the same bytes. File names come on standard input, one a line; prints
 * "name MB/s", the median of the rounds in CPU time. Usage: mime_c ROUNDS < names */
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

static uint64_t run_parse(void) {
    uint64_t sum = 0;
    mime_limits limits;
    mime_default_limits(&limits);
    for (size_t i = 0; i < count; i++) {
        mime_message *message;
        if (mime_parse(mails[i].bytes, mails[i].length, &limits, &message) != MIME_OK) exit(1);
        sum += message->part_count;
        mime_free(message);
    }
    return sum;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        uint64_t (*run)(void);
    } CONTESTANTS[] = {{"memchr", run_memchr}, {"decoded", run_parse}, {"full", run_parse}};
    static double laps[3][MOST_ROUNDS];
    char path[4096];
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (rounds < 1 || rounds > MOST_ROUNDS) return 2;
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        load(path);
    }
    uint64_t sum = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < 3; i++) {
            double begin = now();
            sum += CONTESTANTS[i].run();
            laps[i][round] = now() - begin;
        }
    for (int i = 0; i < 3; i++) {
        qsort(laps[i], (size_t)rounds, sizeof(double), compare);
        printf("%s %.1f\n", CONTESTANTS[i].name, (double)total / laps[i][rounds / 2] / 1e6);
    }
    return sum == 0;
}
