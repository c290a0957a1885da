#include "command.h"

#include <string.h>

enum {
    MAX_PATH = 320,  /* octets: RFC 5321 s4.5.3.1 promises 64 + 1 + 255 */
    MAX_NAME = 255,  /* octets: RFC 5321 s4.5.3.1.2 */
    SIZE_DIGITS = 19 /* fewer than 2^64 has */
};

static uint8_t upper(uint8_t octet) {
    return octet >= 'a' && octet <= 'z' ? (uint8_t)(octet - 'a' + 'A') : octet;
}

/* Whether `octets` begin with `word`, which is in upper case. */
static bool begins(const uint8_t *octets, size_t length, const char *word) {
    size_t count = strlen(word);
    if (length < count) {
        return false;
    }
    for (size_t at = 0; at < count; at++) {
        if (upper(octets[at]) != (uint8_t)word[at]) {
            return false;
        }
    }
    return true;
}

static bool is(const uint8_t *octets, size_t length, const char *word) {
    return length == strlen(word) && begins(octets, length, word);
}

static bool is_alphanumeric(uint8_t octet) {
    return (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9');
}

/* atext of RFC 5322 s3.2.3, and the dot and the at sign between atoms. */
static bool is_plain(uint8_t octet) {
    return is_alphanumeric(octet) || (octet && strchr("!#$%&'*+-/=?^_`{|}~.@", octet));
}

/* xtext of RFC 3461 s4 but for its escapes. */
static bool is_unescaped(uint8_t octet) {
    return octet >= '!' && octet <= '~' && octet != '+' && octet != '=';
}

/* The word at `octets`, up to a space or the end. */
static size_t word_length(const uint8_t *octets, size_t length) {
    const uint8_t *space = memchr(octets, ' ', length);
    return space ? (size_t)(space - octets) : length;
}

static bool is_size(const uint8_t *digits, size_t length, uint64_t most) {
    if (!length || length > SIZE_DIGITS) {
        return false;
    }
    uint64_t size = 0;
    for (size_t at = 0; at < length; at++) {
        if (digits[at] < '0' || digits[at] > '9') {
            return false;
        }
        size = 10 * size + (uint64_t)(digits[at] - '0');
    }
    return size <= most;
}

/* The parameters of MAIL, each behind one space. */
static bool are_plain_parameters(const uint8_t *octets, size_t length, uint64_t most) {
    bool has_size = false, has_body = false;
    while (length) {
        if (octets[0] != ' ') {
            return false;
        }
        octets++;
        length--;
        size_t word = word_length(octets, length);
        if (!has_size && begins(octets, word, "SIZE=") && is_size(octets + 5, word - 5, most)) {
            has_size = true;
        } else if (!has_body && (is(octets, word, "BODY=7BIT") || is(octets, word, "BODY=8BITMIME"))) {
            has_body = true;
        } else {
            return false;
        }
        octets += word;
        length -= word;
    }
    return true;
}

bool lmtp_is_rcpt(const uint8_t *line, size_t length) {
    return begins(line, length, "RCPT ");
}

bool lmtp_is_data(const uint8_t *line, size_t length) {
    return is(line, length, "DATA");
}

bool lmtp_is_quit(const uint8_t *line, size_t length) {
    return is(line, length, "QUIT");
}

bool lmtp_is_rset(const uint8_t *line, size_t length) {
    return is(line, length, "RSET");
}

bool lmtp_is_plain_lhlo(const uint8_t *line, size_t length) {
    static const char verb[] = "LHLO ";
    size_t at = sizeof verb - 1;
    if (!begins(line, length, verb) || at == length || length - at > MAX_NAME) {
        return false;
    }
    while (at < length && (is_alphanumeric(line[at]) || line[at] == '.' || line[at] == '-')) {
        at++;
    }
    return at == length;
}

bool lmtp_is_plain_mail(
    const uint8_t *line, size_t length, uint64_t most, size_t *path_start, size_t *path_length) {
    static const char verb[] = "MAIL FROM:<";
    if (!begins(line, length, verb)) {
        return false;
    }
    size_t start = sizeof verb - 1, end = start;
    while (end < length && is_plain(line[end])) {
        end++;
    }
    if (end == length || line[end] != '>' || end - start > MAX_PATH) {
        return false;
    }
    *path_start = start;
    *path_length = end - start;
    return are_plain_parameters(line + end + 1, length - end - 1, most);
}

static bool is_attribute(const uint8_t *word, size_t length) {
    static const char *const names[] = {"NAME=", "ADDR=", "PORT=", "PROTO=", "HELO=", "IDENT=", "SOURCE="};
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        size_t name = strlen(names[index]);
        if (begins(word, length, names[index])) {
            size_t at = name;
            while (at < length && is_unescaped(word[at])) {
                at++;
            }
            return at == length;
        }
    }
    return false;
}

bool lmtp_is_plain_xforward(const uint8_t *line, size_t length) {
    static const char verb[] = "XFORWARD";
    size_t at = sizeof verb - 1;
    if (!begins(line, length, verb) || at == length) {
        return false;
    }
    while (at < length) {
        if (line[at] != ' ') {
            return false;
        }
        at++;
        size_t word = word_length(line + at, length - at);
        if (!is_attribute(line + at, word)) {
            return false;
        }
        at += word;
    }
    return true;
}
