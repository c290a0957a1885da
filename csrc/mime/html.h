/* Plain text of HTML, up to a given length: for previews. */
#ifndef MIME_HTML_H
#define MIME_HTML_H

#include <stddef.h>
#include <stdint.h>

/* As mime_html_text(), but stops at the first character that `capacity` has no room for: it reads no more than
 * it needs and cuts no character (but raw multi-byte ones of the input). */
size_t html_strip(const uint8_t *html, size_t length, uint8_t *plain, size_t capacity);

#endif
