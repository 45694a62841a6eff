#include <string.h>

#include "bserver-agent/machine.h"

bool machine_active(enum machine_power p)
{
    return p == MACHINE_STARTING || p == MACHINE_RUNNING || p == MACHINE_PAUSED;
}

const char *machine_action_word(enum machine_action a)
{
    static const char *const words[] = {
        [MACHINE_REST] = "rest",           [MACHINE_WAIT_IMAGE] = "wait-image",
        [MACHINE_ADOPT] = "adopt",         [MACHINE_SHUTDOWN] = "shutdown",
        [MACHINE_DESTROY] = "destroy",     [MACHINE_FINISH] = "finish",
        [MACHINE_SUSPECT] = "suspect",     [MACHINE_RECYCLE] = "recycle",
        [MACHINE_MAKE_DISK] = "make-disk", [MACHINE_START] = "start",
        [MACHINE_ORDER] = "order",
    };

    return words[a];
}

/* It runs and should not. */
static enum machine_action stop(const struct wanted *w, const struct machine_seen *s, int64_t now)
{
    if (w->destroy || w->deleting || s->power == MACHINE_PAUSED)
        return MACHINE_DESTROY;
    if (!s->shutdown_since)
        return MACHINE_SHUTDOWN;
    if (now - s->shutdown_since >= MACHINE_SHUTDOWN_MS)
        return MACHINE_DESTROY;
    return now - s->shutdown_last >= MACHINE_AGAIN_MS ? MACHINE_SHUTDOWN : MACHINE_REST;
}

/* The wanted run runs: is there an order for it that nobody has begun? */
static enum machine_action order(const struct wanted *w, const struct machine_intent *i, int *index)
{
    for (int n = 0; n < w->norders; n++)
        if (i->orders[n] == INTENT_ORDER_NONE && id_eq(&w->orders[n].run, &w->run)) {
            *index = n;
            return MACHINE_ORDER;
        }
    return MACHINE_REST;
}

static enum machine_action while_active(const struct wanted *w, const struct machine_seen *s,
                                        const struct machine_intent *i, int64_t now, int *index)
{
    if (s->power == MACHINE_STARTING) {
        if (now - s->power_since < MACHINE_STUCK_MS)
            return MACHINE_REST; /* provisional: libvirt may be about to give it up */
        return MACHINE_DESTROY;
    }
    if (w->deleting || !id_set(&w->run) || !id_eq(&w->run, &s->run))
        return stop(w, s, now);
    if (!id_eq(&i->last.run, &s->run) || i->last.state != INTENT_RUNNING)
        return MACHINE_ADOPT;
    return order(w, i, index);
}

/* The wanted disk is not there. */
static bool no_disk(const struct wanted *w, const struct machine_seen *s)
{
    return id_set(&w->overlay.id) && !id_eq(&w->overlay.id, &s->overlay);
}

/* Nothing runs and libvirt has no domain: the disk, then the run. */
static enum machine_action while_gone(const struct wanted *w, const struct machine_seen *s,
                                      const struct machine_intent *i, bool has_disks)
{
    if (i->last.state == INTENT_STARTING || i->last.state == INTENT_RUNNING)
        return MACHINE_FINISH;
    if (w->deleting)
        return id_set(&s->overlay) ? MACHINE_RECYCLE : MACHINE_REST;
    if (no_disk(w, s))
        return has_disks && !s->image_here ? MACHINE_WAIT_IMAGE : MACHINE_MAKE_DISK;
    if (!id_set(&w->run) || i->used)
        return MACHINE_REST;
    if (has_disks && !id_set(&s->overlay))
        return MACHINE_REST; /* without a disk there is nothing to start */
    if (has_disks && !s->image_here)
        return MACHINE_WAIT_IMAGE; /* what the disk lies on: a failed start would use the run up */
    return i->suspect ? MACHINE_SUSPECT : MACHINE_START;
}

enum machine_action machine_next(const struct wanted *w, const struct machine_seen *s,
                                 const struct machine_intent *i, bool has_disks, int64_t now,
                                 int *index)
{
    *index = -1;
    if (s->foreign_qemu || s->power == MACHINE_UNKNOWN || now < s->not_before)
        return MACHINE_REST;
    if (machine_active(s->power))
        return while_active(w, s, i, now, index);
    if (s->power == MACHINE_OFF && now - s->power_since < MACHINE_SETTLE_MS &&
        i->last.state == INTENT_STARTING)
        return MACHINE_REST; /* just opened: the first listing is not the truth */
    if (s->power == MACHINE_OFF || s->power == MACHINE_CRASHED)
        return MACHINE_FINISH;
    return while_gone(w, s, i, has_disks);
}
