/* caller.c - see caller.h. */
#include "caller.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { STAT_OCTETS = 512, EXITING = 0x4 /* PF_EXITING of Linux's sched.h */, HIDDEN_MILLISECONDS = 50 };

enum state { RUNNING, ENDING, UNKNOWN };

pid_t
caller_pid(void)
{
    return getppid();
}

/* "/proc/PID/stat" without stdio, which would allocate. */
static void
stat_path(char path[32], pid_t pid)
{
    char digits[12];
    size_t used = 6, count = 0;

    memcpy(path, "/proc/", 6);
    do {
        digits[count++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0 && count < sizeof digits);
    while (count > 0)
        path[used++] = digits[--count];
    memcpy(path + used, "/stat", 6);
}

static ssize_t
read_stat(pid_t pid, char *text, size_t size)
{
    char path[32];
    ssize_t length;
    int fd;

    stat_path(path, pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    length = read(fd, text, size - 1);
    close(fd);
    if (length > 0)
        text[length] = '\0';
    return length;
}

/* proc(5): pid (comm) state ppid pgrp session tty_nr tpgid flags ...; comm may hold anything, so the last ')' counts. */
static enum state
read_state(pid_t pid)
{
    char text[STAT_OCTETS];
    const char *field;
    unsigned long flags = 0;

    if (pid <= 0 || read_stat(pid, text, sizeof text) <= 0 || (field = strrchr(text, ')')) == NULL || field[1] != ' ')
        return UNKNOWN;
    field += 2;
    if (*field == 'Z' || *field == 'X' || *field == 'x')
        return ENDING;
    for (int i = 0; i < 6; i++)
        if ((field = strchr(field, ' ')) == NULL)
            return UNKNOWN;
        else
            field++;
    for (; *field >= '0' && *field <= '9'; field++)
        flags = flags * 10 + (unsigned long)(*field - '0');
    return (flags & EXITING) != 0 ? ENDING : RUNNING;
}

static bool
is_read_by_someone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) < 0 || (out.revents & (POLLERR | POLLNVAL)) == 0;
}

/*
 * A process that is killed sets PF_EXITING, then closes its files (our end of file), and only then gives its children
 * a new parent: the flag covers the time between. Where /proc hides other users' processes (hidepid) a short wait
 * lets the new parent appear.
 */
bool
caller_lives(pid_t caller)
{
    enum state state = read_state(caller);

    if (state == UNKNOWN)
        (void)poll(NULL, 0, HIDDEN_MILLISECONDS);
    return state != ENDING && caller != 1 && getppid() == caller && is_read_by_someone();
}
