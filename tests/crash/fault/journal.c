/* The journal: records appended by all processes to one file, each by one writev on O_APPEND. A process that is
 * killed in the middle leaves a torn record; its call had not been made, so it is skipped (the trailer is missing).
 *
 *   header, path, data, trailer (the magic again)
 */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "real.h"

static const char MAGIC[8] = {'\xfa', 'u', 'l', 't', 'j', 'r', 'n', '\x01'};

struct header {
    char magic[8];
    uint32_t kind;
    uint32_t path_length;
    uint64_t inode;
    uint64_t offset;
    uint64_t length;
    uint64_t old_size;
    uint64_t data_length;
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "fault library: journal: %s: %s\n", what, strerror(errno));
    abort();
}

static int journal_open(void)
{
    int fd = REAL(open)(getenv("MDA_FAULT_JOURNAL"), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        give_up("open");
    return fd;
}

uint64_t journal_position(void)
{
    struct stat found;
    if (stat(getenv("MDA_FAULT_JOURNAL"), &found))
        give_up("stat");
    return (uint64_t)found.st_size;
}

static void append(struct header header, const char *path, const void *data)
{
    int error = errno, fd = journal_open();
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    header.path_length = (uint32_t)strlen(path);
    struct iovec parts[] = {
        {&header, sizeof header},
        {(void *)path, header.path_length},
        {(void *)data, header.data_length},
        {(void *)MAGIC, sizeof MAGIC},
    };
    size_t whole = sizeof header + header.path_length + header.data_length + sizeof MAGIC;
    if (REAL(writev)(fd, parts, 4) != (ssize_t)whole)
        give_up("write");
    REAL(close)(fd);
    errno = error;
}

void journal_note(enum journal_kind kind, const char *path, uint64_t inode, uint64_t length)
{
    append((struct header){.kind = kind, .inode = inode, .length = length}, path, "");
}

void journal_renamed(const char *from, const char *to)
{
    append((struct header){.kind = JOURNAL_RENAMED, .data_length = strlen(from)}, to, from);
}

void journal_write(int fd, const char *path, uint64_t offset, uint64_t length)
{
    struct stat found;
    if (fstat(fd, &found))
        give_up("fstat");
    uint64_t size = (uint64_t)found.st_size;
    /* A cut (length 0) takes all that is behind it. */
    uint64_t end = length && offset + length < size ? offset + length : size;
    struct header header = {.kind = JOURNAL_WRITE, .inode = found.st_ino, .offset = offset, .length = length};
    header.old_size = size;
    header.data_length = offset < end ? end - offset : 0;
    char *before = malloc(header.data_length + 1);
    if (!before)
        give_up("malloc");
    /* A file opened for writing only can't be read by its descriptor. */
    int readable = header.data_length ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (header.data_length && pread(readable, before, header.data_length, (off_t)offset) != (ssize_t)header.data_length)
        give_up("pread");
    if (readable >= 0)
        REAL(close)(readable);
    append(header, path, before);
    free(before);
}
