/*
 * verdict.h - one status for all recipients, as pipe(8) takes only one per run. Pure.
 *
 * Any temporary failure: deferred. All accepted: sent. All refused for good: the first refusal. A mixture of accepted
 * and refused can't be expressed, so it is deferred with the setting that keeps it from happening.
 */
#ifndef MDA_PIPE_VERDICT_H
#define MDA_PIPE_VERDICT_H

#include "reply.h"

#include <stddef.h>

struct verdict {
    size_t accepted, temporary, permanent;
    struct reply first_accepted, first_temporary, first_permanent;
};

void verdict_add(struct verdict *verdict, const struct reply *reply, enum meaning meaning);

/* The reply that all recipients share, or NULL for a mixture of accepted and refused. */
const struct reply *verdict_decides(const struct verdict *verdict);

#endif
