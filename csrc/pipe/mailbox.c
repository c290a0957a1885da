/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

#include <stdint.h>
#include <string.h>

/* Octets of the UTF-8 sequence at `raw` (NUL-terminated) and its code point; 0 if malformed (RFC 3629 s4). */
static size_t
decode(const unsigned char *raw, uint32_t *code_point)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = raw[0] < 0x80 ? 1 : raw[0] < 0xC2 ? 0 : raw[0] < 0xE0 ? 2 : raw[0] < 0xF0 ? 3 : raw[0] < 0xF5 ? 4 : 0;

    *code_point = length < 2 ? raw[0] : raw[0] & (0xFFU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((raw[i] & 0xC0) != 0x80)
            return 0;
        *code_point = *code_point << 6 | (raw[i] & 0x3FU);
    }
    if (*code_point < LEAST[length] || *code_point > 0x10FFFF || (*code_point >= 0xD800 && *code_point <= 0xDFFF))
        return 0;
    return length;
}

static bool
is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 ||
           code_point == 0x2029;
}

static enum mailbox_fault
check_characters(const char *address, bool *is_ascii)
{
    const unsigned char *raw = (const unsigned char *)address;

    *is_ascii = true;
    while (*raw != '\0') {
        uint32_t code_point;
        size_t length = decode(raw, &code_point);

        if (length == 0)
            return MAILBOX_NOT_UTF8;
        if (is_control(code_point))
            return MAILBOX_CONTROL;
        if (length > 1)
            *is_ascii = false;
        raw += length;
    }
    return MAILBOX_OK;
}

/* RFC 5321 s4.1.2 atext, with RFC 6531 s3.3. */
static bool
is_atext(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') || (octet >= '0' && octet <= '9') ||
           (octet & 0x80) != 0 || (octet != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);
}

static bool
is_dot_string(const char *local, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool is_edge = i == 0 || i == length - 1 || local[i - 1] == '.';

        if (!is_atext(local[i]) && (local[i] != '.' || is_edge))
            return false;
    }
    return length > 0;
}

static bool
is_domain(const char *domain)
{
    return *domain != '\0' && strpbrk(domain, " <>\"(),;\\") == NULL;
}

/* Quoted-string of RFC 5321 s4.1.2. `out` holds two quotes and twice the length. */
static size_t
quote(const char *local, size_t length, char *out)
{
    size_t used = 0;

    out[used++] = '"';
    for (size_t i = 0; i < length; i++) {
        if (local[i] == '"' || local[i] == '\\')
            out[used++] = '\\';
        out[used++] = local[i];
    }
    out[used++] = '"';
    return used;
}

enum mailbox_fault
mailbox_quote(const char *address, struct mailbox *mailbox)
{
    const char *at = strrchr(address, '@');
    enum mailbox_fault fault = check_characters(address, &mailbox->is_ascii);
    size_t local_length, used;

    if (fault != MAILBOX_OK)
        return fault;
    if (at == NULL || !is_domain(at + 1))
        return MAILBOX_DOMAIN;
    local_length = (size_t)(at - address);
    if (2 + 2 * local_length + strlen(at) > MAX_ADDRESS)
        return MAILBOX_TOO_LONG;
    if (is_dot_string(address, local_length)) {
        memcpy(mailbox->text, address, local_length);
        used = local_length;
    } else {
        used = quote(address, local_length, mailbox->text);
    }
    memcpy(mailbox->text + used, at, strlen(at) + 1);
    return MAILBOX_OK;
}

const char *
mailbox_fault_text(enum mailbox_fault fault)
{
    switch (fault) {
    case MAILBOX_OK:
        return "is well-formed";
    case MAILBOX_CONTROL:
        return "holds a control character";
    case MAILBOX_NOT_UTF8:
        return "is not UTF-8";
    case MAILBOX_DOMAIN:
        return "has no domain that SMTP can carry";
    case MAILBOX_TOO_LONG:
        return "is too long";
    }
    return "is malformed";
}

bool
mailbox_xtext(const char *raw, char *out, size_t size)
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t used = 0;

    for (; *raw != '\0'; raw++) {
        unsigned char octet = (unsigned char)*raw;

        if (used + 4 > size)
            return false;
        if (octet > 32 && octet < 127 && octet != '+' && octet != '=') {
            out[used++] = (char)octet;
        } else {
            out[used++] = '+';
            out[used++] = HEX[octet >> 4];
            out[used++] = HEX[octet & 15];
        }
    }
    out[used] = '\0';
    return true;
}

bool
mailbox_is_printable(const char *raw)
{
    for (; *raw != '\0'; raw++)
        if (*raw < 32 || *raw > 126)
            return false;
    return true;
}
