/* The view: what a reader shows of a message, in one run of octets that Python takes over in three steps (one unpack,
 * one decode, one split).
 *
 *     numbers, 32 bits each in the machine's order:
 *         0  offset of the strings          1  flags, see below
 *         2  number of leaves               3  of From's addresses      4  of To's addresses
 *         5, 6  date, seconds since 1970 UTC, one number of 64 bits (INT64_MIN: none)
 *         7  date, minutes east of UTC      8  number of fields (with MIME_WANT_FIELDS)
 *         then for each leaf: what (encoding, and the VIEW_ bits below), offset and length of its body in the input,
 *         0
 *     strings, UTF-8, a NUL after each but the last:
 *         subject; display name and address of each of From, of each of To; for each leaf its type/subtype in lower
 *         case (empty: text/plain by default), its file name, and its text if VIEW_STRING is set, its charset if VIEW_FOREIGN is; name and decoded
 *         value of each field.
 *
 * The view is not whole (VIEW_NOT_WHOLE), and Python asks the tables instead, where a string would hold NUL and for
 * parts that are not in the input. With VIEW_MARKED some strings hold marks (MIME_MARK_OPEN).
 */
#ifndef MIME_VIEW_H
#define MIME_VIEW_H

#include "store.h"

/* Flags. */
#define VIEW_NOT_WHOLE 1u
#define VIEW_MARKED 2u

/* Of a leaf. */
#define VIEW_TEXT 256u   /* a text leaf: ASCII in the input if VIEW_STRING is not set */
#define VIEW_STRING 512u /* its text stands in the strings */
#define VIEW_FOREIGN 1024u /* its text is in a charset unknown here */

void view_write(mime_state *state);

/* In place of the view: see MIME_WANT_TABLES. */
void view_write_tables(mime_state *state);

#endif
