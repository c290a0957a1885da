/* The view: what a reader shows of a message, in one run of octets that Python takes over in three steps (one unpack,
 * one decode, one split).
 *
 *     numbers, 32 bits each in the machine's order:
 *         0  offset of the strings          1  flags: 1 not whole, see below
 *         2  number of leaves               3  of From's addresses      4  of To's addresses
 *         5, 6  date, seconds since 1970 UTC, one number of 64 bits (INT64_MIN: none)
 *         7  date, minutes east of UTC      8  number of fields (with MIME_WANT_FIELDS)
 *         then for each leaf: what (encoding, and the VIEW_ bits below), offset and length of its body in the input,
 *         0
 *     strings, UTF-8, a NUL after each but the last:
 *         subject; display name and address of each of From, of each of To; for each leaf its type/subtype in lower
 *         case, its file name, and its text if VIEW_STRING is set; name and decoded value of each field.
 *
 * The view is not whole, and Python asks the tables instead, where a string would hold NUL, where text is in a charset
 * unknown here, and for parts that are not in the input.
 */
#ifndef MIME_VIEW_H
#define MIME_VIEW_H

#include "store.h"

#define VIEW_NOT_WHOLE 1u
#define VIEW_TEXT 256u   /* a text leaf: ASCII in the input if VIEW_STRING is not set */
#define VIEW_STRING 512u /* its text stands in the strings */

void view_write(mime_state *state);

/* In place of the view: see MIME_WANT_TABLES. */
void view_write_tables(mime_state *state);

#endif
