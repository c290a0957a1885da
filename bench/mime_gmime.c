/* GMime on the same messages: the tree alone, and every leaf decoded, texts to UTF-8. File names come on standard input,
 * one a line; prints "name MB/s MB/s ...", each round's in CPU time. Usage: mime_gmime ROUNDS < names */
#include <gmime/gmime.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 20000, MOST_ROUNDS = 99 };

static char *mails[MOST];
static gsize lengths[MOST];
static size_t count, total;

static void decode_leaf(GMimeObject *parent, GMimeObject *part, gpointer user) {
    (void)parent;
    if (GMIME_IS_TEXT_PART(part)) {
        char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
        *(size_t *)user += text ? strlen(text) : 0;
        g_free(text);
    } else if (GMIME_IS_PART(part)) {
        GMimeDataWrapper *content = g_mime_part_get_content(GMIME_PART(part));
        GMimeStream *out = g_mime_stream_mem_new();
        if (content) *(size_t *)user += (size_t)g_mime_data_wrapper_write_to_stream(content, out);
        g_object_unref(out);
    }
}

static size_t run(int decodes) {
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mails[i], lengths[i]);
        GMimeParser *parser = g_mime_parser_new_with_stream(stream);
        GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
        if (message && decodes) g_mime_message_foreach(message, decode_leaf, &sum);
        sum += message != NULL;
        if (message) g_object_unref(message);
        g_object_unref(parser);
        g_object_unref(stream);
    }
    return sum;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    static const char *const NAMES[] = {"gmime_tree", "gmime_decoded"};
    static double laps[2][MOST_ROUNDS];
    char path[4096];
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    if (rounds < 1 || rounds > MOST_ROUNDS) return 2;
    g_mime_init();
    while (count < MOST && fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        if (!g_file_get_contents(path, &mails[count], &lengths[count], NULL)) return 1;
        total += lengths[count++];
    }
    size_t sum = 0;
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < 2; i++) {
            double begin = now();
            sum += run(i);
            laps[i][round] = now() - begin;
        }
    for (int i = 0; i < 2; i++) {
        printf("%s", NAMES[i]);
        for (int round = 0; round < rounds; round++) printf(" %.1f", (double)total / laps[i][round] / 1e6);
        putchar('\n');
    }
    return sum == 0;
}
