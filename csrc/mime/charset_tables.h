/* Single-byte charsets (the upper half of each) and the labels by which mail names charsets. The tables follow the
 * Unicode consortium's mappings; octets that a charset leaves open are read as windows-1252 reads them, or as the C1
 * control of the same number. Labels are the IANA names and aliases seen in mail, in lower case. */
#ifndef MIME_CHARSET_TABLES_H
#define MIME_CHARSET_TABLES_H

#include "charset.h"

typedef struct charset_label {
    const char *label;
    uint8_t length;
    uint8_t id; /* enum charset_id */
} charset_label;

extern const charset_label CHARSET_LABELS[];
extern const size_t CHARSET_LABEL_COUNT;
extern const uint16_t CHARSET_TABLE[][128];

#define CHARSET_WINDOWS_1252 0 /* index in CHARSET_TABLE */

#endif
