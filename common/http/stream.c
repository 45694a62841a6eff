#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/http/metric.h"
#include "common/http/server.h"

enum { STREAM_MAX = 256 * 1024, STREAM_BLOCK = 8192, BEAT_MS = 15000 };

/*
 * Three threads meet here: senders (any), the event thread that reads, the keeper that beats. The
 * connection is suspended by the reader and resumed by the others, both under `lock`, so `waiting`
 * always tells whether it is. `ended`: no event is taken any more, the reader closes when it is
 * asked next. `dead`: libmicrohttpd has let go of the connection; only the owner still has to be
 * told.
 */
struct http_stream {
    struct http_server *server;
    struct http_exchange *x;
    struct http_stream *prev, *next; /* server->streams, streams_lock */
    void (*closed)(void *arg, struct http_stream *);
    void *arg;
    pthread_mutex_t lock;
    char *text;
    size_t from, to, room;
    bool waiting, ended, dead;
    int64_t beat_ms;
};

static void resume(struct http_stream *st)
{
    if (!st->waiting || st->dead)
        return;
    st->waiting = false;
    MHD_resume_connection(st->x->mhd);
}

/* Locked. Room for n more bytes; false: more than STREAM_MAX unread, or out of memory. */
static bool reserve(struct http_stream *st, size_t n)
{
    size_t held = st->to - st->from, room = st->room ? st->room : 1024;
    char *more;

    if (held + n > STREAM_MAX)
        return false;
    if (st->from > 0) {
        memmove(st->text, st->text + st->from, held);
        st->from = 0;
        st->to = held;
    }
    while (room < held + n)
        room *= 2;
    if (room == st->room)
        return true;
    more = realloc(st->text, room);
    if (!more)
        return false;
    st->text = more;
    st->room = room;
    return true;
}

static void append(struct http_stream *st, const char *text, size_t n)
{
    memcpy(st->text + st->to, text, n);
    st->to += n;
}

/* Locked. The reader sees the end at once; what it has not read is lost with the connection. */
static void end(struct http_stream *st)
{
    st->ended = true;
    st->from = st->to = 0;
    resume(st);
}

static void comment(struct http_stream *st, const char *text)
{
    size_t n = strlen(text);

    if (!reserve(st, n)) {
        end(st);
        return;
    }
    append(st, text, n);
    st->beat_ms = clock_boot_ms();
    resume(st);
}

struct http_stream *http_stream_open(const struct request *rq,
                                     void (*closed)(void *arg, struct http_stream *), void *arg)
{
    struct http_server *s = rq->x->server;
    struct http_stream *st = rq->x->stream ? NULL : calloc(1, sizeof *st);

    if (!st)
        return NULL;
    st->server = s;
    st->x = rq->x;
    st->closed = closed;
    st->arg = arg;
    pthread_mutex_init(&st->lock, NULL);
    comment(st, "retry: 2000\n: open\n\n");
    pthread_mutex_lock(&s->streams_lock);
    st->ended |= s->streams_ended;
    st->next = s->streams;
    if (st->next)
        st->next->prev = st;
    s->streams = st;
    pthread_mutex_unlock(&s->streams_lock);
    rq->x->stream = st;
    metric_add(METRIC_HTTP_PARKED, 1);
    return st;
}

static size_t lines_of(const char *data)
{
    size_t n = 1;

    for (; *data; data++)
        n += *data == '\n';
    return n;
}

void http_stream_send(struct http_stream *st, const char *event, const char *data)
{
    size_t need =
        strlen("event: \n\n") + strlen(event) + strlen(data) + lines_of(data) * strlen("data: \n");

    pthread_mutex_lock(&st->lock);
    if (st->ended || st->dead) {
        pthread_mutex_unlock(&st->lock);
        return;
    }
    if (!reserve(st, need)) {
        end(st);
        shutdown(st->x->conn->fd, SHUT_RDWR); /* open: the connection is not dead */
        pthread_mutex_unlock(&st->lock);
        return;
    }
    append(st, "event: ", 7);
    append(st, event, strlen(event));
    for (const char *line = data;;) {
        size_t n = strcspn(line, "\n");

        append(st, "\ndata: ", 7);
        append(st, line, n);
        if (!line[n])
            break;
        line += n + 1;
    }
    append(st, "\n\n", 2);
    st->beat_ms = clock_boot_ms();
    resume(st);
    pthread_mutex_unlock(&st->lock);
}

void http_stream_end(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    if (!st->dead) {
        end(st);
        shutdown(st->x->conn->fd, SHUT_RDWR); /* open: the connection is not dead */
    }
    pthread_mutex_unlock(&st->lock);
}

static ssize_t read_some(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct http_stream *st = cls;
    size_t n;

    (void)pos;
    pthread_mutex_lock(&st->lock);
    n = st->to - st->from;
    if (n == 0) {
        ssize_t rc = st->ended ? MHD_CONTENT_READER_END_WITH_ERROR : 0;

        if (!st->ended) {
            MHD_suspend_connection(st->x->mhd);
            st->waiting = true;
        }
        pthread_mutex_unlock(&st->lock);
        return rc;
    }
    if (n > max)
        n = max;
    memcpy(buf, st->text + st->from, n);
    st->from += n;
    if (st->from == st->to)
        st->from = st->to = 0;
    pthread_mutex_unlock(&st->lock);
    return (ssize_t)n;
}

struct MHD_Response *stream_response(struct http_stream *st)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_some, st, NULL);
}

void stream_dead(struct http_stream *st)
{
    pthread_mutex_lock(&st->lock);
    st->dead = st->ended = true;
    pthread_mutex_unlock(&st->lock);
}

void stream_close(struct http_stream *st)
{
    struct http_server *s = st->server;

    pthread_mutex_lock(&s->streams_lock);
    if (st->prev)
        st->prev->next = st->next;
    else
        s->streams = st->next;
    if (st->next)
        st->next->prev = st->prev;
    pthread_mutex_unlock(&s->streams_lock);
    if (st->closed)
        st->closed(st->arg, st);
    metric_add(METRIC_HTTP_PARKED, -1);
    pthread_mutex_destroy(&st->lock);
    free(st->text);
    free(st);
}

void stream_beat_all(struct http_server *s, int64_t now)
{
    pthread_mutex_lock(&s->streams_lock);
    for (struct http_stream *st = s->streams; st; st = st->next) {
        pthread_mutex_lock(&st->lock);
        if (st->waiting && !st->dead && conn_gone(st->x->conn->fd))
            end(st);
        else if (!st->ended && !st->dead && now - st->beat_ms >= BEAT_MS)
            comment(st, ":\n\n");
        pthread_mutex_unlock(&st->lock);
    }
    pthread_mutex_unlock(&s->streams_lock);
}

void stream_end_all(struct http_server *s)
{
    pthread_mutex_lock(&s->streams_lock);
    s->streams_ended = true;
    for (struct http_stream *st = s->streams; st; st = st->next) {
        pthread_mutex_lock(&st->lock);
        end(st);
        pthread_mutex_unlock(&st->lock);
    }
    pthread_mutex_unlock(&s->streams_lock);
}
