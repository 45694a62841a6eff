#include "bserver-agent/host_io.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/host_state.h"
#include "bserver-agent/io_nic.h"
#include "bserver-agent/io_sample.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { SAMPLE_S = 10, STALE_TURNS = 3 };

struct host_io {
    struct host *h;
    struct io_source *source;
    struct io_reading last; /* at_ms 0: none yet */
    int64_t period_ms, sampled_ms;
    atomic_bool vf_counters;
    struct ticker *ticker;
};

struct running {
    struct io_desktop *all;
    int n, room;
};

static void one_running(void *arg, const struct id *desktop, const struct id *run,
                        const struct wanted *w)
{
    struct running *r = arg;
    struct io_desktop *d;

    if (r->n == r->room) {
        int room = r->room ? 2 * r->room : 64;
        struct io_desktop *more = realloc(r->all, (size_t)room * sizeof *more);

        if (!more)
            return;
        r->all = more;
        r->room = room;
    }
    d = &r->all[r->n++];
    *d = (struct io_desktop){ .desktop = *desktop, .run = *run, .live = id_set(&w->live_session) };
    if (w->has_vf && id_eq(run, &w->run)) { /* another run's function is not this one's */
        snprintf(d->pf, sizeof d->pf, "%s", w->vf.pf);
        d->vf = w->vf.index;
    }
}

/* The cards that the screens and the desktops' functions go through. */
static void look_at_cards(struct host *h, struct io_reading *r)
{
    struct io_nics nics = { .n = 0 };

    for (int i = 0; h->spec.display_listen && h->spec.display_listen[i]; i++)
        io_nic_of_listener(&nics, h->spec.display_listen[i]);
    pthread_mutex_lock(&h->lock);
    for (int i = 0; i < h->inventory.nvfs; i++)
        io_nic_add(&nics, h->inventory.vfs[i].pf);
    pthread_mutex_unlock(&h->lock);
    io_nic_below(&nics, "/sys");
    r->dropped = io_nic_dropped(&nics, "/sys", &r->cards);
}

static void look_at_screens(struct host *h, struct io_reading *r)
{
    pthread_rwlock_rdlock(&h->screen_lock);
    r->screens = h->screen != NULL;
    if (h->screen)
        screen_segments(h->screen, &r->sent, &r->resent);
    pthread_rwlock_unlock(&h->screen_lock);
}

static int read_all(struct host_io *io, struct io_reading *out, struct err *e)
{
    struct host *h = io->h;
    struct running running = { 0 };
    int rc;

    reconcile_each_running(h->reconcile, one_running, &running);
    rc = io->source->read(io->source, running.all, running.n, out, e);
    free(running.all);
    if (rc < 0)
        return -1;
    io_reading_sort(out);
    if (hypervisor_abilities(h->hypervisor)->kind != HYPERVISOR_SIMULATED)
        look_at_cards(h, out);
    look_at_screens(h, out);
    return 0;
}

static void turn(void *arg)
{
    struct host_io *io = arg;
    struct io_reading now = { 0 };
    struct io_sample sample;
    struct err e = { 0 };
    int rc = read_all(io, &now, &e);

    if (rc == 0 && io->last.at_ms > 0 && (rc = io_sample(&io->last, &now, &sample, &e)) == 0) {
        report_sample(io->h->report, io->source->word, &sample);
        atomic_store(&io->vf_counters, sample.vf_counters);
        io->sampled_ms = clock_boot_ms();
        io_sample_free(&sample);
    }
    if (now.at_ms > 0) {
        io_reading_free(&io->last);
        io->last = now;
    }
    if (rc < 0)
        log_err("io-sample", &e);
    if (rc < 0 && clock_boot_ms() - io->sampled_ms > STALE_TURNS * io->period_ms)
        report_no_sample(io->h->report);
}

int host_io_start(struct host *h, struct host_io **out, struct err *e)
{
    struct host_io *io = calloc(1, sizeof *io);
    bool simulated = hypervisor_abilities(h->hypervisor)->kind == HYPERVISOR_SIMULATED;

    if (!io)
        return err_set(e, ERR_INTERNAL, "out of memory");
    io->h = h;
    io->period_ms = (h->spec.io_sample_s ? h->spec.io_sample_s : SAMPLE_S) * 1000;
    if ((simulated ? io_simulated_open(&h->spec.io_model, &io->source, e)
                   : io_libvirt_open(h->hypervisor, &io->source, e)) < 0 ||
        ticker_start("io", io->period_ms, turn, io, &io->ticker, e) < 0) {
        host_io_stop(io);
        return -1;
    }
    *out = io;
    return 0;
}

void host_io_stop(struct host_io *io)
{
    if (!io)
        return;
    ticker_stop(io->ticker);
    if (io->source)
        io->source->close(io->source);
    io_reading_free(&io->last);
    free(io);
}

struct report_io host_io_about(const struct host_io *io)
{
    bool model = hypervisor_abilities(io->h->hypervisor)->kind == HYPERVISOR_SIMULATED;

    return (struct report_io){ .source = io->source->word,
                               .model = model ? &io->h->spec.io_model : NULL,
                               .vf_counters = atomic_load(&io->vf_counters) };
}
