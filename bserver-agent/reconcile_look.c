#include <stdio.h>
#include <string.h>

#include "bserver-agent/embedded.h"
#include "bserver-agent/reconcile_state.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { BLIND_MS = 10000, SCAN_LOOKS = 5, SCAN_CONFIRM = 2 };

/* A list of ids that grows: what a look has to tell after it left the lock. */
struct ids {
    struct id *all;
    size_t n, room;
};

static void ids_add(struct ids *l, const struct id *id)
{
    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct id *more = realloc(l->all, room * sizeof *more);

        if (!more)
            return;
        l->all = more;
        l->room = room;
    }
    l->all[l->n++] = *id;
}

/* Disk and image of one desktop, looked at without the lock. */
struct stored {
    struct id id, overlay;
    struct wanted_overlay wanted;
    bool known, found, image_here;
};

static size_t stored_list(struct reconcile *r, struct stored **out)
{
    size_t n = 0;
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    *out = calloc(HASH_COUNT(r->entries) + 1, sizeof **out);
    for (en = r->entries; en && *out; en = en->hh.next)
        if (en->is_wanted && en->doing == MACHINE_REST &&
            (!en->disk_known || !id_eq(&en->seen.overlay, &en->wanted.overlay.id) ||
             (id_set(&en->wanted.run) && !machine_active(en->seen.power))))
            (*out)[n++] = (struct stored){ .id = en->id,
                                           .wanted = en->wanted.overlay,
                                           .known = en->disk_known };
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void look_at_store(struct reconcile *r)
{
    const struct machine_tools *t = &r->spec.tools;
    struct stored *all;
    size_t n = r->can->disks ? stored_list(r, &all) : 0;
    char path[DISK_PATH];

    if (!r->can->disks)
        return;
    for (size_t i = 0; i < n; i++) {
        all[i].found = disk_find(t->disks, &all[i].id, &all[i].overlay);
        all[i].image_here =
            id_set(&all[i].wanted.id) && t->image(t->arg, all[i].wanted.sha256, path, sizeof path);
    }
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < n; i++) {
        struct entry *en = reconcile_entry(r, &all[i].id, false);

        if (!en || en->doing != MACHINE_REST)
            continue;
        if (!en->disk_known) {
            memset(&en->seen.overlay, 0, sizeof en->seen.overlay);
            if (all[i].found)
                en->seen.overlay = all[i].overlay;
            en->disk_known = true;
        }
        en->seen.image_here =
            all[i].image_here && strcmp(all[i].wanted.sha256, en->wanted.overlay.sha256) == 0;
    }
    pthread_mutex_unlock(&r->lock);
    free(all);
}

static void set_power(struct entry *en, enum machine_power power, const struct id *run, int64_t now)
{
    bool same_run = id_eq(&en->seen.run, run);

    if (en->seen.power != power || !same_run)
        en->seen.power_since = now;
    if (!machine_active(power) || !same_run)
        en->seen.shutdown_since = en->seen.shutdown_last = 0;
    if (!same_run)
        memset(&en->ready_run, 0, sizeof en->ready_run);
    en->seen.power = power;
    en->seen.run = *run;
}

/* The listing was taken at t0: desktops on which something was done since then keep what they have.
 */
static void apply(struct reconcile *r, const struct listing *l, int64_t t0)
{
    const struct id none = { "" };
    struct entry *en;

    json_array_clear(r->orphans);
    for (en = r->entries; en; en = en->hh.next)
        en->present = false;
    for (int i = 0; i < l->n; i++) {
        en = reconcile_entry(r, &l->all[i].id, false);
        if (!en || (!en->is_wanted && en->refused.code == ERR_NONE)) {
            if (r->complete)
                json_array_append_new(r->orphans,
                                      json_pack("{s:s, s:s+}", "kind", "orphan", "detail",
                                                "a machine that nobody wants: ", l->all[i].id.s));
            if (!en)
                continue;
        }
        en->present = true;
        if (en->doing == MACHINE_REST && en->done_at < t0)
            set_power(en, l->all[i].power, &l->all[i].run, t0);
    }
    for (en = r->entries; en; en = en->hh.next)
        if (!en->present && en->doing == MACHINE_REST && en->done_at < t0)
            set_power(en, MACHINE_NONE, &none, t0);
    r->foreign = l->foreign;
    r->looked_ms = t0;
    r->seeing = true;
}

static void apply_blindness(struct reconcile *r, int64_t now)
{
    if (now - r->looked_ms < BLIND_MS)
        return;
    for (struct entry *en = r->entries; en; en = en->hh.next)
        if (en->doing == MACHINE_REST)
            en->seen.power = MACHINE_UNKNOWN;
}

static void found_qemu(void *arg, const struct id *desktop, int pid)
{
    (void)pid;
    ids_add(arg, desktop);
}

/* A QEMU of ours that libvirt does not show, in two scans: it blocks its desktop. */
static void apply_scan(struct reconcile *r, const struct ids *seen, int64_t t0)
{
    for (struct entry *en = r->entries; en; en = en->hh.next) {
        bool there = false;

        for (size_t i = 0; i < seen->n && !there; i++)
            there = id_eq(&seen->all[i], &en->id);
        if (!there || machine_active(en->seen.power) || en->doing != MACHINE_REST ||
            en->done_at >= t0)
            en->foreign_looks = 0;
        else
            en->foreign_looks++;
        en->seen.foreign_qemu = en->foreign_looks >= SCAN_CONFIRM;
    }
}

static void dispatch(struct reconcile *r, struct entry *en, int64_t now)
{
    struct machine_intent i;
    int index;
    enum machine_action a;

    en->waiting_image = false;
    if (!en->is_wanted || en->doing != MACHINE_REST || !en->disk_known)
        return;
    reconcile_intents(r, &en->wanted, &i);
    i.suspect = i.suspect && r->can->disks && id_set(&en->seen.overlay);
    a = machine_next(&en->wanted, &en->seen, &i, r->can->disks, now, &index);
    if (a == MACHINE_WAIT_IMAGE)
        en->waiting_image = true;
    if (a == MACHINE_REST || a == MACHINE_WAIT_IMAGE)
        return;
    if (a == MACHINE_START && r->starting >= RECONCILE_STARTS)
        return;
    r->starting += a == MACHINE_START;
    en->doing = a;
    en->index = index;
    en->queued = true;
    r->busy++;
}

/* Forgets desktops that are neither wanted nor there. */
static void sweep_out(struct reconcile *r, struct ids *gone)
{
    struct entry *en, *next;

    HASH_ITER(hh, r->entries, en, next)
    {
        if (en->is_wanted || en->refused.code != ERR_NONE || en->doing != MACHINE_REST)
            continue;
        ids_add(gone, &en->id);
        HASH_DEL(r->entries, en);
        free(en);
    }
}

static void tell(struct reconcile *r, const struct id *id)
{
    const struct reconcile_spec *s = &r->spec;
    bool active, stopped, waiting;
    struct wanted wanted;
    struct machine_view v;
    struct entry *en;

    pthread_mutex_lock(&r->lock);
    en = reconcile_entry(r, id, false);
    if (!en || !en->is_wanted) {
        pthread_mutex_unlock(&r->lock);
        return;
    }
    wanted = en->wanted;
    reconcile_view(r, en, &v);
    v.wanted = &wanted;
    active = machine_active(en->seen.power);
    stopped = en->was_active && !active && en->seen.power != MACHINE_UNKNOWN;
    if (en->seen.power != MACHINE_UNKNOWN)
        en->was_active = active;
    waiting = en->waiting_image;
    pthread_mutex_unlock(&r->lock);
    if (stopped && s->stopped)
        s->stopped(s->arg, id);
    if (active && s->running && id_set(&v.seen.run))
        s->running(s->arg, id, &v.seen.run);
    if (waiting && s->want_image)
        s->want_image(s->arg, &wanted.overlay);
    if (s->report)
        s->report(s->arg, &v);
}

static void decide(struct reconcile *r, struct ids *gone)
{
    int64_t now = clock_boot_ms();

    sweep_out(r, gone);
    for (struct entry *en = r->entries; en; en = en->hh.next)
        dispatch(r, en, now);
    if (r->busy > 0)
        reconcile_work(r);
}

void reconcile_look(struct reconcile *r)
{
    struct ids qemus = { 0 }, all = { 0 }, gone = { 0 };
    bool scan = r->can->disks && r->looks++ % SCAN_LOOKS == 0;
    int64_t t0 = clock_boot_ms();
    struct err e = { 0 };
    int rc = listing_take(r->spec.tools.h, &r->listing, &e);

    if (rc < 0)
        log_err("look", &e);
    if (scan)
        embedded_each_qemu(found_qemu, &qemus);
    look_at_store(r);
    pthread_mutex_lock(&r->lock);
    if (rc == 0)
        apply(r, &r->listing, t0);
    else
        apply_blindness(r, t0);
    if (scan && rc == 0)
        apply_scan(r, &qemus, t0);
    if (rc == 0 && !r->stopping)
        decide(r, &gone);
    for (struct entry *en = r->entries; en; en = en->hh.next)
        ids_add(&all, &en->id);
    pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < all.n; i++)
        tell(r, &all.all[i]);
    for (size_t i = 0; i < gone.n && r->spec.gone; i++)
        r->spec.gone(r->spec.arg, &gone.all[i]);
    if (r->spec.looked)
        r->spec.looked(r->spec.arg);
    free(qemus.all);
    free(all.all);
    free(gone.all);
}
