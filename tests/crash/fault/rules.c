/* Rules: read from a control file that is mapped and shared, so that "the n-th call" counts over all processes and a
 * test can change its mind while they run. */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "real.h"

static struct fault_control *control;

__attribute__((constructor)) static void rules_map(void)
{
    const char *path = getenv("MDA_FAULT_CONTROL");
    if (!path)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static bool rule_matches(const struct fault_rule *rule, enum fault_call call, const char *path)
{
    return (rule->calls & call) && (rule->roles & fault_role()) && strstr(path, rule->part);
}

/* Whether this call is among those that the rule strikes. */
static bool rule_fires(struct fault_rule *rule)
{
    if (__atomic_fetch_sub(&rule->skip, 1, __ATOMIC_SEQ_CST) > 0)
        return false;
    __atomic_store_n(&rule->skip, 0, __ATOMIC_SEQ_CST);
    if (__atomic_fetch_sub(&rule->times, 1, __ATOMIC_SEQ_CST) <= 0) {
        __atomic_store_n(&rule->times, 0, __ATOMIC_SEQ_CST);
        return false;
    }
    __atomic_fetch_add(&rule->fired, 1, __ATOMIC_SEQ_CST);
    return true;
}

static void wait_for(uint32_t microseconds)
{
    struct timespec left = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

struct fault_verdict fault_judge(enum fault_call call, const char *path)
{
    struct fault_verdict verdict = {EFFECT_NONE, 0};
    for (int i = 0; control && i < FAULT_RULES; i++) {
        struct fault_rule *rule = &control->rules[i];
        if (!rule_matches(rule, call, path) || !rule_fires(rule))
            continue;
        wait_for(rule->delay_microseconds);
        if (verdict.effect == EFFECT_NONE)
            verdict = (struct fault_verdict){rule->effect, rule->error};
    }
    return verdict;
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = REAL(clock_gettime)(clock, now);
    if (!status && control && clock == CLOCK_REALTIME && fault_role() == ROLE_WORKER)
        now->tv_sec += __atomic_load_n(&control->clock_step_seconds, __ATOMIC_RELAXED);
    return status;
}
