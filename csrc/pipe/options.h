/*
 * options.h - the command line. Nothing else decides: no environment, no file.
 *
 * Anything wrong ends as a deferral (4.3.5): a mistake in master.cf must not bounce mail. There is no --help that
 * succeeds, as exit 0 means "delivered" to Postfix; it prints the usage and defers like any other mistake.
 */
#ifndef MDA_PIPE_OPTIONS_H
#define MDA_PIPE_OPTIONS_H

#include "limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct options {
    const char *socket;
    const char *sender;             /* as passed; the null sender is "" here */
    const char *queue_id;           /* NULL if not given */
    const char *const *recipients;  /* as passed */
    size_t recipient_count;         /* 1 to MAX_RECIPIENTS */
    const char *originals[MAX_RECIPIENTS]; /* the k-th belongs to the k-th recipient */
    size_t original_count;          /* 0 or recipient_count */
    uint64_t size;                  /* Postfix's ${size} */
    bool is_size_exact;             /* no milter changed the message: `size` may be believed */
    int64_t deadline_seconds;
};

/* Fills `options`, or does not return. */
void options_parse(struct options *options, int argc, const char *const *argv);

#endif
