#include "common/peer/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"

struct blob_store {
    char dir[BLOB_PATH - 2 * BLOB_HEX]; /* with a blob's name behind it still a path */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define auto_fd __attribute__((cleanup(close_fd)))

static int disk_fail(struct err *e, const char *what, const char *path)
{
    int code = errno;

    if (code == ENOSPC || code == EDQUOT || code == EFBIG)
        err_set(e, ERR_INSUFFICIENT_STORAGE, "no room left for the image");
    else
        err_set(e, ERR_STORAGE_FAILED, "the image store could not do it");
    return err_cause(e, "%s %s: %s", what, path, strerror(code));
}

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return disk_fail(e, "mkdir", path);
    return 0;
}

static int sync_dir(const char *path, struct err *e)
{
    auto_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd >= 0 && fsync(fd) == 0 ? 0 : disk_fail(e, "fsync", path);
}

int blob_store_open(const char *dir, struct blob_store **out, struct err *e)
{
    auto_blob_store struct blob_store *s = calloc(1, sizeof *s);
    char path[BLOB_PATH];

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (snprintf(s->dir, sizeof s->dir, "%s", dir) >= (int)sizeof s->dir)
        return err_set(e, ERR_STORAGE_FAILED, "the image store's path is too long");
    snprintf(path, sizeof path, "%s/partial", s->dir);
    if (make_dir(s->dir, e) < 0 || make_dir(path, e) < 0)
        return -1;
    *out = MOVE(s);
    return 0;
}

void blob_store_close(struct blob_store *s)
{
    free(s);
}

int blob_path(const struct blob_store *s, const char *sha256, char to[BLOB_PATH], struct err *e)
{
    if (!text_hex(sha256, BLOB_HEX))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    snprintf(to, BLOB_PATH, "%s/%.2s/%s", s->dir, sha256, sha256);
    return 0;
}

static void partial_path(const struct blob_store *s, const char *sha256, char to[BLOB_PATH])
{
    snprintf(to, BLOB_PATH, "%s/partial/%s", s->dir, sha256);
}

bool blob_has(const struct blob_store *s, const char *sha256, int64_t *size)
{
    struct err ignored = { 0 };
    char path[BLOB_PATH];
    struct stat st;

    if (blob_path(s, sha256, path, &ignored) < 0 || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (size)
        *size = st.st_size;
    return true;
}

int64_t blob_partial(const struct blob_store *s, const char *sha256)
{
    char path[BLOB_PATH];
    struct stat st;

    if (!text_hex(sha256, BLOB_HEX))
        return 0;
    partial_path(s, sha256, path);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

int blob_open(const struct blob_store *s, const char *sha256, int *fd, int64_t *size, struct err *e)
{
    char path[BLOB_PATH];
    struct stat st;
    int f;

    if (blob_path(s, sha256, path, e) < 0)
        return -1;
    f = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (f < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (f < 0 || fstat(f, &st) < 0) {
        disk_fail(e, "open", path);
        if (f >= 0)
            close(f);
        return -1;
    }
    /* Not locked only if it has just been fetched, or is let go this moment: what we hold stays. */
    (void)!flock(f, LOCK_SH | LOCK_NB);
    *fd = f;
    *size = st.st_size;
    return 0;
}

int blob_remove(struct blob_store *s, const char *sha256, struct err *e)
{
    char path[BLOB_PATH];

    if (blob_path(s, sha256, path, e) < 0)
        return -1;
    if (unlink(path) < 0 && errno != ENOENT)
        return disk_fail(e, "unlink", path);
    partial_path(s, sha256, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return disk_fail(e, "unlink", path);
    return 0;
}

int blob_let_go(struct blob_store *s, const char *sha256, bool partial, bool *done, struct err *e)
{
    char path[BLOB_PATH], aside[BLOB_PATH];
    auto_fd int fd = -1;

    *done = false;
    if (blob_path(s, sha256, path, e) < 0)
        return -1;
    partial_path(s, sha256, aside);
    fd = open(partial ? aside : path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : disk_fail(e, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0;
    if (partial && unlink(aside) < 0)
        return disk_fail(e, "unlink", aside);
    /* as a fetch would have left it: that may want to go on with it */
    if (!partial && (fchmod(fd, 0600) < 0 || rename(path, aside) < 0))
        return disk_fail(e, "rename", path);
    *done = true;
    return 0;
}

static int each_in(const char *dir, bool partial,
                   void (*visit)(void *arg, const char *sha256, bool partial), void *arg,
                   struct err *e)
{
    DIR *list = opendir(dir);
    struct dirent *d;

    if (!list)
        return errno == ENOENT ? 0 : disk_fail(e, "opendir", dir);
    while ((d = readdir(list)) != NULL)
        if (text_hex(d->d_name, BLOB_HEX))
            visit(arg, d->d_name, partial);
    closedir(list);
    return 0;
}

int blob_each(const struct blob_store *s,
              void (*visit)(void *arg, const char *sha256, bool partial), void *arg, struct err *e)
{
    char path[BLOB_PATH];

    snprintf(path, sizeof path, "%s/partial", s->dir);
    if (each_in(path, true, visit, arg, e) < 0)
        return -1;
    for (int i = 0; i < 256; i++) {
        snprintf(path, sizeof path, "%s/%02x", s->dir, (unsigned)i);
        if (each_in(path, false, visit, arg, e) < 0)
            return -1;
    }
    return 0;
}

static void hex(const unsigned char raw[32], char to[BLOB_HEX + 1])
{
    for (int i = 0; i < 32; i++)
        snprintf(to + 2 * i, 3, "%02x", raw[i]);
}

void blob_hash(const void *bytes, size_t n, char to[BLOB_HEX + 1])
{
    unsigned char raw[32] = { 0 };

    gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, n, raw);
    hex(raw, to);
}

/* GnuTLS uses the processor's SHA instructions: 1.5 GB/s where libsodium makes 0.3. */
static int hash_fd(int fd, char to[BLOB_HEX + 1], int64_t *size, struct err *e)
{
    enum { PIECE = 1 << 20 };
    gnutls_hash_hd_t h;
    unsigned char raw[32], *piece = malloc(PIECE);
    int64_t at = 0;
    ssize_t n = 0;

    if (!piece || gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0) {
        free(piece);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while ((n = pread(fd, piece, PIECE, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        gnutls_hash(h, piece, (size_t)n);
        at += n;
    }
    gnutls_hash_deinit(h, raw);
    free(piece);
    if (n < 0)
        return disk_fail(e, "read", "the file");
    hex(raw, to);
    *size = at;
    return 0;
}

/* From here on the file is believed: durable first, then its name, then the name durable. */
static int link_in(struct blob_store *s, int fd, const char *path, const char *sha256, int64_t size,
                   struct err *e)
{
    char to[BLOB_PATH], sub[BLOB_PATH];
    int64_t there;

    if (blob_path(s, sha256, to, e) < 0)
        return -1;
    snprintf(sub, sizeof sub, "%s/%.2s", s->dir, sha256);
    if (make_dir(sub, e) < 0)
        return -1;
    if (fchmod(fd, 0400) < 0 || fsync(fd) < 0)
        return disk_fail(e, "fsync", path);
    if (!blob_has(s, sha256, &there) || there != size) {
        if (rename(path, to) < 0)
            return disk_fail(e, "rename", to);
    } else if (unlink(path) < 0) {
        return disk_fail(e, "unlink", path);
    }
    return sync_dir(sub, e) < 0 || sync_dir(s->dir, e) < 0 ? -1 : 0;
}

int blob_take(struct blob_store *s, const char *path, const char *expected,
              char sha256[BLOB_HEX + 1], int64_t *size, struct err *e)
{
    auto_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char found[BLOB_HEX + 1];
    int64_t n;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return disk_fail(e, "open", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_STORAGE_FAILED, "the upload is not a file");
    if (hash_fd(fd, found, &n, e) < 0)
        return -1;
    if (expected && strcmp(expected, found) != 0)
        return err_set(e, ERR_INVALID_REQUEST, "the file's SHA-256 is %s, not the one given",
                       found);
    if (link_in(s, fd, path, found, n, e) < 0)
        return -1;
    memcpy(sha256, found, sizeof found);
    *size = n;
    return 0;
}

/*
 * The partial file, locked. Whoever had it before may have linked it in or thrown it away while we
 * waited for nobody: then what we hold has no name any more, and we look again.
 */
static int open_partial(const struct blob_store *s, const char *sha256, char path[BLOB_PATH],
                        int *out, struct err *e)
{
    partial_path(s, sha256, path);
    for (int tries = 0; tries < 10; tries++) {
        auto_fd int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        struct stat mine, named;

        if (fd < 0)
            return disk_fail(e, "open", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            return err_set(e, ERR_NOT_READY, "the image is being fetched already");
        if (fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
            mine.st_dev == named.st_dev) {
            *out = fd;
            fd = -1;
            return 0;
        }
    }
    return err_set(e, ERR_NOT_READY, "the image is being fetched already");
}

static int reserve(int fd, int64_t size, const char *path, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || (st.st_size > size && ftruncate(fd, 0) < 0))
        return disk_fail(e, "truncate", path);
    if (size > 0 && fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) < 0 && errno != EOPNOTSUPP)
        return disk_fail(e, "allocate", path);
    return 0;
}

int blob_fetch(struct blob_store *s, struct peer *p, const struct blob_fetch *f, struct err *e)
{
    auto_fd int fd = -1;
    char path[BLOB_PATH], found[BLOB_HEX + 1];
    int64_t size;

    if (!text_hex(f->sha256, BLOB_HEX))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    if (blob_has(s, f->sha256, &size) && size == f->size)
        return 0;
    if (open_partial(s, f->sha256, path, &fd, e) < 0)
        return -1;
    if (blob_has(s, f->sha256, &size) && size == f->size) { /* the one before us was just done */
        unlink(path);
        return 0;
    }
    if (reserve(fd, f->size, path, e) < 0 ||
        peer_blob(p, f->sha256, fd, f->size, f->bytes_per_s, f->progress, f->arg, f->deadline_ms,
                  e) < 0 ||
        hash_fd(fd, found, &size, e) < 0)
        return -1;
    if (strcmp(found, f->sha256) != 0 || size != f->size) {
        unlink(path); /* what is in it is of no use to anybody */
        err_set(e, ERR_PEER_PROTOCOL, "the image that came is not the one that was asked for");
        return err_cause(e, "wanted %s (%lld bytes), got %s", f->sha256, (long long)f->size, found);
    }
    return link_in(s, fd, path, f->sha256, size, e);
}
