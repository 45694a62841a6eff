#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/server.h"

static void put(struct http_queue *q, struct http_exchange *x)
{
    x->next = NULL;
    if (q->last)
        q->last->next = x;
    else
        q->first = x;
    q->last = x;
    q->length++;
    pthread_cond_signal(&q->work);
}

int worker_submit(struct http_exchange *x)
{
    struct http_queue *q = &x->server->queue;
    int rc = -1;

    pthread_mutex_lock(&q->lock);
    if (!q->stopping && q->length < q->limit) {
        MHD_suspend_connection(x->mhd);
        q->away++;
        put(q, x);
        rc = 0;
    }
    pthread_mutex_unlock(&q->lock);
    return rc;
}

void worker_again(struct http_exchange *x)
{
    struct http_queue *q = &x->server->queue;

    pthread_mutex_lock(&q->lock);
    put(q, x);
    pthread_mutex_unlock(&q->lock);
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

    x->rq.body_size = b->size;
    x->rq.body_file = b->file;
    if (x->rq.body || !b->text || b->size == 0)
        return 0;
    if (json_read(b->text, (size_t)b->size, &x->rq.body, e) < 0)
        return -1;
    free(b->text);
    b->text = NULL;
    if (!json_is_object(x->rq.body))
        return err_set(e, ERR_INVALID_REQUEST, "the body must be a JSON object");
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

static void run(struct http_exchange *x)
{
    struct reply rp = { .file_fd = -1 };
    struct err e = { 0 };
    uint64_t mark = park_mark(x->server);

    if (clock_in(x, &e) < 0 || read_body(x, &e) < 0 || x->route->handler(&x->rq, &rp, &e) < 0) {
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
    struct err e = { 0 };

    if (guard_person(x, &e) < 0) {
        x->err = e;
        x->phase = PHASE_REFUSED;
        exchange_resume(x);
    } else if (x->has_body) {
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

static void *worker_main(void *arg)
{
    struct http_server *s = arg;
    struct http_queue *q = &s->queue;
    void *worker = s->spec.worker_start ? s->spec.worker_start(s->spec.app) : NULL;

    for (;;) {
        struct http_exchange *x;
        bool stopping;

        pthread_mutex_lock(&q->lock);
        while (!q->first && !q->ended)
            pthread_cond_wait(&q->work, &q->lock);
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

int worker_start_all(struct http_server *s, struct err *e)
{
    int n = s->spec.workers;

    s->queue.limit = n * HTTP_QUEUE_PER_WORKER;
    s->threads = calloc((size_t)n, sizeof *s->threads);
    if (!s->threads)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (; s->started < n; s->started++) {
        int rc = pthread_create(&s->threads[s->started], NULL, worker_main, s);

        if (rc != 0) {
            err_set(e, ERR_INTERNAL, "cannot start a worker thread");
            return err_cause(e, "pthread_create: %s", strerror(rc));
        }
    }
    return 0;
}

void worker_stop_all(struct http_server *s)
{
    pthread_mutex_lock(&s->queue.lock);
    s->queue.ended = true;
    pthread_cond_broadcast(&s->queue.work);
    pthread_mutex_unlock(&s->queue.lock);
    for (int i = 0; i < s->started; i++)
        pthread_join(s->threads[i], NULL);
    free(s->threads);
    s->threads = NULL;
    s->started = 0;
}
