/*
 * Reads messages for the front (csrc/lmtp/front.h): with what, and the brief of each (brief.h) in memory of its own.
 */
#ifndef MDA_SPAM_READER_H
#define MDA_SPAM_READER_H

#include "brief.h"

/* cdef begin */
typedef struct spam_reader spam_reader;

/* The model (NULL: nothing is scored) and the campaigns' file (-1: nothing is counted) must outlive it. NULL without
 * memory. */
spam_reader *spam_reader_new(const spam_model *model, int campaigns, uint32_t campaign_bits);
void spam_reader_free(spam_reader *reader);

/* An lmtp_reading: the brief of a message, to be freed; NULL where it can't be read, is longer than 64 KB, so that what
 * waits to be taken is never much more than the messages themselves, or without memory. One thread at a time may use a
 * reader. */
uint8_t *spam_reader_read(void *reader, const uint8_t *octets, uint64_t length, uint64_t *found);
/* cdef end */

#endif
