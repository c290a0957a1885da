/* verdict.c - see verdict.h. */
#include "verdict.h"

static void
add(size_t *count, struct reply *first, const struct reply *reply)
{
    if ((*count)++ == 0)
        *first = *reply;
}

void
verdict_add(struct verdict *verdict, const struct reply *reply, enum meaning meaning)
{
    switch (meaning) {
    case ACCEPTED:
        add(&verdict->accepted, &verdict->first_accepted, reply);
        break;
    case PERMANENT:
        add(&verdict->permanent, &verdict->first_permanent, reply);
        break;
    case TEMPORARY:
        add(&verdict->temporary, &verdict->first_temporary, reply);
        break;
    }
}

const struct reply *
verdict_decides(const struct verdict *verdict)
{
    if (verdict->temporary > 0)
        return &verdict->first_temporary;
    if (verdict->permanent == 0)
        return &verdict->first_accepted;
    return verdict->accepted == 0 ? &verdict->first_permanent : NULL;
}
