/* SHA-256, FIPS 180-4, of short strings: how rows know a Message-ID. */
#ifndef MIME_SHA256_H
#define MIME_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* The first 64 bits of the digest, big-endian as they stand there. */
uint64_t sha256_head(const uint8_t *bytes, size_t length);

#endif
