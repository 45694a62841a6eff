#include "bcenter/publish_io.h"

#include "bcenter/io_json.h"
#include "common/base/clock.h"
#include "common/base/json.h"

enum { SHOW_MS = 60000, PARTS = 8 };

static int64_t between(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

bool publish_io_due(struct module *m, struct bserver *b, int64_t boot_ms)
{
    struct host_io *io = &b->io;
    int64_t limit = io_limit_now(&io->limit), total = io_host_look(m, b, boot_ms);

    if (io->shown_ms && limit == io->shown_limit && boot_ms - io->shown_ms < SHOW_MS &&
        between(total, io->shown_total) < limit / PARTS)
        return false;
    io->shown_ms = boot_ms;
    io->shown_wall = clock_wall_ms();
    io->shown_limit = limit;
    io->shown_total = total;
    return true;
}

static json_t *move_json(const struct io_move *v)
{
    json_t *o = json_object();

    json_put_time(o, "at", v->at);
    io_json_move(o, v);
    return o;
}

json_t *publish_io_json(const struct bserver *b)
{
    const struct host_io *io = &b->io;
    const struct io_move *newest = io->nmoves ? &io->moves[io->nmoves - 1] : NULL;
    json_t *o, *moves;

    if (!io->shown_ms)
        return json_null();
    o = json_object();
    moves = json_array();
    for (int i = io->nmoves - 1; i >= 0; i--)
        json_array_append_new(moves, move_json(&io->moves[i]));
    json_put_int(o, "total", io->shown_total);
    json_put_int(o, "limit", io->shown_limit);
    json_put_str(o, "source", io_source_word(io_limit_source(&io->limit)));
    json_put_str(o, "reason", io_reason_word(newest ? newest->reason : IO_NO_MOVE));
    json_put_time(o, "since", newest ? newest->at : 0);
    json_put_time(o, "as_of", io->shown_wall);
    json_object_set_new(o, "moves", moves);
    return o;
}

static const char *source_of(const struct io_given *given, const struct io_mean *learned)
{
    return io_source_word(given->set                     ? IO_SOURCE_ADMINISTRATOR
                          : learned->samples < IO_ENOUGH ? IO_SOURCE_INITIAL
                                                         : IO_SOURCE_LEARNED);
}

static json_t *pool_json(const struct io_pool *p)
{
    json_t *o = json_object();

    json_put_int(o, "per_job", io_per_job(&p->given_job, &p->job));
    json_put_int(o, "per_start", io_per_start(&p->given_start, &p->start, IO_SUM_MOST));
    json_put_int(o, "samples", p->job.samples);
    json_put_str(o, "source", source_of(&p->given_job, &p->job));
    json_put_int(o, "start_samples", p->start.samples);
    json_put_str(o, "start_source", source_of(&p->given_start, &p->start));
    return o;
}

/* What is learned moves with every sample: told by the minute; what is given, at once. */
void publish_io_pools(struct bcenter *bc)
{
    int64_t now = clock_boot_ms();
    struct io_pool *p, *next;

    HASH_ITER(hh, bc->m.io_pools, p, next)
    {
        if (!module_pool(&bc->m, &p->id) || (p->shown_ms && now - p->shown_ms < SHOW_MS))
            continue;
        p->shown_ms = now;
        sync_set_put(bc->observed, "", "pool_io", &p->id, pool_json(p));
    }
}

static int waiting_on(struct module *m, const struct bserver *b)
{
    struct operation *op, *next;
    int n = 0;

    HASH_ITER(hh, m->operations, op, next)
    {
        const struct desktop *d = op->waiting ? module_desktop(m, &op->target) : NULL;

        n += d && d->bserver == b;
    }
    return n;
}

json_t *publish_io_summary(struct module *m, int64_t boot_ms)
{
    struct bserver *b, *next;
    json_t *list = json_array();

    HASH_ITER(hh, m->bservers, b, next)
    {
        json_t *o;

        if (b->left)
            continue;
        o = json_object();
        json_put_str(o, "id", b->id.s);
        json_put_str(o, "name", b->name);
        json_put_bool(o, "up", bserver_up(b, boot_ms));
        json_put_int(o, "total_uio", io_host_look(m, b, boot_ms));
        json_put_int(o, "limit_uio", io_limit_now(&b->io.limit));
        json_put_str(o, "source", io_source_word(io_limit_source(&b->io.limit)));
        io_json_count(o, "measured_uio", b->io.sample_ms ? b->io.sample.total : -1);
        io_json_count(o, "us_per_request", b->io.sample_ms ? b->io.sample.us_per_request : -1);
        io_json_count(o, "nic_dropped", b->io.sample_ms ? b->io.sample.dropped : -1);
        json_put_time(o, "sampled", b->io.sample_wall);
        json_put_int(o, "waiting", waiting_on(m, b));
        json_array_append_new(list, o);
    }
    return list;
}

void publish_io_metrics(const json_t *summary, FILE *page)
{
    static const struct {
        const char *name, *member, *help;
    } each[] = {
        { "bic_io_total_uio", "total_uio",
          "Micro-requests per second that a bServer's desktops are charged." },
        { "bic_io_limit_uio", "limit_uio",
          "The limit of a bServer, never reached by what is begun." },
        { "bic_io_waiting", "waiting", "Operations on a bServer's desktops that wait for I/O." },
    };
    const json_t *b;
    size_t k;

    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        fprintf(page, "# HELP %s %s\n# TYPE %s gauge\n", each[i].name, each[i].help, each[i].name);
        json_array_foreach(summary, k, b)
        {
            fprintf(page, "%s{bserver=\"%s\"} %lld\n", each[i].name, json_str(b, "id"),
                    (long long)json_num(b, each[i].member, 0));
        }
    }
}
