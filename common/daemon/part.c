#include "common/daemon/part.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/daemon/config.h"
#include "common/daemon/state.h"

enum { LOCK_WAIT_MS = 10000, LOCK_EACH_MS = 50 };

struct part {
    struct config config;
    int lock; /* -1: none */
    bool ready;
};

int part_read(const char *path, const struct config_key *keys, size_t config_size,
              struct part **out, struct err *e)
{
    struct part *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->lock = -1;
    p->config.keys = keys;
    p->config.values = calloc(1, config_size);
    if (!p->config.values || config_read(&p->config, path, e) < 0) {
        if (!p->config.values)
            err_set(e, ERR_INTERNAL, "out of memory");
        part_free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void *part_config(struct part *p)
{
    return p->config.values;
}

static int storage_fail(const char *what, struct err *e)
{
    int why = errno;

    err_set(e, ERR_STORAGE_FAILED, "the state directory cannot be used");
    return err_cause(e, "%s: %s", what, strerror(why));
}

int part_take(struct part *p, struct err *e)
{
    const char *dir = config_text(&p->config, "state_dir");
    int64_t until = clock_boot_ms() + LOCK_WAIT_MS;
    char path[1024];

    if (state_make(dir, e) < 0)
        return -1;
    if (snprintf(path, sizeof path, "%s/lock", dir) >= (int)sizeof path)
        return err_set(e, ERR_INVALID_REQUEST, "the state directory's name is too long");
    if (p->lock < 0)
        p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->lock < 0)
        return storage_fail("lock", e);
    while (flock(p->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return storage_fail("flock", e);
        if (clock_boot_ms() > until)
            return err_set(e, ERR_CONFLICT, "another agent keeps this state directory");
        nanosleep(&(struct timespec){ .tv_nsec = LOCK_EACH_MS * 1000000L }, NULL);
    }
    return 0;
}

int part_ready(struct part *p, json_t *what, struct err *e)
{
    const char *path = config_text(&p->config, "ready_file");

    if (!path || !path[0])
        return 0;
    json_object_set_new(what, "pid", json_integer(getpid()));
    if (state_ready(path, what, e) < 0)
        return -1;
    p->ready = true;
    return 0;
}

void part_free(struct part *p)
{
    if (!p)
        return;
    if (p->ready)
        unlink(config_text(&p->config, "ready_file"));
    if (p->lock >= 0)
        close(p->lock);
    config_release(&p->config);
    free(p->config.values);
    free(p);
}
