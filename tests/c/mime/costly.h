/* Mails made to be dear: deep, many, long, and open without an end. Most are a piece repeated, so that a mail of any size
 * can be made. */
#ifndef MDA_TEST_MIME_COSTLY_H
#define MDA_TEST_MIME_COSTLY_H

#include <stddef.h>
#include <stdint.h>

typedef struct costly_mail {
    const char *name;
    uint8_t *bytes;
    size_t length;
} costly_mail;

/* Mail number `index`; free its bytes. `bytes` is NULL past the last one. */
costly_mail costly_make(size_t index);

#endif
