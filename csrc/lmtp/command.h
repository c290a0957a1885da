/*
 * command.h - the few forms of LMTP commands that are answered without anybody's help. Pure.
 *
 * A form that is not plain is not wrong: mda/servers/lmtp/command.py reads it. What is plain here must be accepted there.
 */
#ifndef MDA_LMTP_COMMAND_H
#define MDA_LMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RCPT and a space, in any case. */
bool lmtp_is_rcpt(const uint8_t *line, size_t length);
bool lmtp_is_data(const uint8_t *line, size_t length);
bool lmtp_is_quit(const uint8_t *line, size_t length);
bool lmtp_is_rset(const uint8_t *line, size_t length);
/* LHLO and a name of letters, digits, dots and hyphens. */
bool lmtp_is_plain_lhlo(const uint8_t *line, size_t length);
/* MAIL FROM:<path>, a path of atoms, dots and at signs or none; SIZE up to `most` and BODY may follow, each once. */
bool lmtp_is_plain_mail(
    const uint8_t *line, size_t length, uint64_t most, size_t *path_start, size_t *path_length);
/* XFORWARD and at least one known attribute; values without the escapes of xtext (RFC 3461 s4). */
bool lmtp_is_plain_xforward(const uint8_t *line, size_t length);

#endif
