#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/server.h"

/* With the lock held, taken off; the caller wakes it afterwards. */
static struct http_worker *call(struct http_queue *q)
{
    struct http_worker *w = q->resting;

    if (w)
        q->resting = w->below;
    return w;
}

static void wake(struct http_worker *w)
{
    if (w)
        sem_post(&w->call);
}

static void *worker_main(void *arg);

/* With the lock held. */
static int start(struct http_server *s)
{
    struct http_worker *w = &s->workers[s->started];
    int rc;

    w->server = s;
    sem_init(&w->call, 0, 0);
    rc = pthread_create(&w->thread, NULL, worker_main, w);
    if (rc == 0)
        s->started++;
    else
        sem_destroy(&w->call);
    return rc;
}

/* With the lock held: who is to be woken when it is free, or it would wake into a closed door. When
 * nobody rests another one is started: a server has as many as it once needed at a time. */
static struct http_worker *put(struct http_queue *q, struct http_exchange *x)
{
    struct http_server *s = x->server;
    struct http_worker *w;

    x->next = NULL;
    if (q->last)
        q->last->next = x;
    else
        q->first = x;
    q->last = x;
    q->length++;
    w = call(q);
    if (!w && !q->ended && s->started < s->spec.workers)
        (void)start(s); /* without it the others do it, later */
    return w;
}

int worker_submit(struct http_exchange *x)
{
    struct http_queue *q = &x->server->queue;
    struct http_worker *w = NULL;
    int rc = -1;

    pthread_mutex_lock(&q->lock);
    if (!q->stopping && q->length < q->limit) {
        MHD_suspend_connection(x->mhd);
        q->away++;
        w = put(q, x);
        rc = 0;
    }
    pthread_mutex_unlock(&q->lock);
    wake(w);
    return rc;
}

void worker_again(struct http_exchange *x)
{
    struct http_queue *q = &x->server->queue;
    struct http_worker *w;

    pthread_mutex_lock(&q->lock);
    w = put(q, x);
    pthread_mutex_unlock(&q->lock);
    wake(w);
}

void worker_close(struct http_exchange *x)
{
    x->closing = true;
    worker_again(x);
}

void exchange_resume(struct http_exchange *x)
{
    struct http_queue *q = &x->server->queue;

    MHD_resume_connection(x->mhd); /* from here on x belongs to the event thread */
    pthread_mutex_lock(&q->lock);
    if (--q->away == 0)
        pthread_cond_broadcast(&q->idle);
    pthread_mutex_unlock(&q->lock);
}

void worker_drain(struct http_server *s)
{
    struct http_queue *q = &s->queue;

    pthread_mutex_lock(&q->lock);
    q->stopping = true;
    while (q->away > 0)
        pthread_cond_wait(&q->idle, &q->lock);
    pthread_mutex_unlock(&q->lock);
}

static void answer(struct http_exchange *x)
{
    answer_log(x);
    x->phase = PHASE_REPLY;
    exchange_resume(x);
}

static void fail(struct http_exchange *x, struct reply *rp, const struct err *e)
{
    x->err = *e;
    if (x->stream) {
        stream_close(x->stream);
        x->stream = NULL;
    }
    answer_problem(x, rp);
    if (rp)
        reply_release(rp);
    answer(x);
}

static int read_body(struct http_exchange *x, struct err *e)
{
    struct http_body *b = &x->body;
    json_auto_t *read = NULL;

    x->rq.body_size = b->size;
    x->rq.body_file = b->file;
    if (x->route->flags & HTTP_UNREAD) {
        x->rq.body_text = b->text;
        return 0;
    }
    if (x->rq.body || !b->text || b->size == 0)
        return 0;
    if (json_read(b->text, (size_t)b->size, &read, e) < 0)
        return -1;
    if (!json_is_object(read))
        return err_set(e, ERR_INVALID_REQUEST, "the body must be a JSON object");
    free(b->text);
    b->text = NULL;
    x->rq.body = MOVE(read);
    return 0;
}

/* The time that the handler has: what the asker gave, or anew after it was parked or uploaded. */
static int clock_in(struct http_exchange *x, struct err *e)
{
    int64_t now = clock_boot_ms();

    if (x->rq.woken && x->rq.deadline_ms < now + HTTP_DEADLINE_MS)
        x->rq.deadline_ms = now + HTTP_DEADLINE_MS;
    else if (x->body.file)
        x->rq.deadline_ms = now + HTTP_UPLOAD_DEADLINE_MS;
    else if (now >= x->rq.deadline_ms)
        return err_set(e, ERR_DEADLINE, "it waited too long for its turn");
    return 0;
}

/* A node that has hung up has asked somebody else meanwhile: this process stood still, or the queue
 * was long. What it no longer waits for is not begun. */
static int asker_waits(const struct http_exchange *x, struct err *e)
{
    const union MHD_ConnectionInfo *on =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = { .fd = on ? on->connect_fd : -1, .events = POLLRDHUP };

    if (x->rq.caller.kind != CALLER_NODE || x->rq.woken || poll(&p, 1, 0) <= 0)
        return 0;
    return err_set(e, ERR_DEADLINE, "who asked has gone");
}

static void run(struct http_exchange *x)
{
    struct reply rp = { .file_fd = -1 };
    struct err e = { 0 };
    uint64_t mark = park_mark(x->server);

    if (clock_in(x, &e) < 0 || asker_waits(x, &e) < 0 || read_body(x, &e) < 0 ||
        x->route->handler(&x->rq, &rp, &e) < 0) {
        if (e.code == ERR_NONE)
            err_set(&e, ERR_INTERNAL, "it failed without saying why");
        fail(x, &rp, &e);
        return;
    }
    if (x->stream && rp.stream != x->stream) {
        stream_close(x->stream); /* opened, but the handler answers something else */
        x->stream = NULL;
    }
    if (!rp.park_key) {
        answer_reply(x, &rp);
        answer(x);
        return;
    }
    if (x->rq.expired || strlen(rp.park_key) >= HTTP_KEY_MAX) {
        err_set(&e, ERR_INTERNAL, "it cannot wait any longer");
        err_cause(&e, "parked again past its time, or on a long key");
        fail(x, &rp, &e);
        return;
    }
    snprintf(x->park_key, sizeof x->park_key, "%s", rp.park_key);
    if (!x->park_until_ms || rp.park_until_ms < x->park_until_ms)
        x->park_until_ms = rp.park_until_ms; /* the first one stays the latest */
    reply_release(&rp);
    park_put(x, mark);
}

static void authenticate(struct http_exchange *x)
{
    struct err e = { 0 }, unread = { 0 };

    /* Who she is may be asked together with what she wants: ccc/session.c. A body that cannot be
     * read is refused by run(), once it is known who sent it. */
    if (x->body_whole)
        (void)!read_body(x, &unread);
    if (guard_person(x, &e) < 0) {
        x->err = e;
        x->phase = PHASE_REFUSED;
        exchange_resume(x);
    } else if (x->has_body && !x->body_whole) {
        x->known = true;
        x->phase = PHASE_AUTHED;
        exchange_resume(x);
    } else {
        x->phase = PHASE_RUN;
        run(x);
    }
}

static void work(struct http_exchange *x, void *worker, bool stopping)
{
    struct err e = { 0 };

    log_trace_set(x->trace);
    x->rq.worker = worker;
    if (x->closing) {
        stream_close(x->stream);
        exchange_free(x);
    } else if (stopping) {
        err_set(&e, ERR_NOT_READY, "this process is stopping");
        x->close_after = true;
        fail(x, NULL, &e);
    } else if (x->phase == PHASE_AUTH) {
        authenticate(x);
    } else {
        run(x);
    }
    log_trace_set(NULL);
}

/* With the lock held, until there is work or the end. */
static void rest(struct http_queue *q, struct http_worker *w)
{
    while (!q->first && !q->ended) {
        w->below = q->resting;
        q->resting = w;
        pthread_mutex_unlock(&q->lock);
        while (sem_wait(&w->call) < 0)
            continue; /* a signal */
        pthread_mutex_lock(&q->lock);
    }
}

static void *worker_main(void *arg)
{
    struct http_worker *self = arg;
    struct http_server *s = self->server;
    struct http_queue *q = &s->queue;
    void *worker = s->spec.worker_start ? s->spec.worker_start(s->spec.app) : NULL;

    for (;;) {
        struct http_exchange *x;
        bool stopping;

        pthread_mutex_lock(&q->lock);
        rest(q, self);
        x = q->first;
        if (x) {
            q->first = x->next;
            if (!q->first)
                q->last = NULL;
            q->length--;
        }
        stopping = q->stopping;
        pthread_mutex_unlock(&q->lock);
        if (!x)
            break;
        work(x, worker, stopping);
    }
    if (s->spec.worker_stop)
        s->spec.worker_stop(s->spec.app, worker);
    return NULL;
}

/* The first one, so that there is always one; put() starts the others. */
int worker_open(struct http_server *s, struct err *e)
{
    struct http_queue *q = &s->queue;
    int n = s->spec.workers, rc;

    q->limit = n * HTTP_QUEUE_PER_WORKER;
    s->workers = calloc((size_t)n, sizeof *s->workers);
    if (!s->workers)
        return err_set(e, ERR_INTERNAL, "out of memory");
    pthread_mutex_lock(&q->lock);
    rc = start(s);
    pthread_mutex_unlock(&q->lock);
    if (rc == 0)
        return 0;
    err_set(e, ERR_INTERNAL, "cannot start a worker thread");
    return err_cause(e, "pthread_create: %s", strerror(rc));
}

void worker_stop_all(struct http_server *s)
{
    struct http_queue *q = &s->queue;

    pthread_mutex_lock(&q->lock);
    q->ended = true;
    for (struct http_worker *w = call(q); w; w = call(q))
        wake(w);
    pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < s->started; i++) {
        pthread_join(s->workers[i].thread, NULL);
        sem_destroy(&s->workers[i].call);
    }
    free(s->workers);
    s->workers = NULL;
    s->started = 0;
}
