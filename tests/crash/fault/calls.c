/* The calls that we stand in front of. Each asks the rules first, writes the journal where the outcome could be taken
 * back by a power cut, and then does what the C library does. The names with 64 are what programs with large file
 * offsets call. */
#define _GNU_SOURCE
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "real.h"

#define EXPORT __attribute__((visibility("default")))

enum { PARTS = 1024 };

static size_t total(const struct iovec *parts, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    return length;
}

/* The first `keep` bytes of `parts`, as parts; how many those are. */
static int shortened(const struct iovec *parts, int count, size_t keep, struct iovec *cut)
{
    int used = 0;
    for (; used < count && used < PARTS && keep; used++) {
        cut[used] = parts[used];
        if (cut[used].iov_len > keep)
            cut[used].iov_len = keep;
        keep -= cut[used].iov_len;
    }
    return used;
}

static off_t here(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_APPEND) ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
}

/* Every write comes through here; `offset` is -1 for the descriptor's own place. */
static ssize_t put(int fd, const struct iovec *parts, int count, off_t offset)
{
    char path[PATH_BYTES];
    struct iovec cut[PARTS];
    struct fault_verdict verdict = {EFFECT_NONE, 0};
    if (watched_fd(fd, path)) {
        size_t length = total(parts, count);
        verdict = fault_judge(CALL_WRITE, path);
        if (verdict.effect == EFFECT_LIE)
            return (ssize_t)length;
        if (verdict.effect != EFFECT_NONE) {
            length /= 2;
            count = shortened(parts, count, length, cut);
            parts = cut;
        }
        if (length)
            journal_write(fd, path, (uint64_t)(offset < 0 ? here(fd) : offset), length);
    }
    ssize_t written = offset < 0 ? REAL(writev)(fd, parts, count) : REAL(pwritev)(fd, parts, count, offset);
    if (verdict.effect != EFFECT_FAIL)
        return written;
    errno = verdict.error;
    return -1;
}

EXPORT ssize_t write(int fd, const void *from, size_t length)
{
    if (!fault_is_on())
        return REAL(write)(fd, from, length);
    return put(fd, &(struct iovec){(void *)from, length}, 1, -1);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return fault_is_on() ? put(fd, parts, count, -1) : REAL(writev)(fd, parts, count);
}

EXPORT ssize_t pwrite(int fd, const void *from, size_t length, off_t offset)
{
    return put(fd, &(struct iovec){(void *)from, length}, 1, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *from, size_t length, off_t offset)
{
    return pwrite(fd, from, length, offset);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return put(fd, parts, count, offset);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset)
{
    return put(fd, parts, count, offset);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    return flags ? REAL(pwritev2)(fd, parts, count, offset, flags) : put(fd, parts, count, offset);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    return pwritev2(fd, parts, count, offset, flags);
}

/* What changes a file's length and no more. */
static void note_size(int fd, off_t size)
{
    char path[PATH_BYTES];
    if (watched_fd(fd, path))
        journal_write(fd, path, (uint64_t)size, 0);
}

EXPORT int ftruncate(int fd, off_t size)
{
    note_size(fd, size);
    return REAL(ftruncate)(fd, size);
}

EXPORT int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

EXPORT int posix_fallocate(int fd, off_t offset, off_t length)
{
    note_size(fd, offset + length);
    return REAL(posix_fallocate)(fd, offset, length);
}

EXPORT int posix_fallocate64(int fd, off_t offset, off_t length)
{
    return posix_fallocate(fd, offset, length);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
    note_size(fd, offset + length);
    return REAL(fallocate)(fd, mode, offset, length);
}

EXPORT int fallocate64(int fd, int mode, off_t offset, off_t length)
{
    return fallocate(fd, mode, offset, length);
}

/* Both syncs. `whole` is fsync. */
static int sync_fd(int fd, bool whole)
{
    char path[PATH_BYTES];
    struct stat found;
    if (!watched_fd(fd, path) || fstat(fd, &found))
        return whole ? REAL(fsync)(fd) : REAL(fdatasync)(fd);
    struct fault_verdict verdict = fault_judge(whole ? CALL_FSYNC : CALL_FDATASYNC, path);
    if (verdict.effect == EFFECT_LIE)
        return 0;
    uint64_t position = journal_position();
    bool is_folder = S_ISDIR(found.st_mode);
    if (verdict.effect == EFFECT_FAIL) {
        if (!is_folder)
            journal_note(JOURNAL_LOST, path, found.st_ino, position);
        errno = verdict.error;
        return -1;
    }
    int status = whole ? REAL(fsync)(fd) : REAL(fdatasync)(fd);
    if (!status)
        journal_note(is_folder ? JOURNAL_FOLDER_SYNCED : JOURNAL_SYNCED, path, found.st_ino, position);
    return status;
}

EXPORT int fsync(int fd)
{
    return sync_fd(fd, true);
}

EXPORT int fdatasync(int fd)
{
    return sync_fd(fd, false);
}

static int open_watched(const char *given, int flags, mode_t mode)
{
    char path[PATH_BYTES];
    struct stat found;
    if (!watched_path(given, path))
        return REAL(open)(given, flags, mode);
    struct fault_verdict verdict = fault_judge(CALL_OPEN, path);
    if (verdict.effect == EFFECT_FAIL) {
        errno = verdict.error;
        return -1;
    }
    bool is_new = (flags & O_CREAT) && stat(given, &found);
    if (flags & O_TRUNC && !is_new && !stat(given, &found) && found.st_size) {
        int fd = REAL(open)(given, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
            note_size(fd, 0);
            REAL(close)(fd);
        }
    }
    int fd = REAL(open)(given, flags, mode);
    if (fd >= 0 && is_new && !fstat(fd, &found))
        journal_note(JOURNAL_MADE, path, found.st_ino, 0);
    return fd;
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_watched(path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_watched(path, flags | O_LARGEFILE, mode);
}

/* The file that goes with this name, if it has no other. */
static void forget(const char *given)
{
    char path[PATH_BYTES];
    struct stat found;
    if (watched_path(given, path) && !stat(given, &found) && S_ISREG(found.st_mode) && found.st_nlink == 1)
        journal_note(JOURNAL_FORGOTTEN, path, found.st_ino, 0);
}

EXPORT int rename(const char *from, const char *to)
{
    char old_path[PATH_BYTES], path[PATH_BYTES];
    bool is_watched = watched_path(to, path) && watched_path(from, old_path);
    struct fault_verdict verdict = is_watched ? fault_judge(CALL_RENAME, path) : (struct fault_verdict){0, 0};
    if (verdict.effect == EFFECT_FAIL) {
        errno = verdict.error;
        return -1;
    }
    forget(to);
    int status = REAL(rename)(from, to);
    if (!status && is_watched)
        journal_renamed(old_path, path);
    return status;
}

EXPORT int unlink(const char *path)
{
    forget(path);
    return REAL(unlink)(path);
}

EXPORT int mkdir(const char *given, mode_t mode)
{
    char path[PATH_BYTES];
    bool is_watched = watched_path(given, path);
    struct fault_verdict verdict = is_watched ? fault_judge(CALL_MKDIR, path) : (struct fault_verdict){0, 0};
    if (verdict.effect == EFFECT_FAIL) {
        errno = verdict.error;
        return -1;
    }
    int status = REAL(mkdir)(given, mode);
    if (!status && is_watched)
        journal_note(JOURNAL_MADE, path, 0, 0);
    return status;
}
