/* failing.h - memory that fails on purpose. */
#ifndef MDA_TESTS_LMTP_FAILING_H
#define MDA_TESTS_LMTP_FAILING_H

/* The `nth` call from now on of malloc, calloc or realloc finds no memory, and all behind it; 0: none does. */
void fail_from(unsigned long nth);
/* Whether one has failed since. */
int has_failed(void);

#endif
