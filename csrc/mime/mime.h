/* MIME parser: one call a message, one flat visible result, one free.
 *
 * mime_parse() reads a whole message (RFC 5322, RFC 2045-2049, 2183, 2231) and leaves everything it found in a
 * mime_message: tables of fixed-width structs, spans as offset and length, indices instead of pointers. Malformed mail
 * never fails: it sets defect bits, each with its first offset. Only no memory, too large and bad argument fail.
 *
 * Spans name bytes, never C strings: nothing here ends in NUL, and a NUL in a mail is a byte as any other. A span is
 * into one of three byte stores, see enum mime_source: the caller's input, the text store (UTF-8 made here), or the
 * decoded store (messages that came in base64 or quoted-printable). Each field's comment says which.
 *
 * How a scorer reads a message without parsing again:
 *     for each part i with (parts[i].flags & MIME_PART_TEXT):
 *         bytes = mime_bytes(message, parts[i].text_source, parts[i].text, &length);
 *     These are UTF-8 unless MIME_PART_FOREIGN is set (charset unknown here: transfer encoding removed, bytes as they
 *     came). HTML is not stripped: MIME_PART_HTML says that it is HTML, mime_html_text() strips it.
 *     for each header h of part i: headers[parts[i].first_header .. + header_count), with
 *         base = mime_base(message, parts[i].source): name at base + h.start (name_length bytes, no colon), raw value
 *         at base + h.value up to base + h.end (line end and folds included).
 *     A non-text leaf's raw body is base[body .. end), mime_decode() removes its transfer encoding.
 *
 * Time is linear in the input, memory below twice the input plus 1 MB for mail as it comes. Nothing recurses, there
 * are no globals: any number of threads may parse at once, each into its own mime_message.
 *
 * BUGS: charsets beyond UTF-8, the single-byte ones in charset.c and UTF-16 are left to the caller (see
 * MIME_PART_FOREIGN and MIME_MARK_*).
 */
#ifndef MIME_H
#define MIME_H

#include <stddef.h>
#include <stdint.h>

#define MIME_NONE UINT32_MAX /* no such index, no such offset */

/* In decoded header text, words in a charset unknown here stand as
 *     MIME_MARK_OPEN label MIME_MARK_SPLIT hexadecimal digits of the bytes MIME_MARK_CLOSE
 * None of the three bytes can occur in UTF-8. */
#define MIME_MARK_OPEN 0xff
#define MIME_MARK_SPLIT 0xfe
#define MIME_MARK_CLOSE 0xfd

/* cdef begin */
typedef enum mime_status {
    MIME_OK = 0,
    MIME_NO_MEMORY = 1,
    MIME_TOO_LARGE = 2,
    MIME_BAD_ARGUMENT = 3
} mime_status;

/* Bit numbers in mime_summary.defects. */
typedef enum mime_defect {
    MIME_DEFECT_NO_CLOSE_DELIMITER = 0,   /* a multipart ends without its close delimiter */
    MIME_DEFECT_NO_DELIMITER = 1,         /* the boundary of a multipart never appears */
    MIME_DEFECT_NO_BOUNDARY = 2,          /* multipart without a boundary parameter, or an empty one */
    MIME_DEFECT_BOUNDARY_PREFIX = 3,      /* a line begins as a delimiter but goes on */
    MIME_DEFECT_CLOSED_BY_OUTER = 4,      /* an outer delimiter closed an inner multipart */
    MIME_DEFECT_SECOND_CONTENT_TYPE = 5,
    MIME_DEFECT_SECOND_PARAMETER = 6,     /* a parameter twice, the first wins */
    MIME_DEFECT_SECOND_ENCODING = 7,
    MIME_DEFECT_BAD_ENCODING = 8,         /* Content-Transfer-Encoding unknown or with trailing junk */
    MIME_DEFECT_BASE64_TRUNCATED = 9,
    MIME_DEFECT_BASE64_JUNK = 10,         /* characters outside the alphabet, skipped */
    MIME_DEFECT_BASE64_AFTER_PADDING = 11,
    MIME_DEFECT_BAD_QUOTED_PRINTABLE = 12,
    MIME_DEFECT_ENCODED_MESSAGE = 13,     /* message/rfc822 in base64 or quoted-printable */
    MIME_DEFECT_ENCODED_MULTIPART = 14,   /* multipart in base64 or quoted-printable: encoding ignored */
    MIME_DEFECT_BAD_PARAMETER = 15,       /* a segment is missing, or the syntax is broken */
    MIME_DEFECT_PARAMETER_FORMS = 16,     /* plain and RFC 2231 form of one parameter together */
    MIME_DEFECT_BAD_ENCODED_WORD = 17,
    MIME_DEFECT_UNKNOWN_CHARSET = 18,
    MIME_DEFECT_HEADER_8BIT = 19,
    MIME_DEFECT_NUL = 20,
    MIME_DEFECT_BARE_CR = 21,
    MIME_DEFECT_HEADER_NO_COLON = 22,
    MIME_DEFECT_HEADER_SPACE = 23,        /* white space before the colon */
    MIME_DEFECT_HEADER_NO_BLANK_LINE = 24,/* a part's headers run into a delimiter */
    MIME_DEFECT_PART_AFTER_CLOSE = 25,    /* a delimiter after the close delimiter: stays in the epilogue */
    MIME_DEFECT_REPEATED_FIELD = 26,      /* From, Subject, Date ... more than once (RFC 5322 s3.6) */
    MIME_DEFECT_TOO_DEEP = 27,
    MIME_DEFECT_TOO_MANY_PARTS = 28,
    MIME_DEFECT_TOO_MANY_HEADERS = 29,
    MIME_DEFECT_TOO_MANY_PARAMETERS = 30,
    MIME_DEFECT_BAD_DATE = 31,
    MIME_DEFECT_BAD_ADDRESS = 32,
    MIME_DEFECT_BAD_CHARSET = 33,         /* bytes that are not valid in the charset they claim */
    MIME_DEFECT_BARE_LF = 34,
    MIME_DEFECT_TOO_MANY_ADDRESSES = 35,
    MIME_DEFECT_BAD_UUENCODE = 36,        /* no "begin" or "end", or a line too short */
    MIME_DEFECT_COUNT = 37
} mime_defect;

typedef enum mime_source { MIME_IN_INPUT = 0, MIME_IN_TEXT = 1, MIME_IN_DECODED = 2 } mime_source;
typedef enum mime_kind { MIME_LEAF = 0, MIME_MULTIPART = 1, MIME_MESSAGE = 2 } mime_kind;
typedef enum mime_encoding {
    MIME_7BIT = 0,
    MIME_8BIT = 1,
    MIME_BINARY = 2,
    MIME_QUOTED_PRINTABLE = 3,
    MIME_BASE64 = 4,
    MIME_UNKNOWN_ENCODING = 5, /* content kept as it is (RFC 2045 s6.4) */
    MIME_UUENCODE = 6          /* x-uuencode and its other names: no encoding of MIME's */
} mime_encoding;
typedef enum mime_disposition {
    MIME_NO_DISPOSITION = 0,
    MIME_INLINE = 1,
    MIME_ATTACHMENT = 2 /* unknown words count as attachment, RFC 2183 s2.8 */
} mime_disposition;

typedef enum mime_part_flag {
    MIME_PART_TEXT = 1,       /* a text leaf; `text` is set */
    MIME_PART_HTML = 2,       /* text/html or application/xhtml+xml */
    MIME_PART_FOREIGN = 4,    /* `text` is in a charset unknown here, see `charset` */
    MIME_PART_ATTACHED = 8,   /* disposition attachment, or a leaf with a file name that is no inline text or image */
    MIME_PART_CLOSED = 16,    /* multipart with its close delimiter */
    MIME_PART_OPAQUE = 32,    /* a limit stopped us: children are not taken apart */
    MIME_PART_ENCODED = 64,   /* a message in base64 or quoted-printable: its child is in the decoded store */
    MIME_PART_8BIT = 128      /* octets above 127 in a leaf's raw body */
} mime_part_flag;

/* The fields known by number; all others are MIME_FIELD_OTHER and found by name. */
typedef enum mime_field {
    MIME_FIELD_OTHER = 0,
    MIME_FIELD_FROM = 1,
    MIME_FIELD_SENDER = 2,
    MIME_FIELD_REPLY_TO = 3,
    MIME_FIELD_TO = 4,
    MIME_FIELD_CC = 5,
    MIME_FIELD_BCC = 6,
    MIME_FIELD_SUBJECT = 7,
    MIME_FIELD_DATE = 8,
    MIME_FIELD_MESSAGE_ID = 9,
    MIME_FIELD_IN_REPLY_TO = 10,
    MIME_FIELD_REFERENCES = 11,
    MIME_FIELD_RECEIVED = 12,
    MIME_FIELD_CONTENT_TYPE = 13,
    MIME_FIELD_CONTENT_TRANSFER_ENCODING = 14,
    MIME_FIELD_CONTENT_DISPOSITION = 15,
    MIME_FIELD_CONTENT_ID = 16,
    MIME_FIELD_CONTENT_DESCRIPTION = 17,
    MIME_FIELD_CONTENT_LANGUAGE = 18,
    MIME_FIELD_CONTENT_LOCATION = 19,
    MIME_FIELD_CONTENT_MD5 = 20,
    MIME_FIELD_MIME_VERSION = 21,
    MIME_FIELD_COUNT = 22
} mime_field;

typedef struct mime_span {
    uint32_t offset; /* MIME_NONE: absent */
    uint32_t length;
} mime_span;

/* Every limit the parser obeys; mime_default_limits() gives the named defaults. */
typedef struct mime_limits {
    uint64_t size;            /* bytes of a message: 104857600; more is MIME_TOO_LARGE */
    uint32_t depth;           /* nested multiparts and messages: 100 */
    uint32_t parts;           /* 10000 */
    uint32_t headers;         /* in all parts together: 100000 */
    uint32_t parameters;      /* of one field: 128 */
    uint32_t addresses;       /* in all: 10000 */
    uint32_t references;      /* of a message: the last 1000 */
    uint32_t encoded_depth;   /* message/rfc822 in base64 in one another: 3 */
    uint32_t preview;         /* characters: 256 */
} mime_limits;

/* What a parse makes; the tree, the headers and the defects always. */
typedef enum mime_want {
    MIME_WANT_TEXT = 1,       /* mime_part.text and .charset of text leaves */
    MIME_WANT_SUMMARY = 2,    /* subject and date */
    MIME_WANT_PREVIEW = 4,    /* with MIME_WANT_TEXT */
    MIME_WANT_IMAP = 8,       /* ENVELOPE and BODYSTRUCTURE */
    MIME_WANT_STRUCTURE = 16, /* the stored part table */
    MIME_WANT_IDS = 32,       /* message_id and references */
    MIME_WANT_VIEW = 64,      /* see view.h; with MIME_WANT_TEXT and MIME_WANT_SUMMARY */
    MIME_WANT_FIELDS = 128,   /* every field of the top header block in the view */
    MIME_WANT_TABLES = 256,   /* the view is 32 bits, the octets of `headers`, then `headers` and `parts` */
    MIME_WANT_BRIEF = 512,    /* the view is the brief, see brief.h; with MIME_WANT_ALL */
    MIME_WANT_ALL = 63        /* what mime_parse() makes */
} mime_want;

/* One header field. Offsets are into the store of its part (mime_part.source). */
typedef struct mime_header {
    uint32_t start;       /* first byte of the name */
    uint32_t value;       /* first byte after the colon */
    uint32_t end;         /* past the line end of its last line */
    uint16_t name_length; /* without white space before the colon */
    uint16_t field;       /* enum mime_field */
} mime_header;

/* One parameter of Content-Type or Content-Disposition; spans are into the text store. */
typedef struct mime_parameter {
    mime_span name;    /* as written; "name*" for an RFC 2231 value, as IMAP sends it */
    mime_span value;   /* unquoted, segments joined; for "name*" still charset'language'%XX */
    mime_span decoded; /* UTF-8, perhaps with marks (MIME_MARK_OPEN) */
} mime_parameter;

/* Added to an address's kind: what its mailbox or host says is no more than that there is none. */
typedef enum mime_address_flag { MIME_ADDRESS_NO_MAILBOX = 256, MIME_ADDRESS_NO_HOST = 512 } mime_address_flag;

/* One entry of an address list, in order. kind 'a' address, 'g' group start (mailbox = group name), 'e' group end.
 * Spans are into the text store and raw (unquoted, not RFC 2047-decoded): what ENVELOPE sends. */
typedef struct mime_address {
    uint32_t header; /* index in headers */
    uint32_t kind;
    mime_span name;
    mime_span route;
    mime_span mailbox;
    mime_span host;
} mime_address;

/* One part. `start`, `body`, `end`, `preamble_end`, `epilogue` are offsets into the store named by `source`:
 *   header block [start, body) with its blank line; leaf's body [body, end);
 *   multipart: preamble [body, preamble_end), then delimiter lines and children, then epilogue [epilogue, end);
 *   message: one child that is [body, end).
 * The line end before a delimiter belongs to the delimiter (RFC 2046 s5.1.1). So every byte of the input is in
 * exactly one of: header block, body, preamble, epilogue, delimiter line. */
typedef struct mime_part {
    uint32_t source;
    uint32_t parent; /* index, MIME_NONE for the root (part 0) */
    uint32_t first_child;
    uint32_t next_sibling;
    uint32_t start;
    uint32_t body;
    uint32_t end;
    uint32_t preamble_end;
    uint32_t epilogue;
    uint32_t first_header;
    uint32_t header_count;
    uint32_t lines;    /* LFs in the body */
    uint32_t bare_lfs; /* of these, without a CR before: each adds one octet to the size IMAP shows */
    uint32_t depth;
    uint8_t kind;        /* enum mime_kind */
    uint8_t encoding;    /* enum mime_encoding */
    uint8_t disposition; /* enum mime_disposition */
    uint8_t flags;       /* enum mime_part_flag */
    uint32_t text_source;
    mime_span text; /* decoded text of a text leaf, in text_source */
    uint32_t first_parameter; /* of Content-Type */
    uint32_t parameter_count;
    uint32_t first_disposition_parameter;
    uint32_t disposition_parameter_count;
    /* spans into the text store */
    mime_span type; /* absent: no usable Content-Type, the default of RFC 2045 s5.2 or RFC 2046 s5.1.5 holds */
    mime_span subtype;
    mime_span charset;          /* of text leaves, lower case; empty: none given */
    mime_span encoding_label;   /* as given, absent: none */
    mime_span disposition_label;
    mime_span filename;         /* decoded, perhaps with marks */
    mime_span envelope;         /* of the root and of a message's child: its ENVELOPE */
    uint32_t fields;            /* bit set of enum mime_field: which fields it has */
    uint32_t repeated_fields;   /* those of them that stand there more than once */
} mime_part;

/* The message's own values. Spans are into the text store, absent where there is no such field. */
typedef struct mime_summary {
    uint64_t defects;          /* bit set of enum mime_defect */
    int64_t date_seconds;      /* of Date, seconds since 1970 UTC; INT64_MIN: none that can be read */
    int32_t date_offset;       /* minutes east of UTC, as the sender gave it */
    uint32_t has_attachment;
    uint32_t preview_part;     /* leaf the preview is taken from, or MIME_NONE */
    uint32_t preview_foreign;  /* 1: that leaf is MIME_PART_FOREIGN and `preview` is absent */
    mime_span subject;         /* decoded, perhaps with marks */
    mime_span message_id;      /* without <> */
    mime_span references;      /* ids without <>, LF after each: References, then In-Reply-To, each once */
    mime_span preview;         /* UTF-8, at most limits.preview characters */
    mime_span envelope;        /* IMAP ENVELOPE with its parentheses, RFC 3501 s7.4.2 */
    mime_span body_structure;  /* IMAP BODYSTRUCTURE with its parentheses */
    mime_span structure;       /* see structure.c */
    uint32_t defect_offset[37];/* first offset of each defect in the input, MIME_NONE where it has none */
} mime_summary;

/* The result: read everything, write nothing. */
typedef struct mime_message {
    mime_summary summary;
    const uint8_t *input;
    const uint8_t *text;
    const uint8_t *decoded;
    uint32_t input_length;
    uint32_t text_length;
    uint32_t decoded_length;
    uint32_t header_count;
    uint32_t part_count;
    uint32_t parameter_count;
    uint32_t address_count;
    const mime_header *headers;
    const mime_part *parts;
    const mime_parameter *parameters;
    const mime_address *addresses;
} mime_message;

/* What is kept from one message to the next: memory. Not for two threads at once. */
typedef struct mime_context mime_context;

/* Fills `limits` with the defaults. */
void mime_default_limits(mime_limits *limits);

/* Parses `length` bytes at `input`, which must outlive the result. *message is set only on MIME_OK. */
mime_status mime_parse(const uint8_t *input, size_t length, const mime_limits *limits, mime_message **message);

/* NULL if there is no memory. */
mime_context *mime_context_new(void);

/* Frees a context and what it holds; NULL is allowed. */
void mime_context_free(mime_context *context);

/* As mime_parse(), but makes only what `wants` says (enum mime_want), and the result is the context's: it holds until
 * the next call with that context, and is not to be freed. */
mime_status mime_parse_with(mime_context *context, const uint8_t *input, size_t length, const mime_limits *limits,
                            int wants, const mime_message **message);

/* Parses with the default limits and copies the view (see view.h) to `out` if it fits in `room`. Returns its length,
 * or minus the mime_status. */
int64_t mime_read(mime_context *context, const uint8_t *input, size_t length, int wants, uint8_t *out, size_t room);

/* Copies the view that was made last, for which there was no room. */
void mime_read_again(const mime_context *context, uint8_t *out);

/* Appends to the view that was made last, and copies it to `out` if it fits in `room`. Returns its length, or minus the
 * mime_status. */
int64_t mime_read_on(mime_context *context, const uint8_t *octets, size_t length, uint8_t *out, size_t room);

/* Makes the text of a raw field value the context's view: encoded words decoded, perhaps with marks. Returns its length,
 * or minus the mime_status. */
int64_t mime_header_text(mime_context *context, const uint8_t *value, size_t length);

/* Frees a result of mime_parse(); NULL is allowed. */
void mime_free(mime_message *message);

/* Removes a transfer encoding (enum mime_encoding) from `length` bytes at `encoded` into `decoded`, which has room for
 * at least `length` bytes. Returns how many were written. Bad input is decoded as far as it goes, never refused. */
size_t mime_decode(int encoding, const uint8_t *encoded, size_t length, uint8_t *decoded);

/* The same for the octets [offset, offset + length) of a message, as mime_part or the stored part table names them. */
size_t mime_decode_part(int encoding, const uint8_t *input, size_t offset, size_t length, uint8_t *decoded);

/* Plain text of HTML (UTF-8 or any ASCII superset) into `plain`, which has room for `length` bytes; white space is
 * collapsed, script and style left out, character references resolved. Returns how many were written. */
size_t mime_html_text(const uint8_t *html, size_t length, uint8_t *plain);
/* cdef end */

/* The store that a source names; text and decoded may be NULL when they are empty. */
static inline const uint8_t *mime_base(const mime_message *message, uint32_t source) {
    return source == MIME_IN_INPUT ? message->input : source == MIME_IN_TEXT ? message->text : message->decoded;
}

/* The bytes of a span; an absent span has length 0. */
static inline const uint8_t *mime_bytes(const mime_message *message, uint32_t source, mime_span span,
                                        size_t *length) {
    static const uint8_t nothing[1] = {0};
    *length = span.offset == MIME_NONE ? 0 : span.length;
    return *length ? mime_base(message, source) + span.offset : nothing;
}

#endif
