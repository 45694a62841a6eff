#include "xcenter/call_http.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "xcenter/xcenter.h"

enum { URL_MAX = 256, CALL_MS = 6000 };

struct line {
    struct id module;
    char url[URL_MAX];
    struct peer *peer;
};

struct worker {
    struct line line[RELAY_MODULES];
};

void *xcenter_worker_start(void *app)
{
    (void)app;
    return calloc(1, sizeof(struct worker));
}

void xcenter_worker_stop(void *app, void *worker)
{
    struct worker *w = worker;

    (void)app;
    if (!w)
        return;
    for (int i = 0; i < RELAY_MODULES; i++)
        peer_close(w->line[i].peer);
    free(w);
}

/* The line kept for this module, or the one to reuse for it. */
static struct line *line_for(struct worker *w, const struct id *module)
{
    for (int i = 0; i < RELAY_MODULES; i++)
        if (!w->line[i].peer || id_eq(&w->line[i].module, module))
            return &w->line[i];
    return &w->line[0];
}

/* A bCenter that moved (restart on another port, take-over) gets a new line. */
static int line_open(const struct request *rq, struct peer **out, struct err *e)
{
    struct xcenter *x = rq->app;
    struct worker *w = rq->worker;
    struct line *l;
    char url[URL_MAX];

    if (!w)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (relay_module_url(x->relay, &rq->path_id, url, sizeof url, e) < 0)
        return -1;
    l = line_for(w, &rq->path_id);
    if (!l->peer || !id_eq(&l->module, &rq->path_id) || strcmp(l->url, url) != 0) {
        const char *const urls[] = { url, NULL };

        peer_close(l->peer);
        l->peer = NULL;
        if (peer_open(&x->node.identity, urls, "bcenter", NULL, &l->peer, e) < 0)
            return -1;
        l->module = rq->path_id;
        memcpy(l->url, url, sizeof url);
    }
    *out = l->peer;
    return 0;
}

static int64_t deadline(const struct request *rq)
{
    int64_t own = clock_boot_ms() + CALL_MS;

    return rq->deadline_ms && rq->deadline_ms < own ? rq->deadline_ms : own;
}

/* Both ends read what is theirs; here it is not looked at. */
static int forward_post(const struct request *rq, struct reply *rp, const char *path, struct err *e)
{
    const struct peer_text body = { .bytes = rq->body_text,
                                    .n = rq->body_text ? (size_t)rq->body_size : 0,
                                    .order = { rq->key, rq->attempt } };
    struct peer *p;

    if (line_open(rq, &p, e) < 0 || peer_relay(p, path, body, deadline(rq), &rp->text_owned, e) < 0)
        return -1;
    rp->status = peer_status(p);
    rp->text_type = "application/json";
    snprintf(rp->location, sizeof rp->location, "%s", peer_location(p));
    return 0;
}

static int post_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    return forward_post(rq, rp, "/call/v1/connections", e);
}

static int post_ticket(const struct request *rq, struct reply *rp, struct err *e)
{
    char path[128];

    snprintf(path, sizeof path, "/call/v1/connections/%s/tickets", rq->path_id2.s);
    return forward_post(rq, rp, path, e);
}

static int post_end(const struct request *rq, struct reply *rp, struct err *e)
{
    char path[128];

    snprintf(path, sizeof path, "/call/v1/connections/%s/end", rq->path_id2.s);
    return forward_post(rq, rp, path, e);
}

static int post_confirm(const struct request *rq, struct reply *rp, struct err *e)
{
    return forward_post(rq, rp, "/call/v1/confirm-deletions", e);
}

static int delete_connection(const struct request *rq, struct reply *rp, struct err *e)
{
    char path[128];
    struct peer *p;

    snprintf(path, sizeof path, "/call/v1/connections/%s", rq->path_id2.s);
    if (line_open(rq, &p, e) < 0 || peer_delete(p, path, deadline(rq), e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

static int get_placement(const struct request *rq, struct reply *rp, struct err *e)
{
    json_t *answer = NULL;
    char path[128];
    struct peer *p;

    snprintf(path, sizeof path, "/call/v1/placements/%s", rq->path_id2.s);
    if (line_open(rq, &p, e) < 0 || peer_get(p, path, deadline(rq), &answer, e) < 0)
        return -1;
    return http_reply(rp, 200, answer, e);
}

const struct route xcenter_call_routes[] = {
    { "POST", "/call/v1/modules/{id}/connections", "node:ccc", post_connection, HTTP_UNREAD },
    { "DELETE", "/call/v1/modules/{id}/connections/{id2}", "node:ccc", delete_connection, 0 },
    { "POST", "/call/v1/modules/{id}/connections/{id2}/tickets", "node:ccc", post_ticket,
      HTTP_UNREAD },
    { "GET", "/call/v1/modules/{id}/placements/{id2}", "node:ccc", get_placement, 0 },
    { "POST", "/call/v1/modules/{id}/connections/{id2}/end", "node:ccc", post_end, HTTP_UNREAD },
    { "POST", "/call/v1/modules/{id}/confirm-deletions", "node:ccc", post_confirm, HTTP_UNREAD },
    { 0 },
};
