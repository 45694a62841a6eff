#include "ccc/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/id.h"

struct mark {
    pthread_mutex_t lock; /* now; held over the write, which all who wait for it need */
    char *path, *temporary;
    char now[SYNC_CURSOR_MAX];
};

static int refuse(const char *path, struct err *e)
{
    err_set(e, ERR_STORAGE_FAILED, "the sync mark cannot be kept");
    return err_cause(e, "%s: %s", path, strerror(errno));
}

int mark_open(const char *state_dir, struct mark **out, struct err *e)
{
    struct mark *m = calloc(1, sizeof *m);
    FILE *f;

    if (!m || asprintf(&m->path, "%s/sync-mark", state_dir) < 0 ||
        asprintf(&m->temporary, "%s/sync-mark.tmp", state_dir) < 0) {
        free(m);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    pthread_mutex_init(&m->lock, NULL);
    f = fopen(m->path, "re");
    if (!f && errno != ENOENT) {
        refuse(m->path, e);
        mark_close(m);
        return -1;
    }
    if (f && fgets(m->now, sizeof m->now, f))
        m->now[strcspn(m->now, "\n")] = '\0';
    if (f)
        fclose(f);
    *out = m;
    return 0;
}

void mark_close(struct mark *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    free(m->path);
    free(m->temporary);
    free(m);
}

void mark_get(struct mark *m, char to[SYNC_CURSOR_MAX])
{
    pthread_mutex_lock(&m->lock);
    memcpy(to, m->now, sizeof m->now);
    pthread_mutex_unlock(&m->lock);
}

static bool higher(const char *cursor, const char *than)
{
    if (strlen(cursor) < ID_LEN + 2 || strlen(than) < ID_LEN + 2)
        return true;
    return strncmp(cursor, than, ID_LEN) != 0 ||
           strtoll(cursor + ID_LEN + 1, NULL, 10) > strtoll(than + ID_LEN + 1, NULL, 10);
}

/* Whole or not at all. */
static int keep(struct mark *m, const char *cursor, struct err *e)
{
    int fd = open(m->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && dprintf(fd, "%s\n", cursor) > 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return good && rename(m->temporary, m->path) == 0 ? 0 : refuse(m->path, e);
}

int mark_raise(struct mark *m, const char *cursor, struct err *e)
{
    int rc = 0;

    if (strlen(cursor) >= sizeof m->now)
        return err_set(e, ERR_INTERNAL, "a cursor that is none");
    pthread_mutex_lock(&m->lock);
    if (higher(cursor, m->now)) {
        rc = keep(m, cursor, e);
        if (rc == 0)
            snprintf(m->now, sizeof m->now, "%s", cursor);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}
