#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/http/server.h"

static const struct {
    const char *suffix, *type;
} types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript; charset=utf-8" },
    { ".mjs", "text/javascript; charset=utf-8" },
    { ".css", "text/css; charset=utf-8" },
    { ".json", "application/json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".ico", "image/x-icon" },
    { ".woff2", "font/woff2" },
    { ".woff", "font/woff" },
    { ".wasm", "application/wasm" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".map", "application/json" },
};

static const struct {
    const char *coding, *suffix;
} codings[] = { { "br", ".br" }, { "gzip", ".gz" } };

int static_open(const char *dir, int *fd, struct err *e)
{
    int d = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (d < 0) {
        err_set(e, ERR_STORAGE_FAILED, "the directory of the pages cannot be opened");
        return err_cause(e, "%s: %s", dir, strerror(errno));
    }
    *fd = d;
    return 0;
}

static const char *type_of(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i].suffix) == 0)
            return types[i].type;
    return "application/octet-stream";
}

/*
 * Walks the segments below root, one openat each: no link is followed, no segment may begin with a
 * dot, so nothing outside of root and nothing hidden in it can be named.
 */
static int open_below(int root, const char *path, const char *suffix)
{
    int at = root, fd = -1;

    for (const char *p = path;;) {
        size_t n = strcspn(p, "/");
        bool last = p[n] == '\0';
        char name[256];

        if (n == 0 || p[0] == '.' || n + strlen(suffix) >= sizeof name)
            break;
        snprintf(name, sizeof name, "%.*s%s", (int)n, p, last ? suffix : "");
        fd = openat(at, name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (last ? 0 : O_DIRECTORY));
        if (at != root)
            close(at);
        if (last || fd < 0)
            return fd;
        at = fd;
        p += n + 1;
    }
    if (at != root)
        close(at);
    return -1;
}

static int open_file(int root, const char *path, const char *suffix, struct stat *st)
{
    int fd = open_below(root, path, suffix);

    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Is the coding in Accept-Encoding, and not with q=0? */
static bool accepts(const char *header, const char *coding)
{
    size_t n = strlen(coding);

    for (const char *p = header; p && *p;) {
        size_t len = strcspn(p, ",");
        const char *q;

        p += strspn(p, " \t");
        if (strncasecmp(p, coding, n) == 0 && strchr(",; \t", p[n])) {
            q = memmem(p, strcspn(p, ","), "q=0", 3);
            return !q || (q[3] == '.' && strspn(q + 4, "0") != strspn(q + 4, "0123456789"));
        }
        len = strcspn(p, ",");
        p += len + (p[len] == ',');
    }
    return false;
}

static const char *file_of(const char *path)
{
    if (strcmp(path, "/") == 0)
        return "index.html";
    if (strcmp(path, "/docs") == 0)
        return "docs.html";
    if (strcmp(path, "/client") == 0)
        return "client.html";
    return path + 1;
}

static int open_best(struct http_exchange *x, const char *name, struct stat *st)
{
    const char *accept = head_value(x, "Accept-Encoding");

    x->vary_encoding = true;
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        int fd = accepts(accept, codings[i].coding)
                     ? open_file(x->server->static_fd, name, codings[i].suffix, st)
                     : -1;

        if (fd >= 0) {
            x->encoding = codings[i].coding;
            return fd;
        }
    }
    return open_file(x->server->static_fd, name, "", st);
}

static int get_static(const struct request *rq, struct reply *rp, struct err *e)
{
    struct http_exchange *x = rq->x;
    const char *name = file_of(rq->path);
    struct stat st;
    int fd = open_best(x, name, &st);

    if (fd < 0 && !strchr(rq->path, '.')) {
        name = "index.html"; /* an address inside the portal: its own router takes over */
        fd = open_best(x, name, &st);
    }
    if (fd < 0)
        return err_set(e, ERR_NOT_FOUND, "there is nothing at this address");
    snprintf(x->etag, sizeof x->etag, "\"%llx-%llx-%llx\"", (unsigned long long)st.st_ino,
             (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec * 1000000000ULL +
                 (unsigned long long)st.st_mtim.tv_nsec);
    rp->status = 200;
    rp->file_fd = fd;
    rp->file_size = st.st_size;
    rp->text_type = type_of(name);
    rp->cache =
        strncmp(name, "assets/", 7) == 0 ? "public, max-age=31536000, immutable" : "no-cache";
    return 0;
}

const struct route static_route = { "GET", "/", "anyone", get_static, HTTP_NO_TRACE_LOG };
