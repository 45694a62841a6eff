#include "bcenter/io_store.h"

#include <string.h>

#include "bcenter/desktop_store.h"
#include "bcenter/io_json.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/io.h"

/* ---- from the database ---- */

static struct id id_at(const PGresult *r, int row, const char *column)
{
    struct id id = { "" };

    id_parse(db_text(r, row, column), &id);
    return id;
}

static void take_quiet(struct io_limit *l, const char *text)
{
    json_auto_t *list = text ? json_loads(text, 0, NULL) : NULL;

    l->nquiet = l->next = 0;
    for (size_t i = 0; i < json_array_size(list) && l->nquiet < IO_QUIET; i++)
        if (json_is_integer(json_array_get(list, i)))
            l->quiet[l->nquiet++] = json_integer_value(json_array_get(list, i));
    l->next = l->nquiet % IO_QUIET;
}

void io_take_limits(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "bserver_id");
        struct bserver *b = module_bserver(m, &id);
        int64_t given = db_int(r, i, "given", -1);
        struct io_limit *l = b ? &b->io.limit : NULL;

        if (!l)
            continue;
        l->learned = io_cut(db_int(r, i, "learned", 0));
        l->fallen = db_flag(r, i, "fallen");
        l->began = io_cut(db_int(r, i, "began", 0));
        l->given = given >= 0;
        l->figure = io_cut(given);
        take_quiet(l, db_text(r, i, "quiet"));
    }
}

void io_take_moves(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "bserver_id");
        struct bserver *b = module_bserver(m, &id);
        struct io_move move = { .from = db_int(r, i, "from_uio", 0),
                                .to = db_int(r, i, "to_uio", 0),
                                .reason = io_reason_from(db_text(r, i, "reason")),
                                .total = db_int(r, i, "total", -1),
                                .us_per_request = db_int(r, i, "us_per_request", -1),
                                .quiet_us = db_int(r, i, "quiet_us", -1),
                                .dropped = db_int(r, i, "dropped", -1) };

        if (!b)
            continue;
        io_host_moved(b, &move, db_int(r, i, "at_ms", 0));
        b->io.unsaved = 0;
        b->io.saved = b->io.changed;
    }
}

void io_take_pools(struct module *m, const PGresult *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        struct id id = id_at(r, i, "pool_id");
        struct io_pool *p = io_pool_entry(m, &id);

        if (!p)
            continue;
        p->job =
            (struct io_mean){ io_cut(db_int(r, i, "per_job", 0)), db_int(r, i, "job_samples", 0) };
        p->start = (struct io_mean){ io_cut(db_int(r, i, "per_start", 0)),
                                     db_int(r, i, "start_samples", 0) };
    }
}

/* ---- to the database ---- */

/* What a row of memory was when it was copied: written only if it is that still. */
struct copied {
    struct id id;
    int64_t changed;
    int unsaved;
};
struct batch {
    json_t *limits, *moves, *pools;
    struct copied hosts[MODULE_BSERVERS * 4], pool[MODULE_SHARES * 4];
    int nhosts, npools;
};

static json_t *limit_json(const struct bserver *b)
{
    const struct io_limit *l = &b->io.limit;
    json_t *o = json_object(), *quiet = json_array();

    /* Oldest first, so that it is a ring again when it is read. */
    for (int i = 0; i < l->nquiet; i++)
        json_array_append_new(
            quiet, json_integer(l->quiet[(l->nquiet == IO_QUIET ? l->next + i : i) % IO_QUIET]));
    json_put_str(o, "id", b->id.s);
    json_put_int(o, "learned", l->learned);
    json_put_bool(o, "fallen", l->fallen);
    json_put_int(o, "began", l->began);
    json_object_set_new(o, "quiet", quiet);
    json_object_set_new(o, "given", l->given ? json_integer(l->figure) : json_null());
    return o;
}

static json_t *move_json(const struct bserver *b, const struct io_move *v, int64_t seq)
{
    json_t *o = json_object();

    json_put_str(o, "id", b->id.s);
    json_put_int(o, "seq", seq);
    json_put_int(o, "at", v->at);
    io_json_move(o, v);
    return o;
}

static json_t *pool_json(const struct io_pool *p)
{
    json_t *o = json_object();

    json_put_str(o, "id", p->id.s);
    json_put_int(o, "per_job", p->job.mean);
    json_put_int(o, "job_samples", p->job.samples);
    json_put_int(o, "per_start", p->start.mean);
    json_put_int(o, "start_samples", p->start.samples);
    return o;
}

static void copy_hosts(struct module *m, bool all, struct batch *x)
{
    const int most = sizeof x->hosts / sizeof *x->hosts;
    struct bserver *b, *next;

    HASH_ITER(hh, m->bservers, b, next)
    {
        const struct host_io *io = &b->io;

        /* One that the database does not have yet waits for it. */
        if (x->nhosts == most || !b->stored || io->changed == io->saved || (!all && !io->unsaved))
            continue;
        json_array_append_new(x->limits, limit_json(b));
        for (int i = io->nmoves - io->unsaved; i < io->nmoves; i++)
            json_array_append_new(x->moves,
                                  move_json(b, &io->moves[i], (int64_t)json_array_size(x->moves)));
        x->hosts[x->nhosts++] = (struct copied){ b->id, io->changed, io->unsaved };
    }
}

static void copy_pools(struct module *m, struct batch *x)
{
    const int most = sizeof x->pool / sizeof *x->pool;
    struct io_pool *p, *next;

    HASH_ITER(hh, m->io_pools, p, next)
    {
        if (x->npools == most || p->changed == p->saved)
            continue;
        json_array_append_new(x->pools, pool_json(p));
        x->pool[x->npools++] = (struct copied){ p->id, p->changed, 0 };
    }
}

static void written(struct module *m, const struct batch *x)
{
    for (int i = 0; i < x->nhosts; i++) {
        struct bserver *b = module_bserver(m, &x->hosts[i].id);

        if (!b)
            continue;
        b->io.saved = x->hosts[i].changed;
        b->io.unsaved -= x->hosts[i].unsaved < b->io.unsaved ? x->hosts[i].unsaved : b->io.unsaved;
    }
    for (int i = 0; i < x->npools; i++) {
        struct io_pool *p = io_pool_of(m, &x->pool[i].id);

        if (p)
            p->saved = x->pool[i].changed;
    }
}

static void log_moves(const json_t *moves)
{
    const json_t *v;
    size_t i;

    json_array_foreach(moves, i, v)
    {
        log_notice("io-limit bserver=%s from_uio=%lld to_uio=%lld reason=%s total_uio=%lld "
                   "us_per_request=%lld quiet_us=%lld dropped=%lld",
                   json_str(v, "id"), (long long)json_num(v, "from", 0),
                   (long long)json_num(v, "to", 0), json_str(v, "reason"),
                   (long long)json_num(v, "total", -1),
                   (long long)json_num(v, "us_per_request", -1),
                   (long long)json_num(v, "quiet_us", -1), (long long)json_num(v, "dropped", -1));
    }
}

static int write_batch(struct db *db, const struct batch *x, int64_t epoch, struct err *e)
{
    auto_result PGresult *r = NULL;
    char *limits = store_json(x->limits), *moves = store_json(x->moves),
         *pools = store_json(x->pools), number[24];
    int rc;

    snprintf(number, sizeof number, "%lld", (long long)epoch);
    rc = db_run(db, &Q_io_write, DB_ARGS(limits, moves, pools, number), &r, e);
    free(limits);
    free(moves);
    free(pools);
    return rc < 0 ? -1 : store_outcome(r, e);
}

int io_store_write(struct bcenter *bc, struct db *db, bool all, struct err *e)
{
    struct batch x = { json_array(), json_array(), json_array(), .nhosts = 0 };
    int64_t epoch;
    int rc = 0;

    module_lock(&bc->m);
    epoch = bc->m.epoch;
    copy_hosts(&bc->m, all, &x);
    if (all)
        copy_pools(&bc->m, &x);
    module_unlock(&bc->m);
    if (x.nhosts + x.npools > 0)
        rc = write_batch(db, &x, epoch, e);
    if (rc == 0) {
        module_lock(&bc->m);
        written(&bc->m, &x);
        module_unlock(&bc->m);
        log_moves(x.moves);
    }
    json_decref(x.limits);
    json_decref(x.moves);
    json_decref(x.pools);
    return rc;
}
