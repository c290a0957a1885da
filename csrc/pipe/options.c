/* options.c - see options.h. */
#include "options.h"

#include "outcome.h"

#include <string.h>
#include <sys/un.h>

#define USAGE \
    "usage: mda-pipe [--socket PATH] [--size N [--size-exact]] [--queue-id ID] " \
    "[--original-recipient ADDRESS] [--deadline SECONDS] -f SENDER -- RECIPIENT..."

static _Noreturn void
refuse(const char *text)
{
    outcome_defer("4.3.5", text);
}

/* The value of `--name VALUE` or `--name=VALUE`; NULL if argv[*index] is another option. Advances over VALUE. */
static const char *
take_value(const char *name, const char *const *argv, int argc, int *index)
{
    const char *argument = argv[*index];
    size_t length = strlen(name);

    if (strncmp(argument, name, length) != 0)
        return NULL;
    if (argument[length] == '=' && length > 2)
        return argument + length + 1;
    if (argument[length] != '\0')
        return NULL;
    if (++*index >= argc)
        refuse("an option lacks its value, " USAGE);
    return argv[*index];
}

static uint64_t
parse_number(const char *text, uint64_t least, uint64_t most, const char *fault)
{
    uint64_t number = 0;

    if (*text == '\0')
        refuse(fault);
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || number > (most - (uint64_t)(*text - '0')) / 10)
            refuse(fault);
        number = number * 10 + (uint64_t)(*text - '0');
    }
    if (number < least)
        refuse(fault);
    return number;
}

static void
add_original(struct options *options, const char *value)
{
    if (options->original_count == MAX_RECIPIENTS)
        refuse("too many original recipients");
    options->originals[options->original_count++] = value;
}

static void
parse_option(struct options *options, int argc, const char *const *argv, int *index)
{
    const char *value;

    if ((value = take_value("-f", argv, argc, index)) != NULL)
        options->sender = value;
    else if ((value = take_value("--socket", argv, argc, index)) != NULL)
        options->socket = value;
    else if ((value = take_value("--queue-id", argv, argc, index)) != NULL)
        options->queue_id = *value != '\0' ? value : NULL;
    else if ((value = take_value("--original-recipient", argv, argc, index)) != NULL)
        add_original(options, value);
    else if ((value = take_value("--size", argv, argc, index)) != NULL)
        options->size = parse_number(value, 1, UINT64_MAX, "--size needs a number of octets");
    else if ((value = take_value("--deadline", argv, argc, index)) != NULL)
        options->deadline_seconds =
            (int64_t)parse_number(value, 1, MAX_DEADLINE, "--deadline needs 1 to 86400 seconds");
    else if (strcmp(argv[*index], "--size-exact") == 0)
        options->is_size_exact = true;
    else if (argv[*index][0] != '-')
        refuse("an address stands before --: set <transport>_destination_recipient_limit=1");
    else
        refuse(USAGE);
}

static void
check(const struct options *options)
{
    if (options->sender == NULL || options->recipient_count == 0)
        refuse(USAGE);
    if (options->recipient_count > MAX_RECIPIENTS)
        refuse("too many recipients: set <transport>_destination_recipient_limit=1");
    if (options->original_count != 0 && options->original_count != options->recipient_count)
        refuse("originals and recipients differ in number: set <transport>_destination_recipient_limit=1");
    if (options->is_size_exact && options->size == 0)
        refuse("--size-exact needs --size");
    if (*options->socket == '\0' || strlen(options->socket) >= sizeof ((struct sockaddr_un *)0)->sun_path)
        refuse("--socket needs a path that fits a socket address");
    if (options->queue_id != NULL && strlen(options->queue_id) > MAX_QUEUE_ID / 3)
        refuse("--queue-id is too long");
}

void
options_parse(struct options *options, int argc, const char *const *argv)
{
    int index = 1;

    options->socket = DEFAULT_SOCKET;
    options->deadline_seconds = DEFAULT_DEADLINE;
    for (; index < argc && strcmp(argv[index], "--") != 0; index++)
        parse_option(options, argc, argv, &index);
    if (index < argc) {
        options->recipients = argv + index + 1;
        options->recipient_count = (size_t)(argc - index - 1);
    }
    check(options);
    /* pipe(8)'s default name of the null sender; null_sender= in master.cf makes it the empty string. */
    if (strcmp(options->sender, "MAILER-DAEMON") == 0)
        options->sender = "";
}
