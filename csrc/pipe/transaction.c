/* transaction.c - see transaction.h. */
#include "transaction.h"

#include "mailbox.h"
#include "outcome.h"
#include "verdict.h"

#include <stdio.h>
#include <string.h>

/* Commands that are sent together, as many as fit, if the server takes PIPELINING (RFC 2920), else one by one. */
struct batch {
    char octets[BATCH_OCTETS];
    size_t length;
    size_t commands;
};

/* Ends the program unless all of the verdict's recipients were accepted. */
static void
settle(struct session *session, const struct verdict *verdict)
{
    const struct reply *reply = verdict_decides(verdict);

    if (reply == &verdict->first_accepted)
        return;
    session_leave(session);
    if (reply == NULL)
        outcome_defer("4.3.5", "recipients got different answers: set <transport>_destination_recipient_limit=1");
    if (reply == &verdict->first_temporary)
        session_defer(session, reply);
    outcome_reject(*reply->status != '\0' ? reply->status : "5.0.0", *reply->text != '\0' ? reply->text : "refused");
}

/* One command that concerns all recipients. */
static void
settle_all(struct session *session, const struct reply *reply, enum meaning meaning)
{
    struct verdict verdict = {0};

    verdict_add(&verdict, reply, meaning);
    settle(session, &verdict);
}

/* The null sender stays empty. A fault of the address ends the program. */
static void
quote(const char *address, struct mailbox *mailbox, const char *status, const char *whose)
{
    enum mailbox_fault fault = mailbox_quote(address, mailbox);
    char text[96];

    if (fault == MAILBOX_OK)
        return;
    /*
     * Deferred, though no later try can succeed: such an address may come from a faulty map of ours (a virtual alias
     * with a CR at its end), and then a bounce would lose mail that was well addressed. What is beyond repair goes
     * back to its sender after maximal_queue_lifetime.
     */
    (void)snprintf(text, sizeof text, "the %s address %s", whose, mailbox_fault_text(fault));
    outcome_defer(status, text);
}

static void
quote_sender(const struct options *options, struct mailbox *sender)
{
    sender->text[0] = '\0';
    sender->is_ascii = true;
    if (*options->sender != '\0')
        quote(options->sender, sender, "4.1.7", "sender");
}

/* Looks at every address before anything is sent. True if any of them needs SMTPUTF8. */
static bool
check_addresses(const struct options *options)
{
    struct mailbox mailbox;
    bool needs_smtputf8;

    quote_sender(options, &mailbox);
    needs_smtputf8 = !mailbox.is_ascii;
    for (size_t i = 0; i < options->recipient_count; i++) {
        quote(options->recipients[i], &mailbox, "4.1.3", "recipient");
        needs_smtputf8 |= !mailbox.is_ascii;
    }
    return needs_smtputf8;
}

static void
say_xforward(struct session *session, const char *queue_id)
{
    char value[MAX_QUEUE_ID + 1], command[MAX_QUEUE_ID + 32];
    struct reply reply;
    int length;

    if (!mailbox_xtext(queue_id, value, sizeof value))
        outcome_defer("4.3.5", "--queue-id is too long");
    length = snprintf(command, sizeof command, "XFORWARD IDENT=%s\r\n", value);
    session->step = "XFORWARD";
    session_say(session, command, (size_t)length);
    session_read(session, &reply);
    if (reply.code != 250)
        session_defer(session, &reply);
}

/*
 * The least that the message can measure in CRLF form if its queue file measures `size`: a record of n octets counts
 * n + 2, from 128 octets on n + 3, and gives at least n. A SIZE above the true one could have a message refused that
 * is just within the server's limit.
 */
static unsigned long long
least_octets(uint64_t size)
{
    return (unsigned long long)(size / 131 * 128);
}

static void
put_mail(struct batch *batch, const struct session *session, const struct options *options, bool needs_smtputf8)
{
    const struct extensions *offered = &session->extensions;
    struct mailbox sender;
    char size[32] = "";

    quote_sender(options, &sender);
    if (offered->has_size && options->is_size_exact)
        (void)snprintf(size, sizeof size, " SIZE=%llu", least_octets(options->size));
    batch->length = (size_t)snprintf(batch->octets, sizeof batch->octets, "MAIL FROM:<%s>%s%s%s\r\n", sender.text, size,
                                     offered->has_8bitmime ? " BODY=8BITMIME" : "", needs_smtputf8 ? " SMTPUTF8" : "");
    batch->commands = 1;
}

/* RFC 3461 s4.2. An original recipient that ASCII can't show is left out: it only serves a header field. */
static void
format_orcpt(const struct session *session, const struct options *options, size_t index, char *out, size_t size)
{
    static const char PREFIX[] = " ORCPT=rfc822;";
    const char *original = options->original_count > 0 ? options->originals[index] : "";

    out[0] = '\0';
    if (!session->extensions.has_orcpt || *original == '\0' || !mailbox_is_printable(original))
        return;
    if (!mailbox_xtext(original, out + sizeof PREFIX - 1, size - (sizeof PREFIX - 1)))
        out[0] = '\0';
    else
        memcpy(out, PREFIX, sizeof PREFIX - 1);
}

static size_t
format_rcpt(const struct session *session, const struct options *options, size_t index, char *out, size_t size)
{
    char orcpt[MAX_COMMAND - MAX_ADDRESS - 64];
    struct mailbox recipient;

    quote(options->recipients[index], &recipient, "4.1.3", "recipient");
    format_orcpt(session, options, index, orcpt, sizeof orcpt);
    return (size_t)snprintf(out, size, "RCPT TO:<%s>%s\r\n", recipient.text, orcpt);
}

/* Sends the batch and reads its replies; the very first one is MAIL's and concerns all recipients. */
static void
flush(struct session *session, struct batch *batch, struct verdict *verdict, bool *is_mail_answered)
{
    struct reply reply;

    session->step = *is_mail_answered ? "RCPT" : "MAIL";
    session_say(session, batch->octets, batch->length);
    for (; batch->commands > 0; batch->commands--) {
        session_read(session, &reply);
        if (*is_mail_answered)
            verdict_add(verdict, &reply, reply_meaning(&reply, false));
        else
            settle_all(session, &reply, reply_meaning(&reply, false));
        *is_mail_answered = true;
        session->step = "RCPT";
    }
    batch->length = 0;
}

static void
say_envelope(struct session *session, const struct options *options, bool needs_smtputf8)
{
    static struct batch batch;
    char command[MAX_COMMAND];
    struct verdict verdict = {0};
    bool is_mail_answered = false;

    put_mail(&batch, session, options, needs_smtputf8);
    for (size_t i = 0; i < options->recipient_count; i++) {
        size_t length = format_rcpt(session, options, i, command, sizeof command);

        if (!session->extensions.has_pipelining || batch.length + length > sizeof batch.octets)
            flush(session, &batch, &verdict, &is_mail_answered);
        memcpy(batch.octets + batch.length, command, length);
        batch.length += length;
        batch.commands++;
    }
    flush(session, &batch, &verdict, &is_mail_answered);
    settle(session, &verdict);
}

static void
say_data(struct session *session)
{
    struct reply reply;

    session->step = "DATA";
    session_say(session, "DATA\r\n", 6);
    session_read(session, &reply);
    if (reply.code != 354)
        settle_all(session, &reply, reply.code / 100 == 5 ? reply_meaning(&reply, false) : TEMPORARY);
    session->step = "message";
}

void
transaction_begin(struct session *session, const struct options *options)
{
    bool needs_smtputf8 = check_addresses(options);

    if (needs_smtputf8 && !session->extensions.has_smtputf8)
        /* RFC 6531 s3.5 has 5.6.7; but our MDA offers SMTPUTF8, so whoever answers here is not it: temporary. */
        outcome_defer("4.6.7", "the addresses need SMTPUTF8, which this server does not take");
    if (options->queue_id != NULL && session->extensions.has_xforward_ident)
        say_xforward(session, options->queue_id);
    say_envelope(session, options, needs_smtputf8);
    say_data(session);
}

/* The part of "<user@domain> Saved id=..." that Postfix does not log anyway; it keeps 100 octets. */
static const char *
skip_address(const char *text)
{
    const char *end = *text == '<' ? strstr(text, "> ") : NULL;

    return end != NULL ? end + 2 : text;
}

_Noreturn void
transaction_end(struct session *session, const struct options *options)
{
    struct verdict verdict = {0};
    struct reply reply;
    const char *text;

    session_say(session, ".\r\n", 3);
    session->step = "end of message";
    for (size_t i = 0; i < options->recipient_count; i++) {
        session_read(session, &reply); /* RFC 2033 s4.2: one for each accepted recipient */
        verdict_add(&verdict, &reply, reply_meaning(&reply, true));
    }
    settle(session, &verdict);
    if (!session_close(session))
        outcome_defer("4.5.0", "the MDA's replies are out of step");
    text = skip_address(verdict.first_accepted.text);
    outcome_sent(*text != '\0' ? text : "accepted");
}
