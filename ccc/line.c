#include "ccc/line.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "common/base/clock.h"
#include "sql/ccc/connection.h"

enum { LINES = 16, WAYS = 2 * LINES, WAY_MS = 1000, CALL_MS = 8000, URLS_MAX = 4096 };

struct line {
    struct id block;
    char urls[URLS_MAX];
    struct peer *peer;
    int64_t used_ms;
};

/* The row of connection_line: where the module is, not who may what. */
struct way {
    struct id module;
    int64_t until_ms;
    PGresult *row;
};

struct ccc_lines {
    struct way way[WAYS];
    struct line line[LINES]; /* the least used gives way: more blocks than that are rare a worker */
};

struct ccc_lines *line_open_all(void)
{
    return calloc(1, sizeof(struct ccc_lines));
}

void line_close_all(struct ccc_lines *l)
{
    if (!l)
        return;
    for (int i = 0; i < LINES; i++)
        peer_close(l->line[i].peer);
    for (int i = 0; i < WAYS; i++)
        PQclear(l->way[i].row);
    free(l);
}

static struct way *way_of(struct ccc_lines *lines, const struct id *module)
{
    struct way *oldest = &lines->way[0];

    for (int i = 0; i < WAYS; i++) {
        if (id_eq(&lines->way[i].module, module))
            return &lines->way[i];
        if (lines->way[i].until_ms < oldest->until_ms)
            oldest = &lines->way[i];
    }
    return oldest;
}

static int find_way(const struct request *rq, const struct id *module, struct way **out,
                    struct err *e)
{
    struct way *w = way_of(((struct ccc_worker *)rq->worker)->lines, module);
    auto_result PGresult *r = NULL;

    if (!id_eq(&w->module, module) || clock_boot_ms() >= w->until_ms) {
        if (db_run(ccc_db(rq), &Q_connection_line, DB_ARGS(module->s), &r, e) < 0)
            return -1;
        if (db_rows(r) == 0)
            return err_set(e, ERR_NOT_FOUND, "there is no such module");
        PQclear(w->row);
        *w = (struct way){ *module, clock_boot_ms() + WAY_MS, MOVE(r) };
    }
    *out = w;
    return 0;
}

static struct line *line_of(struct ccc_lines *lines, const struct id *block)
{
    struct line *oldest = &lines->line[0];

    for (int i = 0; i < LINES; i++) {
        if (lines->line[i].peer && id_eq(&lines->line[i].block, block))
            return &lines->line[i];
        if (lines->line[i].used_ms < oldest->used_ms)
            oldest = &lines->line[i];
    }
    return oldest;
}

static int open_line(const struct request *rq, const struct id *block, const char *urls,
                     struct peer **out, struct err *e)
{
    struct line *l = line_of(((struct ccc_worker *)rq->worker)->lines, block);

    l->used_ms = clock_boot_ms();
    if (!l->peer || !id_eq(&l->block, block) || strcmp(l->urls, urls) != 0) {
        char **list = daemon_list(urls);
        int rc;

        peer_close(l->peer);
        l->peer = NULL;
        if (!list)
            return err_set(e, ERR_INTERNAL, "out of memory");
        rc = peer_open(&ccc_app(rq)->node.identity, (const char *const *)list, "xcenter", NULL,
                       &l->peer, e);
        free(list);
        if (rc < 0)
            return -1;
        peer_anywhere(l->peer);
        l->block = *block;
        snprintf(l->urls, sizeof l->urls, "%s", urls);
    }
    *out = l->peer;
    return 0;
}

static int64_t deadline(const struct request *rq)
{
    int64_t own = clock_boot_ms() + CALL_MS;

    return rq->deadline_ms && rq->deadline_ms < own ? rq->deadline_ms : own;
}

static int do_call(const struct request *rq, struct peer *p, struct line_call *c, struct err *e)
{
    char path[256];
    int rc;

    snprintf(path, sizeof path, "/call/v1/modules/%s%s", c->module.s, c->path);
    if (c->method == LINE_DELETE)
        rc = peer_delete(p, path, deadline(rq), e);
    else if (c->method == LINE_GET)
        rc = peer_get(p, path, deadline(rq), &c->answer, e);
    else
        rc = peer_post(p, path, c->body, deadline(rq), &c->answer, e);
    c->status = rc == 0 ? peer_status(p) : 0;
    return rc;
}

static int call_along(const struct request *rq, const struct way *w, struct line_call *c,
                      struct err *e)
{
    struct id block;
    struct peer *p = NULL;

    if (!id_parse(db_text(w->row, 0, "block_id"), &block))
        return err_set(e, ERR_INTERNAL, "a stored module cannot be read");
    if (!db_text(w->row, 0, "urls")[0])
        return err_set(e, ERR_PEER_UNREACHABLE, "no xCenter of this block was heard of");
    if (open_line(rq, &block, db_text(w->row, 0, "urls"), &p, e) < 0)
        return -1;
    return do_call(rq, p, c, e);
}

/* That no xCenter has heard the module is a fact of the relays, not of us. */
static void relays_know_nothing(struct err *e)
{
    if (e->code != ERR_NOT_READY || strncmp(e->origin, "xcenter/", 8) != 0)
        return;
    *e = (struct err){ 0 };
    err_set(e, ERR_PEER_UNREACHABLE, "no xCenter of this block has heard the module yet");
}

int line_call(const struct request *rq, struct line_call *c, struct err *e)
{
    struct way *w = NULL;

    if (find_way(rq, &c->module, &w, e) < 0)
        return -1;
    if (call_along(rq, w, c, e) == 0)
        return 0;
    relays_know_nothing(e);
    if (e->code == ERR_PEER_UNREACHABLE || e->code == ERR_PEER_TIMEOUT) {
        err_where(e, db_text(w->row, 0, "login"));
        w->until_ms = 0; /* it may be elsewhere now */
    }
    return -1;
}
