/* What the pieces of the fault library share. It is preloaded (LD_PRELOAD) into the workers and into PostgreSQL and
 * stands between them and the calls on which durability rests:
 *
 *   rules.c    makes the n-th matching call fail, fall short, take long, or claim success for nothing; steps the clock
 *   journal.c  writes down what a power cut would take back: bytes not yet synced, names not yet synced
 *   watched.c  which files are ours to watch
 *   calls.c    the calls themselves
 *
 * Without MDA_FAULT_JOURNAL in the environment it passes everything through. It never fails a call by itself: where
 * it can't write its journal it says so and aborts the process, since a journal with a hole proves nothing.
 */
#ifndef MDA_FAULT_H
#define MDA_FAULT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum fault_call {
    CALL_WRITE = 1 << 0,
    CALL_FDATASYNC = 1 << 1,
    CALL_FSYNC = 1 << 2,
    CALL_OPEN = 1 << 3,
    CALL_RENAME = 1 << 4,
    CALL_MKDIR = 1 << 5,
};

enum fault_role { ROLE_OTHER = 1 << 0, ROLE_WORKER = 1 << 1, ROLE_POSTGRES = 1 << 2 };

enum fault_effect {
    EFFECT_NONE = 0, /* after the rule's delay the call is made */
    EFFECT_FAIL = 1, /* -1 with the rule's errno; a write has then written half */
    EFFECT_SHORT = 2, /* a write writes half and says so */
    EFFECT_LIE = 3, /* success is claimed, nothing done */
};

/* What becomes of this call. */
struct fault_verdict {
    enum fault_effect effect;
    int error;
};

/* One rule of the control file, which tests/crash/faults.py writes while we run: keep the two alike. */
struct fault_rule {
    uint32_t calls; /* fault_call bits; 0: the rule is off */
    uint32_t roles;
    int32_t skip; /* matching calls, over all processes, that still go through */
    int32_t times; /* matching calls after those that are struck */
    int32_t error;
    uint32_t delay_microseconds;
    uint32_t effect;
    uint32_t fired;
    char part[224]; /* of the path; empty matches any watched one */
};

enum { FAULT_RULES = 16 };

/* The control file: the rules, and by how much the workers' wall clock is wrong. */
struct fault_control {
    struct fault_rule rules[FAULT_RULES];
    int64_t clock_step_seconds;
};

/* Sleeps for the matching rule's delay, then says what else it wants. */
struct fault_verdict fault_judge(enum fault_call call, const char *path);

enum { PATH_BYTES = 4096 };

/* The path of an open descriptor, if it is a file or folder below a watched one. */
bool watched_fd(int fd, char path[PATH_BYTES]);
/* The same for a path, which is made absolute. */
bool watched_path(const char *given, char path[PATH_BYTES]);

enum journal_kind {
    JOURNAL_WRITE = 1, /* `length` bytes are about to change at `offset`; the data are those that were there */
    JOURNAL_SYNCED = 2, /* of the inode, what had been journaled before position `length` is durable */
    JOURNAL_LOST = 3, /* a sync failed: what had been journaled before `length` and is not durable never will be */
    JOURNAL_FORGOTTEN = 4, /* the inode is about to go: what comes under this number is another file */
    JOURNAL_MADE = 5, /* a name is new in its folder */
    JOURNAL_RENAMED = 6, /* the path is the new name, the data are the old one */
    JOURNAL_FOLDER_SYNCED = 7, /* of the folder, names journaled before position `length` are durable */
};

/* All of it opens the journal anew: descriptors of ours would be closed by those who close all. */
uint64_t journal_position(void);
void journal_note(enum journal_kind kind, const char *path, uint64_t inode, uint64_t length);
void journal_renamed(const char *from, const char *to);
/* Before `length` bytes are written at `offset`, or the file is cut or lengthened to `offset` (length 0). */
void journal_write(int fd, const char *path, uint64_t offset, uint64_t length);

/* Whether the environment asks for us at all. */
bool fault_is_on(void);
enum fault_role fault_role(void);

#endif
