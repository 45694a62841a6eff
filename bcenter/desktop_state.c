#include "bcenter/desktop_state.h"

#include "common/base/id.h"

enum { ANY = -1, ALIVE = -2 /* running or paused */, DOWN = -3 /* neither */ };

/* Each column: ANY or the value that must hold. The first row that fits is the answer. */
static const struct row {
    int deleting, verb, silent, on, observed, ready, session, overlay, failed, busy;
    enum desktop_state state;
} table[] = {
    { 1, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, STATE_DELETING },
    { 0, VERB_REBUILD, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, STATE_REBUILDING },
    { 0, ANY, 1, ANY, ANY, ANY, ANY, ANY, ANY, ANY, STATE_UNKNOWN },
    { 0, VERB_REBOOT, 0, ANY, ALIVE, ANY, ANY, ANY, ANY, ANY, STATE_REBOOTING },
    { 0, VERB_RESET, 0, ANY, ALIVE, ANY, ANY, ANY, ANY, ANY, STATE_REBOOTING },
    { 0, ANY, 0, 1, OBSERVED_RUNNING, 1, 1, ANY, ANY, ANY, STATE_IN_USE },
    { 0, ANY, 0, 1, OBSERVED_RUNNING, 1, 0, ANY, ANY, ANY, STATE_READY },
    { 0, ANY, 0, 0, ALIVE, ANY, ANY, ANY, ANY, ANY, STATE_STOPPING },
    { 0, ANY, 0, 0, ANY, ANY, ANY, ANY, ANY, AGENT_STOPPING, STATE_STOPPING },
    { 0, ANY, 0, 1, OBSERVED_PAUSED, ANY, ANY, ANY, ANY, ANY, STATE_PAUSED },
    { 0, VERB_START, 0, 1, OBSERVED_RUNNING, ANY, ANY, ANY, ANY, ANY, STATE_STARTING },
    { 0, VERB_CONNECT, 0, 1, OBSERVED_RUNNING, ANY, ANY, ANY, ANY, ANY, STATE_STARTING },
    { 0, ANY, 0, 1, OBSERVED_RUNNING, ANY, ANY, ANY, ANY, ANY, STATE_RUNNING },
    { 0, ANY, 0, 1, OBSERVED_CRASHED, ANY, ANY, ANY, ANY, ANY, STATE_CRASHED },
    { 0, ANY, 0, 1, ANY, ANY, ANY, ANY, ANY, AGENT_PREPARING, STATE_PREPARING },
    { 0, ANY, 0, 1, ANY, ANY, ANY, ANY, 0, ANY, STATE_STARTING },
    { 0, ANY, 0, ANY, ANY, ANY, ANY, ANY, 1, ANY, STATE_FAILED },
    { 0, ANY, 0, 0, OBSERVED_CRASHED, ANY, ANY, ANY, ANY, ANY, STATE_CRASHED },
    { 0, ANY, 0, 0, OBSERVED_UNKNOWN, ANY, ANY, ANY, ANY, ANY, STATE_UNKNOWN },
    { 0, ANY, 0, 0, ANY, ANY, ANY, 0, ANY, ANY, STATE_PREPARING },
    { 0, ANY, 0, 0, ANY, ANY, ANY, 1, ANY, ANY, STATE_OFF },
    { ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY, STATE_UNKNOWN },
};

static bool fits(int want, int have)
{
    return want == ANY || want == have;
}

static bool observed_fits(int want, enum observed have)
{
    bool alive = have == OBSERVED_RUNNING || have == OBSERVED_PAUSED;

    if (want == ALIVE || want == DOWN)
        return alive == (want == ALIVE);
    return fits(want, (int)have);
}

enum desktop_state desktop_state_of(const struct state_facts *f)
{
    const struct row *r = table;

    while (!(fits(r->deleting, f->deleting) && fits(r->verb, (int)f->verb) &&
             fits(r->silent, f->silent) && fits(r->on, f->wanted_on) &&
             observed_fits(r->observed, f->observed) && fits(r->ready, f->ready) &&
             fits(r->session, f->live_session) && fits(r->overlay, f->overlay_there) &&
             fits(r->failed, f->failed) && fits(r->busy, (int)f->busy)))
        r++;
    return r->state;
}

const char *desktop_state_word(enum desktop_state s)
{
    static const char *const words[] = { "preparing",  "starting", "stopping", "rebooting",
                                         "rebuilding", "deleting", "running",  "ready",
                                         "in_use",     "paused",   "off",      "crashed",
                                         "unknown",    "failed" };

    return words[s];
}

struct state_facts desktop_facts(const struct desktop *d, int64_t boot_ms)
{
    struct state_facts f = { .deleting = d->row.deleting,
                             .wanted_on = id_set(&d->row.run),
                             .observed = d->observed };

    f.ready = desktop_ready(d, boot_ms);
    f.live_session = d->session != NULL;
    f.silent = !d->bserver || !bserver_up(d->bserver, boot_ms);
    f.overlay_there =
        (d->bserver && !d->bserver->qcow2) || id_eq(&d->seen_overlay, &d->row.overlay);
    if (!d->seen && !f.silent) { /* its host has not said a word about it yet */
        f.observed = OBSERVED_MISSING;
        f.overlay_there = false;
    }
    f.failed = d->error_slug[0] &&
               (id_eq(&d->error_for, &d->row.run) || id_eq(&d->error_for, &d->row.overlay));
    f.busy = d->agent_busy;
    f.verb = d->op ? d->op->verb : VERB_NONE;
    return f;
}
