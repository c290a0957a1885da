/* limits.h - every bound of mda-pipe in one place. All buffers are static and follow from these. */
#ifndef MDA_PIPE_LIMITS_H
#define MDA_PIPE_LIMITS_H

enum {
    MAX_RECIPIENTS = 1000,      /* Postfix's pipe(8) hands over at most destination_recipient_limit, 50 by default */
    MAX_ADDRESS = 1000,         /* octets of one address after quoting; RFC 5321 s4.5.3.1 promises 64 + 1 + 255 */
    MAX_QUEUE_ID = 255,         /* octets after encoding: what XFORWARD allows for a value */
    MAX_REPLY_LINE = 2048,      /* octets with CRLF; RFC 5321 s4.5.3.1.5 says 512, and texts here hold addresses */
    MAX_REPLY_LINES = 100,      /* lines of one reply */
    MAX_REPLY_TEXT = 400,       /* octets of a reply's text that are kept for Postfix's log */
    BATCH_OCTETS = 8192,        /* commands sent before their replies are read: fits any socket buffer */
    MAX_COMMAND = 4096,         /* octets of one command: MAIL or RCPT with an address and an ORCPT */
    CHUNK_OCTETS = 65536,       /* of the message, read at once */
    RECORD_OCTETS = 2048,       /* Postfix's line_length_limit: a queue file record holds no more of a line */
    DEFAULT_DEADLINE = 800,     /* seconds: 80 % of the 1000 after which pipe(8) kills the command and bounces */
    MAX_DEADLINE = 86400,       /* seconds */
    FAREWELL_MILLISECONDS = 10000 /* how long the answer to QUIT may take */
};

#define DEFAULT_SOCKET "/run/mda/lmtp.sock"

#endif
