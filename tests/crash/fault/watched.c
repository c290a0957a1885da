/* Which files are watched: regular files and folders below those of MDA_FAULT_WATCH (absolute, separated by colons);
 * and which process we are in. */
#include "fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy: PostgreSQL writes its process title over the environment it was started with. */
static const char *watch;
static enum fault_role role = ROLE_OTHER;

static enum fault_role read_role(void)
{
    char said[4096];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ROLE_OTHER;
    ssize_t length = read(fd, said, sizeof said - 1);
    close(fd);
    for (ssize_t i = 0; i < length; i++)
        if (!said[i])
            said[i] = ' ';
    said[length > 0 ? length : 0] = 0;
    if (strstr(said, "mda.servers.worker"))
        return ROLE_WORKER;
    return strstr(said, "postgres") ? ROLE_POSTGRES : ROLE_OTHER;
}

__attribute__((constructor)) static void watched_begin(void)
{
    const char *said = getenv("MDA_FAULT_WATCH");
    if (!said || !getenv("MDA_FAULT_JOURNAL"))
        return;
    watch = strdup(said);
    role = read_role();
}

bool fault_is_on(void)
{
    return watch != NULL;
}

enum fault_role fault_role(void)
{
    return role;
}

static bool is_below(const char *path)
{
    for (const char *folder = watch; *folder;) {
        size_t length = strcspn(folder, ":");
        if (length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]))
            return true;
        folder += length + (folder[length] == ':');
    }
    return false;
}

bool watched_fd(int fd, char path[PATH_BYTES])
{
    struct stat found;
    char link[32];
    if (!watch || fstat(fd, &found) || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) || !found.st_nlink)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_BYTES - 1);
    if (length <= 0)
        return false;
    path[length] = 0;
    return is_below(path);
}

bool watched_path(const char *given, char path[PATH_BYTES])
{
    if (!watch || !given)
        return false;
    path[0] = 0;
    if (given[0] != '/' && (!getcwd(path, PATH_BYTES - 1) || strlen(path) + strlen(given) + 2 > PATH_BYTES))
        return false;
    if (strlen(given) + 1 > PATH_BYTES)
        return false;
    if (path[0])
        strcat(path, "/");
    strcat(path, given);
    return is_below(path);
}
