#include "bserver-agent/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bserver-agent/program.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { MAKE_MS = 30000, PURGE_AT_ONCE = 8 };

struct disk_store {
    char dir[DISK_PATH / 2];
    int64_t recycle_s;
};

static int failed(struct err *e, const char *what, const char *path)
{
    int code = errno;

    err_set(e, code == ENOSPC || code == EDQUOT ? ERR_INSUFFICIENT_STORAGE : ERR_STORAGE_FAILED,
            "%s failed on this bServer", what);
    return err_cause(e, "%s: errno %d", path, code);
}

static int make_dir(const char *path, struct err *e)
{
    return mkdir(path, 0711) < 0 && errno != EEXIST ? failed(e, "making a directory", path) : 0;
}

static int sync_path(const char *path, int flags, struct err *e)
{
    int fd = open(path, flags | O_CLOEXEC), rc;

    if (fd < 0)
        return failed(e, "writing a disk", path);
    rc = fsync(fd);
    close(fd);
    return rc < 0 ? failed(e, "writing a disk", path) : 0;
}

int disk_store_open(const char *dir, int64_t recycle_s, struct disk_store **out, struct err *e)
{
    struct disk_store *s = calloc(1, sizeof *s);
    char path[DISK_PATH];

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (strlen(dir) >= sizeof s->dir) {
        free(s);
        return err_set(e, ERR_STORAGE_FAILED, "the directory's name is too long");
    }
    memcpy(s->dir, dir, strlen(dir) + 1);
    s->recycle_s = recycle_s;
    if (make_dir(dir, e) < 0)
        goto out;
    snprintf(path, sizeof path, "%s/disks", dir);
    if (make_dir(path, e) < 0)
        goto out;
    snprintf(path, sizeof path, "%s/bin", dir);
    if (make_dir(path, e) < 0)
        goto out;
    *out = s;
    return 0;
out:
    free(s);
    return -1;
}

void disk_store_close(struct disk_store *s)
{
    free(s);
}

static void desktop_dir(const struct disk_store *s, const struct id *desktop, char to[DISK_PATH])
{
    snprintf(to, DISK_PATH, "%s/disks/%s", s->dir, desktop->s);
}

void disk_path(const struct disk_store *s, const struct id *desktop, const struct id *overlay,
               const char *end, char to[DISK_PATH])
{
    snprintf(to, DISK_PATH, "%s/disks/%s/%s%s", s->dir, desktop->s, overlay->s, end);
}

bool disk_find(const struct disk_store *s, const struct id *desktop, struct id *overlay)
{
    char path[DISK_PATH], name[ID_LEN + 1];
    bool found = false;
    struct dirent *d;
    DIR *dir;

    desktop_dir(s, desktop, path);
    dir = opendir(path);
    while (dir && !found && (d = readdir(dir)) != NULL) {
        if (strlen(d->d_name) != ID_LEN + 6 || strcmp(d->d_name + ID_LEN, ".qcow2") != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", ID_LEN, d->d_name);
        found = id_parse(name, overlay);
    }
    if (dir)
        closedir(dir);
    return found;
}

static bool has_entries(const char *path)
{
    DIR *dir = opendir(path);
    bool found = false;
    struct dirent *d;

    while (dir && !found && (d = readdir(dir)) != NULL)
        found = d->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return found;
}

bool disk_any(const struct disk_store *s)
{
    char path[DISK_PATH];

    snprintf(path, sizeof path, "%s/disks", s->dir);
    if (has_entries(path))
        return true;
    snprintf(path, sizeof path, "%s/bin", s->dir);
    return has_entries(path);
}

int disk_recycle(struct disk_store *s, const struct id *desktop, struct err *e)
{
    char from[DISK_PATH], to[DISK_PATH], bin[DISK_PATH];
    long long now = (long long)(clock_wall_ms() / 1000);

    desktop_dir(s, desktop, from);
    for (int n = 0; n < 100; n++) {
        snprintf(to, sizeof to, "%s/bin/%lld.%s.%d", s->dir, now, desktop->s, n);
        if (rename(from, to) == 0)
            break;
        if (errno == ENOENT)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY)
            return failed(e, "moving a disk to the recycle bin", to);
    }
    snprintf(bin, sizeof bin, "%s/bin", s->dir);
    if (sync_path(bin, O_RDONLY | O_DIRECTORY, e) < 0)
        return -1;
    snprintf(bin, sizeof bin, "%s/disks", s->dir);
    return sync_path(bin, O_RDONLY | O_DIRECTORY, e);
}

static int qemu_img(const struct disk_order *o, const char *path, struct err *e)
{
    char bytes[32], said[200];
    const char *argv[] = { "qemu-img", "create", "-q",     "-f", "qcow2", "-F",
                           o->format,  "-b",     o->image, path, bytes,   NULL };
    const struct program p = {
        .argv = argv, .deadline_ms = MAKE_MS, .memory_max = 2LL << 30, .cpu_max_s = 30
    };
    int status;

    snprintf(bytes, sizeof bytes, "%lld", (long long)o->bytes);
    if (o->bytes <= 0)
        argv[10] = NULL;
    if (program_run(&p, &status, said, sizeof said, e) < 0)
        return -1;
    if (status == 0)
        return 0;
    err_set(e, strstr(said, "No space left") ? ERR_INSUFFICIENT_STORAGE : ERR_STORAGE_FAILED,
            "the desktop's disk could not be made");
    return err_cause(e, "qemu-img exit %d: %s", status, said);
}

int disk_make(struct disk_store *s, const struct disk_order *o, struct err *e)
{
    char dir[DISK_PATH], part[DISK_PATH], path[DISK_PATH];

    if (disk_recycle(s, &o->desktop, e) < 0)
        return -1;
    desktop_dir(s, &o->desktop, dir);
    if (make_dir(dir, e) < 0)
        return -1;
    disk_path(s, &o->desktop, &o->overlay, ".part", part);
    disk_path(s, &o->desktop, &o->overlay, ".qcow2", path);
    if (qemu_img(o, part, e) < 0 || sync_path(part, O_RDWR, e) < 0) {
        unlink(part);
        rmdir(dir);
        return -1;
    }
    if (rename(part, path) < 0)
        return failed(e, "making a disk", path);
    if (sync_path(dir, O_RDONLY | O_DIRECTORY, e) < 0)
        return -1;
    snprintf(dir, sizeof dir, "%s/disks", s->dir);
    return sync_path(dir, O_RDONLY | O_DIRECTORY, e);
}

/* A bin entry is a flat directory of ours: files, then the directory. */
static bool remove_dir(int bin, const char *name)
{
    int fd = openat(bin, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while ((d = readdir(dir)) != NULL)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            unlinkat(fd, d->d_name, 0);
    closedir(dir);
    return unlinkat(bin, name, AT_REMOVEDIR) == 0;
}

int disk_purge(struct disk_store *s, int64_t wall_ms)
{
    char path[DISK_PATH];
    struct dirent *d;
    int gone = 0;
    DIR *bin;

    snprintf(path, sizeof path, "%s/bin", s->dir);
    bin = opendir(path);
    while (bin && gone < PURGE_AT_ONCE && (d = readdir(bin)) != NULL) {
        char *end;
        long long since = strtoll(d->d_name, &end, 10);

        if (end == d->d_name || *end != '.' || since + s->recycle_s > wall_ms / 1000)
            continue;
        if (remove_dir(dirfd(bin), d->d_name)) {
            log_info("event=disk-purged name=%s", d->d_name);
            gone++;
        }
    }
    if (bin)
        closedir(bin);
    return gone;
}

/* ---- what the disks lie on */

struct backings {
    void (*visit)(void *arg, const char *path);
    void *arg;
};

static uint64_t big_endian(const unsigned char *at, int n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | *at++;
    return v;
}

/* 0: told, or it lies on nothing; -1 and errno: it cannot be read. The head of a qcow2: magic,
 * version, place and length of the name. */
static int backing_of(int fd, const struct backings *b)
{
    unsigned char head[20];
    char name[DISK_PATH * 2];
    uint64_t at, n;

    errno = EINVAL;
    if (pread(fd, head, sizeof head, 0) != (ssize_t)sizeof head || memcmp(head, "QFI\xfb", 4) != 0)
        return -1;
    at = big_endian(head + 8, 8);
    n = big_endian(head + 16, 4);
    if (at == 0)
        return 0;
    if (n == 0 || n >= sizeof name || at > INT32_MAX ||
        pread(fd, name, (size_t)n, (off_t)at) != (ssize_t)n)
        return -1;
    name[n] = '\0';
    b->visit(b->arg, name);
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}

/* One desktop's directory. What goes while we look is gone, or has come into the bin. */
static int backings_of(int parent, const char *name, const struct backings *b, struct err *e)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;

    if (!dir) {
        rc = fd < 0 && (errno == ENOENT || errno == ENOTDIR)
                 ? 0
                 : failed(e, "looking at the disks", name);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        int disk;

        if (!ends_with(d->d_name, ".qcow2") && !ends_with(d->d_name, ".part"))
            continue;
        disk = openat(fd, d->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (disk < 0 ? errno != ENOENT : backing_of(disk, b) < 0)
            rc = failed(e, "reading what a disk lies on", d->d_name);
        if (disk >= 0)
            close(disk);
    }
    closedir(dir);
    return rc;
}

static int backings_in(const char *path, const struct backings *b, struct err *e)
{
    DIR *dir = opendir(path);
    struct dirent *d;
    int rc = 0;

    if (!dir)
        return failed(e, "looking at the disks", path);
    while (rc == 0 && (d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.')
            rc = backings_of(dirfd(dir), d->d_name, b, e);
    closedir(dir);
    return rc;
}

int disk_backings(const struct disk_store *s, void (*visit)(void *arg, const char *path), void *arg,
                  struct err *e)
{
    const struct backings b = { visit, arg };
    char path[DISK_PATH];

    snprintf(path, sizeof path, "%s/disks", s->dir);
    if (backings_in(path, &b, e) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/bin", s->dir);
    return backings_in(path, &b, e);
}

int disk_space(const struct disk_store *s, int64_t *bytes, int64_t *bytes_free, struct err *e)
{
    struct statvfs v;

    if (statvfs(s->dir, &v) < 0)
        return failed(e, "looking at the file system", s->dir);
    *bytes = (int64_t)v.f_blocks * (int64_t)v.f_frsize;
    *bytes_free = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
    return 0;
}
