#include "common/http/body.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"

#define SPOOL_PREFIX "upload-"
enum { SPOOL_STALE_MS = 60000 };

void body_init(struct http_body *b, int64_t limit)
{
    *b = (struct http_body){ .limit = limit, .fd = -1 };
}

static int storage_fail(const char *what, struct err *e)
{
    int saved = errno;
    bool full = saved == ENOSPC || saved == EDQUOT;

    err_set(e, full ? ERR_INSUFFICIENT_STORAGE : ERR_STORAGE_FAILED,
            full ? "there is no room for the body" : "the body could not be stored");
    return err_cause(e, "%s: %s", what, strerror(saved));
}

int body_spool(struct http_body *b, const char *dir, int64_t limit, struct err *e)
{
    body_init(b, limit);
    if (!dir)
        return err_set(e, ERR_INTERNAL, "this listener has no spool directory");
    if (asprintf(&b->file, "%s/" SPOOL_PREFIX "XXXXXX", dir) < 0) {
        b->file = NULL;
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    b->fd = mkostemp(b->file, O_CLOEXEC);
    if (b->fd < 0) {
        storage_fail("mkostemp", e);
        free(b->file);
        b->file = NULL;
        return -1;
    }
    /* The lock tells body_sweep of another process that this file is in use. */
    if (flock(b->fd, LOCK_EX | LOCK_NB) < 0)
        return storage_fail("flock", e);
    return 0;
}

static int feed_file(struct http_body *b, const char *data, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t put = write(b->fd, data, n);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return storage_fail("write", e);
        data += put;
        n -= (size_t)put;
        b->size += put;
    }
    return 0;
}

static int feed_memory(struct http_body *b, const char *data, size_t n, struct err *e)
{
    size_t need = (size_t)b->size + n;

    if (need > b->room) {
        size_t room = b->room ? b->room * 2 : 1024;
        char *more;

        while (room < need)
            room *= 2;
        more = realloc(b->text, room);
        if (!more)
            return err_set(e, ERR_INTERNAL, "out of memory");
        b->text = more;
        b->room = room;
    }
    memcpy(b->text + b->size, data, n);
    b->size += (int64_t)n;
    return 0;
}

int body_feed(struct http_body *b, const char *data, size_t n, struct err *e)
{
    if ((int64_t)n > b->limit - b->size)
        return err_set(e, ERR_BODY_TOO_LARGE, "the body is longer than %lld bytes",
                       (long long)b->limit);
    return b->file ? feed_file(b, data, n, e) : feed_memory(b, data, n, e);
}

int body_finish(struct http_body *b, struct err *e)
{
    int fd = b->fd;

    b->fd = -1;
    if (fd >= 0 && close(fd) < 0)
        return storage_fail("close", e);
    return 0;
}

void body_release(struct http_body *b)
{
    if (b->fd >= 0)
        close(b->fd);
    if (b->file)
        unlink(b->file); /* ENOENT: the handler renamed it away */
    free(b->file);
    free(b->text);
    body_init(b, 0);
}

static void sweep_one(int dir, const char *name, int64_t now)
{
    struct stat st;
    int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        now - (int64_t)st.st_mtim.tv_sec * 1000 > SPOOL_STALE_MS &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(dir, name, 0);
    close(fd);
}

void body_sweep(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    if (!d)
        return;
    while ((entry = readdir(d)))
        if (strncmp(entry->d_name, SPOOL_PREFIX, strlen(SPOOL_PREFIX)) == 0)
            sweep_one(dirfd(d), entry->d_name, clock_wall_ms());
    closedir(d);
}
