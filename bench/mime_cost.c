/* What the dearest mails cost: time and memory of everything that mime_parse() makes. Prints a line for each mail: "MB,
 * milliseconds of CPU a MB, resident octets beyond 1 MB for each octet of the mail, name". Usage: mime_cost ROUNDS; the
 * time is that of the fastest round. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "costly.h"
#include "mime/mime.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double parse(const costly_mail *mail) {
    mime_limits limits;
    mime_message *message;
    mime_default_limits(&limits);
    double begin = now();
    if (mime_parse(mail->bytes, mail->length, &limits, &message) != MIME_OK) exit(1);
    mime_free(message);
    return now() - begin;
}

/* A number of kilobytes in /proc/self/status, in octets. */
static double resident(const char *name) {
    char line[256];
    double kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status) exit(1);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, name, strlen(name)) == 0) kilobytes = atof(line + strlen(name));
    fclose(status);
    return kilobytes * 1024;
}

/* In a process of its own, so that nothing was there to be used again. */
static void measure(const costly_mail *mail, int rounds) {
    double megabytes = (double)mail->length / 1e6, before = resident("VmRSS:"), least = parse(mail);
    double taken = resident("VmHWM:") - before;
    for (int round = 1; round < rounds; round++) {
        double again = parse(mail);
        if (again < least) least = again;
    }
    printf("%.3f %.2f %.2f %s\n", megabytes, least / megabytes, taken > 1e6 ? (taken - 1e6) / (double)mail->length : 0, mail->name);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 5;
    for (size_t i = 0;; i++) {
        costly_mail mail = costly_make(i);
        if (!mail.bytes) return 0;
        pid_t child = fork();
        if (!child) {
            measure(&mail, rounds);
            return 0;
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) < 0 || status) return 1;
        free(mail.bytes);
    }
}
