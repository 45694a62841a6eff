#include "bcenter/io_host.h"

#include <stdlib.h>
#include <string.h>

#include "bcenter/module.h"

struct io_pool *io_pool_of(struct module *m, const struct id *pool)
{
    struct io_pool *p;

    HASH_FIND(hh, m->io_pools, pool->s, ID_LEN, p);
    return p;
}

struct io_pool *io_pool_entry(struct module *m, const struct id *pool)
{
    struct io_pool *p = io_pool_of(m, pool);

    if (p || !(p = calloc(1, sizeof *p)))
        return p;
    p->id = *pool;
    HASH_ADD(hh, m->io_pools, id.s, ID_LEN, p);
    return p;
}

/* ---- a desktop ---- */

static int64_t interval_of(const struct bserver *b)
{
    return b->io.sample.interval_ms > 0 ? b->io.sample.interval_ms : IO_SAMPLE_MS;
}

static bool young(const struct bserver *b, int64_t boot_ms)
{
    return b->io.sample_ms > 0 && boot_ms - b->io.sample_ms <= IO_YOUNG * interval_of(b);
}

int64_t io_desktop_measured(const struct desktop *d, int64_t boot_ms)
{
    if (!d->bserver || !id_set(&d->io.run) || !young(d->bserver, boot_ms))
        return -1;
    if (id_set(&d->row.run) ? !id_eq(&d->io.run, &d->row.run) : !desktop_running(d))
        return -1;
    return d->io.rate;
}

/*
 * One that was up before this process began is no start. A host whose agent counts nothing, or
 * nothing any more, cannot show the end of a start: then ready is enough.
 */
bool io_desktop_settled(struct desktop *d, int64_t boot_ms)
{
    const struct bserver *b = d->bserver;

    if (!id_set(&d->row.run) || !b)
        return false;
    if (!id_eq(&d->io.booted, &d->row.run)) {
        if (!desktop_ready(d, boot_ms))
            return false;
        d->io.booted = d->row.run;
        d->io.booted_ms = boot_ms;
        d->io.settled = !d->run_at;
    }
    if (!d->io.settled && ((!b->io.samples && !b->io.sample_ms) ||
                           boot_ms - d->io.booted_ms > IO_YOUNG * interval_of(b)))
        d->io.settled = true;
    return d->io.settled;
}

static int64_t jobs(const struct desktop *d, const struct io_pool *p)
{
    if (p && p->every_desktop)
        return 1;
    return d->session || (d->op && d->op->verb == VERB_CONNECT && d->op->state == OP_RUNNING);
}

static struct io_charge facts(struct module *m, struct desktop *d, int64_t boot_ms)
{
    static const struct io_pool unknown;
    const struct io_pool *p = io_pool_of(m, &d->row.pool);
    struct io_charge c = { .on = id_set(&d->row.run) };

    if (!p)
        p = &unknown;
    c.load = jobs(d, p);
    c.per_job = io_per_job(&p->given_job, &p->job);
    c.per_start = io_per_start(&p->given_start, &p->start, io_limit_now(&d->bserver->io.limit));
    c.measured = io_desktop_measured(d, boot_ms);
    c.starting = c.on && !io_desktop_settled(d, boot_ms);
    return c;
}

/* A write under way counts as done. */
static int64_t with_held(const struct desktop *d, const struct io_charge *c)
{
    int64_t charge = io_charge(c), held = io_cut(d->io.held);

    return charge > held ? charge : held;
}

int64_t io_desktop_charge(struct module *m, struct desktop *d, int64_t boot_ms)
{
    struct io_charge c;

    if (!d->bserver)
        return 0;
    if (!id_set(&d->row.run) &&
        !desktop_running(d)) /* most that are off, without looking further */
        return io_cut(d->io.held);
    c = facts(m, d, boot_ms);
    return with_held(d, &c);
}

/* ---- a host ---- */

int64_t io_host_look(struct module *m, struct bserver *b, int64_t boot_ms)
{
    b->io.total = 0;
    for (int i = 0; i < b->nslots; i++)
        if (b->slots[i].desktop)
            b->io.total = io_add(b->io.total, io_desktop_charge(m, b->slots[i].desktop, boot_ms));
    return b->io.total;
}

void io_hosts_look(struct module *m, int64_t boot_ms)
{
    struct bserver *b, *next;

    HASH_ITER(hh, m->bservers, b, next)
    {
        io_host_look(m, b, boot_ms);
    }
}

struct io_ask io_host_ask(struct module *m, struct desktop *d, enum io_want want, int64_t boot_ms)
{
    struct io_charge c = facts(m, d, boot_ms);
    struct io_ask a = { .total = d->bserver->io.total,
                        .before = with_held(d, &c),
                        .limit = io_limit_now(&d->bserver->io.limit) };

    if (want == IO_WANT_START || (want == IO_WANT_START_FOR_HER && !c.on))
        c.on = c.starting = true;
    if (want != IO_WANT_START)
        c.load = c.load > 0 ? c.load : 1;
    a.after = io_charge(&c);
    return a;
}

bool io_host_fits(struct module *m, struct desktop *d, enum io_want want, int64_t boot_ms,
                  struct io_ask *out)
{
    struct io_ask a;

    if (!d->bserver)
        return false;
    io_host_look(m, d->bserver, boot_ms);
    a = io_host_ask(m, d, want, boot_ms);
    if (out)
        *out = a;
    return io_fits(&a);
}

void io_host_moved(struct bserver *b, struct io_move *move, int64_t wall_ms)
{
    struct host_io *io = &b->io;

    move->at = wall_ms;
    if (io->nmoves == IO_MOVES)
        memmove(io->moves, io->moves + 1, (IO_MOVES - 1) * sizeof *io->moves);
    else
        io->nmoves++;
    io->moves[io->nmoves - 1] = *move;
    if (io->unsaved < IO_MOVES)
        io->unsaved++;
    io->changed++;
}

bool io_host_take_given(struct module *m, struct bserver *b, int64_t wall_ms)
{
    struct io_given_limit *g;
    struct io_move move;

    HASH_FIND(hh, m->io_given, b->id.s, ID_LEN, g);
    if (!io_limit_give(&b->io.limit, g && g->limit.set, g ? g->limit.uio : 0, &move))
        return false;
    io_host_moved(b, &move, wall_ms);
    return true;
}
