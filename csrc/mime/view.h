/* The view: what a reader shows of a message, in one run of octets that Python takes over in three steps (one unpack,
 * one decode, one split).
 *
 *     numbers, 32 bits each in the machine's order:
 *         0  offset of the strings          1  flags, see below
 *         2  number of leaves               3  of From's addresses      4  of To's addresses
 *         5, 6  date, seconds since 1970 UTC, one number of 64 bits (INT64_MIN: none)
 *         7  date, minutes east of UTC      8  number of fields (with MIME_WANT_FIELDS)
 *         9  offset of the texts
 *         then for each leaf: what (encoding, and the VIEW_ bits below), begin and end of a text leaf's text, else of
 *         the body in the input; of a text that stands in the texts, only their difference means something
 *     strings, UTF-8, a NUL after each but the last: the subject, then pairs:
 *         display name and address of each of From, of each of To; type/subtype in lower case and file name of each
 *         leaf; name and decoded value of each field; charset, and nothing, of each leaf that VIEW_FOREIGN is set of
 *     texts, UTF-8: those of all leaves that VIEW_DECODED is set of, one behind the other.
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
#define VIEW_USUAL 4u /* one sender, one recipient, a date, one leaf, which is text */

/* Of a leaf. */
#define VIEW_TEXT 256u    /* its text is UTF-8, in the input if VIEW_DECODED is not set */
#define VIEW_DECODED 512u /* its text stands in the texts */
#define VIEW_FOREIGN 1024u /* its text is in a charset unknown here */

/* Makes numbers and strings. */
void view_write(mime_state *state);

/* Octets of the whole view, or of what stands in its place. */
uint64_t view_length(const mime_state *state);

/* Copies the whole view to `out`; the texts are copied only here. */
void view_copy(const mime_state *state, uint8_t *out);

/* In place of the view: see MIME_WANT_TABLES. */
void view_write_tables(mime_state *state);

#endif
