/* reply.c - see reply.h. */
#include "reply.h"

#include <string.h>

static bool
is_digit(char octet)
{
    return octet >= '0' && octet <= '9';
}

/* Octets of "D.S.N" at the start of `text`, which must end there or at a space; 0 if there is none. */
static size_t
status_length(const char *text, size_t length)
{
    size_t at = 0;

    for (int part = 0; part < 3; part++) {
        size_t start = at;

        while (at < length && at - start < 3 && is_digit(text[at]))
            at++;
        if (at == start || (part == 0 && at != 1))
            return 0;
        if (part < 2 && (at == length || text[at++] != '.'))
            return 0;
    }
    return at == length || text[at] == ' ' ? at : 0;
}

static void
copy_printable(char *out, const char *text, size_t length)
{
    if (length > MAX_REPLY_TEXT)
        length = MAX_REPLY_TEXT;
    for (size_t i = 0; i < length; i++)
        out[i] = text[i] >= 32 && text[i] < 127 ? text[i] : '?';
    out[length] = '\0';
}

static bool
parse_code(struct reply *reply, const char *line, size_t length)
{
    if (length < 4 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
        return false;
    reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    reply->is_last = line[3] == ' ';
    return reply->is_last || line[3] == '-';
}

bool
reply_parse(struct reply *reply, const char *line, size_t length)
{
    size_t status;

    if (!parse_code(reply, line, length) || memchr(line, '\r', length) != NULL || memchr(line, '\n', length) != NULL ||
        memchr(line, '\0', length) != NULL)
        return false;
    status = status_length(line + 4, length - 4);
    if (status != 0 && line[4] != line[0])
        return false; /* "250 4.2.0": which of the two is meant? */
    memcpy(reply->status, line + 4, status);
    reply->status[status] = '\0';
    if (status != 0 && 4 + status < length)
        status++; /* the space behind it */
    copy_printable(reply->text, line + 4 + status, length - 4 - status);
    return true;
}

enum meaning
reply_meaning(const struct reply *reply, bool is_after_message)
{
    bool is_protocol = strncmp(reply->status, "5.5.", 4) == 0;

    if (reply->code == 250 || (reply->code == 251 && !is_after_message))
        return ACCEPTED;
    if (reply->code >= 550 && reply->code <= 556 && (is_after_message || !is_protocol))
        return PERMANENT;
    if (reply->code == 501 && strncmp(reply->status, "5.1.", 4) == 0)
        return PERMANENT;
    return TEMPORARY;
}
