/* The brief: what a delivery asks of a message, as MessagePack (msgpack.h) of which Python makes one struct in one call.
 *
 * An array of two, of which the second element is the caller's to append (csrc/antispam/brief.h). The first is an array,
 * in the order of mda.binding.Brief:
 *     is_finished: false where something of it is in octets that only Python knows to read, and is missing or empty here:
 *         words in foreign charsets (MIME_MARK_OPEN), a foreign preview, ids and addresses that are no UTF-8
 *     base subject (RFC 5256 s2.1)
 *     Date, as a timestamp; nil where there is none, or one that the calendar of years 1 to 9999 has not
 *     the first 64 bits of the SHA-256 of Message-ID, signed; nil where there is none
 *     Message-ID without <>, or nil
 *     the same hashes of what it refers to
 *     preview
 *     has_attachment
 *     defects: bit set of enum mime_defect
 *     ENVELOPE, BODYSTRUCTURE and the part table, as they stand in the summary
 *     From's only address: array of local part and host; nil where From is not one address
 *     spans of the top header block's fields that pretend to be ours: array of arrays of start and end; adjoining
 *         ones are one
 *     whether there is a Delivered-To
 *     the top header block's entries of the header table
 */
#ifndef MIME_BRIEF_H
#define MIME_BRIEF_H

#include "store.h"

/* Into the view. Needs all of MIME_WANT_ALL to be made. */
void brief_write(mime_state *state);

#endif
