/*
 * body.c - see body.h.
 *
 * Postfix's ${size} counts queue file octets: each line is kept in records of at most 2,048 octets, and a record has
 * one octet of type and one of length, two from 128 octets on. A line of exactly 2,048 has an empty record behind.
 */
#include "body.h"

#include "limits.h"

#include <string.h>

static void
close_record(struct body *body)
{
    body->queue_octets += body->record_octets + 1 + (body->record_octets < 128 ? 1 : 2);
    body->record_octets = 0;
}

static void
count(struct body *body, size_t length)
{
    while (length > 0) {
        size_t room = RECORD_OCTETS - body->record_octets;
        size_t taken = length < room ? length : room;

        body->record_octets += taken;
        length -= taken;
        if (body->record_octets == RECORD_OCTETS)
            close_record(body);
    }
}

size_t
body_encode(struct body *body, const char *raw, size_t length, char *out)
{
    const char *end = raw + length;
    size_t used = 0;

    body->octets += length;
    while (raw < end) {
        const char *line_feed = memchr(raw, '\n', (size_t)(end - raw));
        size_t span = (size_t)((line_feed != NULL ? line_feed : end) - raw);

        if (!body->is_inside_line && *raw == '.')
            out[used++] = '.';
        memcpy(out + used, raw, span);
        used += span;
        count(body, span);
        raw += span;
        body->is_inside_line = line_feed == NULL;
        if (line_feed != NULL) {
            out[used++] = '\r';
            out[used++] = '\n';
            close_record(body);
            raw++;
        }
    }
    return used;
}

size_t
body_finish(struct body *body, char *out)
{
    if (!body->is_inside_line)
        return 0;
    body->is_inside_line = false;
    close_record(body);
    memcpy(out, "\r\n", 2);
    return 2;
}
