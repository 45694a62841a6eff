#include "bserver-agent/reconcile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/reconcile_state.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

struct entry *reconcile_entry(struct reconcile *r, const struct id *id, bool make)
{
    struct entry *en;

    HASH_FIND(hh, r->entries, id->s, ID_LEN, en);
    if (en || !make)
        return en;
    en = calloc(1, sizeof *en);
    if (!en)
        return NULL;
    en->id = *id;
    en->seen.power = MACHINE_UNKNOWN; /* until it was looked at */
    en->disk_known = !r->can->disks;
    HASH_ADD(hh, r->entries, id.s, ID_LEN, en);
    return en;
}

void reconcile_wake_locked(struct reconcile *r)
{
    r->woken = true;
    pthread_cond_signal(&r->look_cond);
}

void reconcile_wake(struct reconcile *r)
{
    pthread_mutex_lock(&r->lock);
    reconcile_wake_locked(r);
    pthread_mutex_unlock(&r->lock);
}

void reconcile_intents(struct reconcile *r, const struct wanted *w, struct machine_intent *i)
{
    struct intent *t = r->spec.tools.intents;
    enum err_code code;
    char detail[160];

    memset(i, 0, sizeof *i);
    intent_run(t, &w->id, &i->last);
    i->used = id_set(&w->run) && intent_used(t, &w->id, &w->run);
    i->suspect = intent_lost(t) && !intent_knows(t, &w->id);
    for (int n = 0; n < w->norders; n++)
        i->orders[n] = intent_order(t, &w->orders[n].id, &code, detail);
}

void reconcile_view(struct reconcile *r, struct entry *en, struct machine_view *v)
{
    memset(v, 0, sizeof *v);
    v->id = en->id;
    v->seen = en->seen;
    v->ready_run = en->ready_run;
    v->doing = en->doing;
    v->error = en->error;
    v->error_run = en->error_run;
    v->error_overlay = en->error_overlay;
    v->has_disks = r->can->disks;
    v->has_guest_channel = r->can->guest_channel;
    intent_run(r->spec.tools.intents, &en->id, &v->last);
    if (en->waiting_image) {
        v->doing = MACHINE_WAIT_IMAGE;
        if (r->spec.image_percent)
            v->percent = r->spec.image_percent(r->spec.arg, en->wanted.overlay.sha256);
    }
}

static struct timespec after(struct timespec t, int64_t ms)
{
    t.tv_sec += ms / 1000;
    t.tv_nsec += (ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Lock held. Until then, less when stopping or (for_wake) woken. */
static void wait_until(struct reconcile *r, struct timespec until, bool for_wake)
{
    while (!r->stopping && !(for_wake && r->woken))
        if (pthread_cond_timedwait(&r->look_cond, &r->lock, &until) == ETIMEDOUT)
            return;
}

static void *looker(void *arg)
{
    struct reconcile *r = arg;
    int64_t sweep = r->spec.sweep_ms ? r->spec.sweep_ms : RECONCILE_SWEEP_MS;

    log_about_set(r->about);
    pthread_setname_np(pthread_self(), "looker");
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct timespec begun, ended;

        r->woken = false;
        pthread_mutex_unlock(&r->lock);
        clock_gettime(CLOCK_MONOTONIC, &begun);
        reconcile_look(r);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        pthread_mutex_lock(&r->lock);
        wait_until(r, after(ended, sweep), true);
        wait_until(r, after(begun, RECONCILE_PACE_MS), false);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static int start_looker(struct reconcile *r, struct err *e)
{
    pthread_attr_t attr;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, RECONCILE_STACK);
    rc = pthread_create(&r->looker, &attr, looker, r);
    pthread_attr_destroy(&attr);
    r->has_looker = rc == 0;
    return rc == 0 ? 0 : err_set(e, ERR_OVERLOADED, "no thread for the machines");
}

int reconcile_start(const struct reconcile_spec *spec, struct reconcile **out, struct err *e)
{
    struct reconcile *r = calloc(1, sizeof *r);
    pthread_condattr_t attr;

    if (!r)
        return err_set(e, ERR_INTERNAL, "out of memory");
    r->spec = *spec;
    r->can = hypervisor_abilities(spec->tools.h);
    r->orphans = json_array();
    log_about_get(r->about);
    r->looked_ms = clock_boot_ms(); /* blindness counts from here */
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->look_cond, &attr);
    pthread_cond_init(&r->work_cond, &attr);
    pthread_condattr_destroy(&attr);
    /* Callbacks get the reconcile by what the owner keeps, so it must be there before they run. */
    *out = r;
    if (start_looker(r, e) < 0) {
        *out = NULL;
        reconcile_stop(r);
        return -1;
    }
    return 0;
}

void reconcile_quiet(struct reconcile *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->look_cond);
    pthread_cond_broadcast(&r->work_cond);
    pthread_mutex_unlock(&r->lock);
    if (r->has_looker)
        pthread_join(r->looker, NULL);
    r->has_looker = false;
    listing_free(&r->listing); /* while its connection is open */
    reconcile_work_end(r);
}

void reconcile_stop(struct reconcile *r)
{
    struct entry *en, *next;

    if (!r)
        return;
    reconcile_quiet(r);
    HASH_ITER(hh, r->entries, en, next)
    {
        HASH_DEL(r->entries, en);
        free(en);
    }
    json_decref(r->orphans);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->look_cond);
    pthread_cond_destroy(&r->work_cond);
    free(r);
}

void reconcile_want(struct reconcile *r, const struct id *id, const struct wanted *w)
{
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    en = reconcile_entry(r, id, w != NULL);
    if (en && w) {
        if (!id_eq(&en->wanted.run, &w->run) || !id_eq(&en->wanted.overlay.id, &w->overlay.id) ||
            en->wanted.deleting != w->deleting || en->wanted.destroy != w->destroy) {
            en->fails = 0; /* another order: no waiting for the old one's next try */
            en->seen.not_before = 0;
            memset(&en->error, 0, sizeof en->error);
        }
        en->wanted = *w;
        en->is_wanted = true;
    } else if (en) {
        en->is_wanted = false;
    }
    if (en)
        memset(&en->refused, 0, sizeof en->refused);
    reconcile_wake_locked(r);
    pthread_mutex_unlock(&r->lock);
}

void reconcile_refused(struct reconcile *r, const struct id *id, const struct err *why)
{
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    en = reconcile_entry(r, id, true);
    if (en)
        en->refused = *why; /* what was wanted before stays wanted */
    pthread_mutex_unlock(&r->lock);
}

void reconcile_complete(struct reconcile *r)
{
    pthread_mutex_lock(&r->lock);
    r->complete = true;
    reconcile_wake_locked(r);
    pthread_mutex_unlock(&r->lock);
}

void reconcile_ready(struct reconcile *r, const struct id *id, const struct id *run)
{
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    en = reconcile_entry(r, id, false);
    if (en && id_eq(&en->seen.run, run) && !id_eq(&en->ready_run, run)) {
        en->ready_run = *run;
        reconcile_wake_locked(r);
    }
    pthread_mutex_unlock(&r->lock);
}

bool reconcile_desktop(struct reconcile *r, const struct id *id, struct id *run, int64_t *floor_seq)
{
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    en = reconcile_entry(r, id, false);
    if (en && !en->is_wanted)
        en = NULL;
    if (en && run) {
        memset(run, 0, sizeof *run);
        if (machine_active(en->seen.power))
            *run = en->seen.run;
    }
    if (en && floor_seq)
        *floor_seq = en->wanted.session_floor;
    pthread_mutex_unlock(&r->lock);
    return en != NULL;
}

void reconcile_each_running(struct reconcile *r,
                            void (*visit)(void *arg, const struct id *desktop, const struct id *run,
                                          const struct wanted *w),
                            void *arg)
{
    pthread_mutex_lock(&r->lock);
    for (struct entry *en = r->entries; en; en = en->hh.next)
        if (en->is_wanted && en->seen.power == MACHINE_RUNNING && id_set(&en->seen.run))
            visit(arg, &en->id, &en->seen.run, &en->wanted);
    pthread_mutex_unlock(&r->lock);
}

void reconcile_counts(struct reconcile *r, struct reconcile_counts *out)
{
    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&r->lock);
    for (struct entry *en = r->entries; en; en = en->hh.next) {
        out->desktops += en->is_wanted;
        if (!machine_active(en->seen.power))
            continue;
        out->running++;
        out->memory_mib += en->wanted.memory_mib;
    }
    out->foreign = r->foreign;
    out->orphans = (int64_t)json_array_size(r->orphans);
    out->busy = r->busy;
    out->looked_ms = r->seeing ? r->looked_ms : 0;
    pthread_mutex_unlock(&r->lock);
}

static void drift_add(json_t *list, const char *kind, const char *fmt, const char *what)
{
    char detail[256];

    snprintf(detail, sizeof detail, "%s %s", fmt, what);
    json_array_append_new(list, json_pack("{s:s, s:s}", "kind", kind, "detail", detail));
}

json_t *reconcile_drift(struct reconcile *r)
{
    json_t *list;

    pthread_mutex_lock(&r->lock);
    list = json_deep_copy(r->orphans);
    for (struct entry *en = r->entries; en; en = en->hh.next) {
        if (en->seen.foreign_qemu)
            drift_add(list, "unknown-qemu", "a QEMU that libvirt does not know holds desktop",
                      en->id.s);
        if (en->refused.code != ERR_NONE)
            drift_add(list, "refused", "what is wanted cannot be read, desktop", en->id.s);
    }
    if (clock_boot_ms() - r->looked_ms > 5 * RECONCILE_SWEEP_MS)
        drift_add(list, "hypervisor-silent", "the hypervisor", "does not answer");
    pthread_mutex_unlock(&r->lock);
    if (intent_lost(r->spec.tools.intents))
        drift_add(list, "state-lost", "the agent's state file", "was lost or unreadable");
    return list;
}
