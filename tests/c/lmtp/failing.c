#include "failing.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *octets, size_t size);

static unsigned long left, failed;

static int fails(void) {
    if (left && --left == 0) {
        left = 1;
        failed = 1;
        return 1;
    }
    return 0;
}

void fail_from(unsigned long nth) {
    left = nth;
    failed = 0;
}

int has_failed(void) {
    return (int)failed;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *octets, size_t size) {
    return fails() ? NULL : __real_realloc(octets, size);
}
