#include "common/daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int state_make(const char *path, struct err *e)
{
    char *copy = strdup(path);
    int rc = 0;

    if (!copy)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (char *p = copy + 1; rc == 0; p++) {
        char c = *p;

        if (c && c != '/')
            continue;
        *p = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            rc = err_set(e, ERR_STORAGE_FAILED, "cannot make %s: %s", copy, strerror(errno));
        *p = c;
        if (!c)
            break;
    }
    free(copy);
    return rc;
}

static int ready_fail(const char *path, struct err *e)
{
    return err_set(e, ERR_STORAGE_FAILED, "cannot write %s: %s", path, strerror(errno));
}

int state_ready(const char *path, const json_t *what, struct err *e)
{
    char *text = json_dumps(what, JSON_COMPACT), *part = NULL;
    int fd = -1, rc = -1;

    if (!text || asprintf(&part, "%s.part", path) < 0) {
        free(text);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && dprintf(fd, "%s\n", text) > 0 && fsync(fd) == 0 && rename(part, path) == 0)
        rc = 0;
    else
        ready_fail(path, e);
    if (fd >= 0)
        close(fd);
    free(part);
    free(text);
    return rc;
}
