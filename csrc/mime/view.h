/* The view: what a reader shows of a message, as a pickle (pickle.h) of which Python makes all its objects in one call.
 *
 * A tuple, or a list where Python has to finish something:
 *     subject
 *     From's, then To's mailboxes: (display name, address), ...
 *     Date: (seconds since 1970 UTC, minutes east), or None
 *     leaves: (type/subtype in lower case, file name, content), ...
 *     fields, with MIME_WANT_FIELDS: (name, decoded value), ...
 * To finish are strings that are bytes, as they hold words in charsets which only Python knows (MIME_MARK_OPEN) or are
 * addresses and types in octets that are no UTF-8, and contents that are (transfer encoding, begin and end of the body in the input, charset), where the charset is None if
 * the leaf is no text. None in place of it all: a leaf is not in the input but in a decoded message, and the tables are
 * to be asked instead.
 */
#ifndef MIME_VIEW_H
#define MIME_VIEW_H

#include "store.h"

void view_write(mime_state *state);

/* In place of the view: see MIME_WANT_TABLES. */
void view_write_tables(mime_state *state);

#endif
