#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "bserver-agent/io_source.h"
#include "common/base/clock.h"

/* Of each four requests three are block requests, one is a frame. */
enum { MICRO = 1000000, BLOCK_OF_FOUR = 3 };

/* A run from when it was first seen. */
struct machine {
    struct id desktop, run;
    int64_t since_ms;
    int64_t asked;  /* since the last reading, micro-requests */
    int64_t served; /* since the run began, micro-requests */
    uint64_t block_ns;
    bool runs; /* in this reading */
    UT_hash_handle hh;
};

struct simulated {
    struct io_source source;
    struct io_model model;
    int64_t (*clock)(void);
    struct machine *machines;
    int64_t last_ms; /* of the last reading; 0 = none */
    int64_t dropped; /* micro-requests */
};

static struct machine *machine_of(struct simulated *s, const struct io_desktop *d, int64_t now)
{
    struct machine *m;

    HASH_FIND(hh, s->machines, d->desktop.s, ID_LEN, m);
    if (!m) {
        m = calloc(1, sizeof *m);
        if (!m)
            return NULL;
        m->desktop = d->desktop;
        HASH_ADD(hh, s->machines, desktop.s, ID_LEN, m);
    }
    if (!id_eq(&m->run, &d->run)) {
        m->run = d->run;
        m->since_ms = now;
        m->served = 0;
        m->block_ns = 0;
    }
    m->runs = true;
    return m;
}

static uint64_t blocks(int64_t served)
{
    return (uint64_t)(served / 4 * BLOCK_OF_FOUR / MICRO);
}

/* Everyone gets the same part of what was asked for. */
static void serve(struct machine *m, int64_t asked, const struct io_model_answer *a)
{
    uint64_t before = blocks(m->served);

    if (asked > 0)
        m->served += (int64_t)((__int128)m->asked * a->served / asked);
    m->block_ns += (blocks(m->served) - before) * (uint64_t)a->us_per_request * 1000;
}

static void forget_the_ended(struct simulated *s)
{
    struct machine *m, *next;

    HASH_ITER(hh, s->machines, m, next)
    {
        if (m->runs)
            continue;
        HASH_DEL(s->machines, m);
        free(m);
    }
}

static bool show(const struct machine *m, struct io_reading *out)
{
    struct io_counters *c = io_reading_add(out, &m->desktop, &m->run);

    if (!c)
        return false;
    c->block = blocks(m->served);
    c->block_ns = m->block_ns;
    c->frames = (uint64_t)(m->served / 4 / MICRO);
    return true;
}

static int simulated_read(struct io_source *source, const struct io_desktop *running, int n,
                          struct io_reading *out, struct err *e)
{
    struct simulated *s = (struct simulated *)source;
    int64_t now = s->clock(), ms = s->last_ms ? now - s->last_ms : 0, asked = 0;
    struct io_model_answer a = { 0 };
    struct machine *m;
    bool whole = true;

    for (m = s->machines; m; m = m->hh.next)
        m->runs = false;
    for (int i = 0; i < n; i++) {
        m = machine_of(s, &running[i], now);
        if (!m)
            return err_set(e, ERR_INTERNAL, "out of memory");
        m->asked = io_model_asks(&s->model, &m->desktop, &m->run, now - ms - m->since_ms,
                                 now - m->since_ms, running[i].live);
        asked += m->asked;
    }
    forget_the_ended(s);
    if (ms > 0) {
        a = io_model_answer(&s->model, asked, ms);
        s->dropped += a.dropped;
    }
    s->last_ms = now;
    for (m = s->machines; m; m = m->hh.next) {
        if (ms > 0)
            serve(m, asked, &a);
        whole = whole && show(m, out);
    }
    out->at_ms = now;
    out->dropped = (uint64_t)(s->dropped / MICRO);
    return whole ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static void simulated_close(struct io_source *source)
{
    struct simulated *s = (struct simulated *)source;
    struct machine *m, *next;

    HASH_ITER(hh, s->machines, m, next)
    {
        HASH_DEL(s->machines, m);
        free(m);
    }
    free(s);
}

int io_simulated_open(const struct io_model *model, struct io_source **out, struct err *e)
{
    struct simulated *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->source = (struct io_source){ "model", simulated_read, simulated_close };
    s->model = *model;
    s->clock = clock_boot_ms;
    *out = &s->source;
    return 0;
}

void io_simulated_clock(struct io_source *source, int64_t (*clock)(void))
{
    ((struct simulated *)source)->clock = clock;
}
