#include "bcenter/io_observed.h"

#include <string.h>

#include "common/base/json.h"

enum { INTERVAL_LEAST_MS = 1000, INTERVAL_MOST_MS = 600000, US_MOST = 1000000000 };

/* A count of somebody else's, as it may be: -1 when nothing is said. */
static int64_t count(const json_t *v, int64_t most)
{
    double n;

    if (!json_is_number(v))
        return -1;
    n = json_number_value(v);
    if (!(n > 0))
        return 0;
    return n >= (double)most ? most : json_is_integer(v) ? json_integer_value(v) : (int64_t)n;
}

static int64_t or_zero(int64_t n)
{
    return n < 0 ? 0 : n;
}

/* ---- a desktop ---- */

static void take_rate(struct desktop *d, const json_t *desktops)
{
    const json_t *v = json_object_get(desktops, d->row.id.s);
    int64_t rate = count(json_array_get(v, 0), IO_MOST);

    d->io.run = (struct id){ "" };
    d->io.rate = 0;
    if (rate >= 0 && id_parse(json_string_value(json_array_get(v, 1)), &d->io.run))
        d->io.rate = rate;
}

/* The boot's highest rate, and its end: the first sample after its guest was ready. */
static void follow_start(struct module *m, struct desktop *d, const struct io_time *now)
{
    bool measured = id_set(&d->io.run) && id_eq(&d->io.run, &d->row.run);
    struct io_pool *p;

    if (!id_set(&d->row.run) || io_desktop_settled(d, now->boot_ms))
        return;
    if (!id_eq(&d->io.peak_run, &d->row.run)) {
        d->io.peak_run = d->row.run;
        d->io.peak = 0;
    }
    if (!measured) /* counted before it began */
        return;
    if (d->io.rate > d->io.peak)
        d->io.peak = d->io.rate;
    if (!id_eq(&d->io.booted, &d->row.run))
        return;
    d->io.settled = true;
    p = io_pool_entry(m, &d->row.pool);
    if (p) {
        io_mean_sample(&p->start, d->io.peak);
        p->changed++;
    }
}

/* ---- jobs ---- */

struct job_sum {
    struct id pool;
    int64_t sum, n;
};

/* It has had its job for all of the interval, and its start is long over. */
static bool works(const struct desktop *d, const struct io_pool *p, int64_t interval_ms,
                  const struct io_time *now)
{
    if (!d->io.settled || now->boot_ms - d->io.booted_ms < interval_ms)
        return false;
    if (p && p->every_desktop)
        return true;
    return d->session && now->wall_ms - d->session->since >= interval_ms;
}

static void add_job(struct job_sum *sums, int *n, const struct desktop *d)
{
    int i = 0;

    while (i < *n && !id_eq(&sums[i].pool, &d->row.pool))
        i++;
    if (i == *n)
        sums[(*n)++] = (struct job_sum){ .pool = d->row.pool };
    sums[i].sum = io_add(sums[i].sum, d->io.rate);
    sums[i].n++;
}

/* Each pool's mean over this host is one sample. */
static void learn_jobs(struct module *m, struct bserver *b, const struct io_time *now)
{
    struct job_sum sums[MODULE_SLOTS];
    int n = 0;

    for (int i = 0; i < b->nslots; i++) {
        struct desktop *d = b->slots[i].desktop;

        if (d && id_set(&d->row.run) && id_eq(&d->io.run, &d->row.run) &&
            works(d, io_pool_of(m, &d->row.pool), b->io.sample.interval_ms, now))
            add_job(sums, &n, d);
    }
    for (int i = 0; i < n; i++) {
        struct io_pool *p = io_pool_entry(m, &sums[i].pool);

        if (!p)
            continue;
        io_mean_sample(&p->job, sums[i].sum / sums[i].n);
        p->changed++;
    }
}

/* ---- the host ---- */

static void take_figures(struct bserver *b, const json_t *body)
{
    struct io_sample *s = &b->io.sample;
    int64_t interval = count(json_object_get(body, "interval_ms"), INTERVAL_MOST_MS);

    *s = (struct io_sample){ .interval_ms = interval < 0 ? IO_SAMPLE_MS : interval };
    if (s->interval_ms < INTERVAL_LEAST_MS)
        s->interval_ms = INTERVAL_LEAST_MS;
    s->us_per_request = count(json_object_get(body, "us_per_request"), US_MOST);
    s->dropped = or_zero(count(json_object_get(body, "nic_dropped"), IO_MOST));
    b->io.retransmits_ppm = count(json_object_get(body, "screen_retransmits_ppm"), 1000000);
}

void io_observed_take(struct module *m, struct bserver *b, const json_t *body, struct io_time now)
{
    const json_t *desktops = json_object_get(body, "desktops");
    struct io_move move;

    if (!json_is_object(body)) {
        b->io.sample_ms = b->io.sample_wall = 0;
        return;
    }
    take_figures(b, body);
    b->io.sample_ms = now.boot_ms;
    b->io.sample_wall = now.wall_ms;
    for (int i = 0; i < b->nslots; i++) {
        struct desktop *d = b->slots[i].desktop;

        if (!d)
            continue;
        take_rate(d, desktops);
        follow_start(m, d, &now);
        if (id_set(&d->io.run))
            b->io.sample.total = io_add(b->io.sample.total, d->io.rate);
    }
    learn_jobs(m, b, &now);
    b->io.changed++;
    if (io_limit_sample(&b->io.limit, &b->io.sample, &move))
        io_host_moved(b, &move, now.wall_ms);
}
