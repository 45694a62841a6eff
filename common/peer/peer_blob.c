#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/peer/call.h"

struct download {
    struct peer *peer;
    int fd;
    int64_t at, size; /* at: bytes that are in the file */
    bool began;       /* this answer's length and place were checked */
    bool (*progress)(void *arg, int64_t bytes);
    void *arg;
};

static int disk_fail(struct err *e)
{
    int code = errno;

    if (code == ENOSPC || code == EDQUOT)
        err_set(e, ERR_INSUFFICIENT_STORAGE, "no room left for the image");
    else
        err_set(e, ERR_STORAGE_FAILED, "the image could not be written");
    return err_cause(e, "write: %s", strerror(code));
}

static const char *header(CURL *easy, const char *name)
{
    struct curl_header *h = NULL;

    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : NULL;
}

/* The first bytes of an answer: are they the ones we asked for, and of a file of the right length?
 */
static bool begin(struct download *d, struct err *e)
{
    CURL *easy = d->peer->easy;
    const char *range = header(easy, "Content-Range"), *length = header(easy, "Content-Length");
    int64_t from, to, total;
    long status = 0;

    d->began = true;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 206) {
        if (range &&
            sscanf(range, "bytes %" SCNd64 "-%" SCNd64 "/%" SCNd64, &from, &to, &total) == 3 &&
            from == d->at && total == d->size)
            return true;
    } else if (status == 200 && (!length || strtoll(length, NULL, 10) == d->size)) {
        d->at = 0; /* the peer knows no ranges: from the start */
        if (ftruncate(d->fd, 0) == 0)
            return true;
        disk_fail(e);
        return false;
    }
    err_set(e, ERR_PEER_PROTOCOL, "the %s offers another file than the one that was asked for",
            d->peer->tls.kind);
    err_cause(e, "status %ld range %s length %s, wanted %lld of %lld", status, range ? range : "-",
              length ? length : "-", (long long)d->at, (long long)d->size);
    return false;
}

static bool sink(void *arg, const char *bytes, size_t n, struct err *e)
{
    struct download *d = arg;

    if (!d->began && !begin(d, e))
        return false;
    if ((int64_t)n > d->size - d->at) {
        err_set(e, ERR_PEER_PROTOCOL, "the %s sends more than the file has", d->peer->tls.kind);
        return false;
    }
    while (n > 0) {
        ssize_t w = pwrite(d->fd, bytes, n, d->at);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            disk_fail(e);
            return false;
        }
        bytes += w;
        n -= (size_t)w;
        d->at += w;
    }
    if (d->progress && !d->progress(d->arg, d->at)) {
        err_set(e, ERR_CANCELLED, "the download was stopped");
        return false;
    }
    return true;
}

/* One request for what is missing. */
static int part(struct peer *p, struct call *c, struct download *d, struct err *e)
{
    char range[32];
    int rc;

    snprintf(range, sizeof range, "%lld-", (long long)d->at);
    c->range = d->at > 0 ? range : NULL;
    d->began = false;
    c->sink_error = (struct err){ 0 };
    rc = call_do(p, c, e);
    if (rc == 0 && p->status / 100 != 2)
        rc = call_problem(p, c, e);
    free(c->text);
    c->text = NULL;
    c->size = 0;
    return rc;
}

int peer_blob(struct peer *p, const char *sha256, int fd, int64_t size, int64_t bytes_per_s,
              bool (*progress)(void *arg, int64_t bytes), void *arg, int64_t deadline_ms,
              struct err *e)
{
    struct download d = { .peer = p, .fd = fd, .size = size, .progress = progress, .arg = arg };
    char path[96];
    struct call c = { .method = "GET",
                      .path = path,
                      .deadline_ms = deadline_ms,
                      .bytes_per_s = bytes_per_s,
                      .sink = sink,
                      .arg = &d };
    struct stat st;

    if (!text_hex(sha256, 64))
        return err_set(e, ERR_NOT_FOUND, "no such file");
    snprintf(path, sizeof path, "/blobs/v1/%s", sha256);
    if (fstat(fd, &st) < 0)
        return disk_fail(e);
    d.at = st.st_size;
    if (d.at > size)
        return err_set(e, ERR_PEER_PROTOCOL, "more of the file is here than it has");
    /* A connection that breaks in the middle of 40 GB is no news: go on while it goes forward. */
    while (d.at < size) {
        int64_t before = d.at;
        struct err now = { 0 };

        if (part(p, &c, &d, &now) == 0) {
            if (d.at > before)
                continue;
            err_set(&now, ERR_PEER_PROTOCOL, "the %s sends nothing", p->tls.kind);
        }
        if (now.code != ERR_PEER_UNREACHABLE || d.at <= before || atomic_load(&p->interrupted) ||
            clock_boot_ms() >= deadline_ms) {
            *e = now;
            return -1;
        }
    }
    return 0;
}
