#include <string.h>

#include "bcenter/desktop_next.h"
#include "bcenter/publish.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/module.h"

enum { RETRY_MIN_MS = 5000, RETRY_MAX_MS = 300000, STARTS_A_HOST = 8, STARTS_A_CORE = 2 };
enum { STRANGER_MS = 60000, HUNG_MS = 900000 };

static bool starting(const struct desktop *d)
{
    return !desktop_running(d) && (id_set(&d->row.run) || d->busy); /* busy: it may be about to */
}

/* A machine that boots keeps a core busy. */
static bool cores_for_start(const struct bserver *b)
{
    int64_t most = STARTS_A_CORE * b->cores, n = 0;

    for (int i = 0; i < b->nslots; i++)
        n += b->slots[i].desktop && starting(b->slots[i].desktop);
    return n < (most < STARTS_A_HOST ? STARTS_A_HOST : most);
}

/* The I/O law, for a spare: people who wait on this host go first. A thousand spares may wait: what
 * this round has refused on a host it does not add up again for as much or more. */
static bool io_for_start(struct bcenter *bc, struct desktop *d, int64_t now)
{
    struct bserver *b = d->bserver;
    struct io_ask a;
    int64_t more;

    if (!b || b->io.waits)
        return false;
    a = io_host_ask(&bc->m, d, IO_WANT_START, now);
    more = a.after - a.before;
    if (b->io.refused && more >= b->io.refused)
        return false;
    if (io_host_fits(&bc->m, d, IO_WANT_START, now, NULL))
        return true;
    b->io.refused = more > 0 ? more : 1;
    return false;
}

/* A host that does not answer says nothing about its screens. */
static int64_t closed_for(const struct desktop *d, int64_t now)
{
    if (!d->session || d->session->screen_open || !bserver_up(d->bserver, now))
        return -1;
    return now - d->session->screen_at;
}

static bool disabled(struct bcenter *bc, const struct desktop *d)
{
    struct person *p = d->session ? module_person(&bc->m, &d->session->person) : NULL;

    return p && p->disabled;
}

static bool stranger_long(const struct session *s, int64_t now)
{
    return s->stranger_at && now - s->stranger_at >= STRANGER_MS;
}

/*
 * Nothing entitles her to this desktop's pool any more; what else she has here does not matter.
 * Entitlements that are being rearranged look the same for a moment, so this must last.
 */
static bool stranger(struct bcenter *bc, struct desktop *d, int64_t now)
{
    struct session *s = d->session;

    if (!s)
        return false;
    if (module_entitled(&bc->m, &s->person, &d->row.pool))
        s->stranger_at = 0;
    else if (!s->stranger_at)
        s->stranger_at = now;
    return stranger_long(s, now);
}

/* Before our start, or since it: what is older than we are is counted from our first look. */
static bool hung(struct desktop *d, int64_t now)
{
    if (!id_set(&d->row.run) || d->session || d->op || desktop_ready(d, now) ||
        !bserver_up(d->bserver, now))
        return false;
    if (!d->run_at)
        d->run_at = now;
    return now - d->run_at >= HUNG_MS;
}

/* What became of the run that was asked for. */
static void run_facts(const struct desktop *d, struct next_facts *f)
{
    bool failed = d->error_slug[0];

    f->wanted_on = id_set(&d->row.run);
    f->alive = desktop_running(d);
    f->other_boot = f->wanted_on && d->bserver && strcmp(d->row.run_boot, d->bserver->boot) != 0;
    f->run_ended =
        f->wanted_on && id_eq(&d->last_run, &d->row.run) && !id_eq(&d->seen_run, &d->row.run);
    f->overlay_failed = failed && id_eq(&d->error_for, &d->row.overlay);
    f->run_failed = f->wanted_on && !f->alive &&
                    (f->overlay_failed || (failed && id_eq(&d->error_for, &d->row.run)));
}

static struct next_facts facts_of(struct bcenter *bc, struct desktop *d, int64_t now)
{
    struct next_facts f = { .deleting = d->row.deleting,
                            .seen = d->seen,
                            .floating = d->row.floating };

    run_facts(d, &f);
    f.busy = d->busy || d->unsure;
    f.host_up = d->bserver && bserver_up(d->bserver, now);
    f.host_left = d->bserver && d->bserver->left;
    f.maintenance = d->bserver && d->bserver->maintenance;
    f.person = id_set(&d->row.person);
    f.session = d->session != NULL;
    f.op_open = d->op != NULL;
    f.missing = d->observed == OBSERVED_MISSING;
    f.used = id_set(&d->used_by);
    f.surplus = d->surplus;
    f.stale = d->renew && (!f.wanted_on || io_for_start(bc, d, now));
    f.want_running = d->want_running && !f.wanted_on && d->bserver && cores_for_start(d->bserver) &&
                     io_for_start(bc, d, now);
    f.barred = disabled(bc, d) || stranger(bc, d, now);
    f.hung = hung(d, now);
    f.closed_ms = closed_for(d, now);
    f.assigned_ms = d->row.assigned ? clock_wall_ms() - d->row.assigned : 0;
    f.logoff_ms = bc->config->floating_logoff_s * 1000;
    f.retry_in_ms = d->retry_at - now;
    return f;
}

static void back_off(struct desktop *d, int64_t now)
{
    int64_t wait = RETRY_MIN_MS << (d->failures < 6 ? d->failures : 6);

    d->failures++;
    d->retry_at = now + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

/* Why a start that was waited for will not come: in the agent's words if it has some. */
static void fail_operation(const struct desktop *d, struct change *c)
{
    enum err_code code = d->error_slug[0] ? err_from_slug(d->error_slug) : ERR_VM_STATE;

    if (!d->op || d->op->verb == VERB_SHUTDOWN || d->op->verb == VERB_STOP)
        return;
    c->op = d->op->id;
    c->op_state = OP_FAILED;
    c->op_stage = d->op->stage;
    c->op_error = code == ERR_NONE ? ERR_VM_FAILED : code;
    snprintf(c->op_detail, sizeof c->op_detail, "%s",
             d->error_slug[0] ? d->error_detail
                              : "the machine switched itself off or its host was restarted");
}

static void run_ended(struct bcenter *bc, struct desktop *d, struct change *c, int64_t now)
{
    bool gave_up = !d->session && !id_eq(&d->ready_run, &d->row.run);

    change_end_session(d, c, "run-ended");
    fail_operation(d, c);
    change_stop(c, d->row.destroy);
    if (d->row.floating && id_set(&d->row.person))
        change_free(&bc->m, d, c);
    if (gave_up)
        back_off(d, now);
    else
        d->failures = 0;
    c->action = "desktop.run-end";
    c->detail = observed_word(d->observed);
}

static void renew(struct bcenter *bc, struct desktop *d, struct change *c, int64_t now)
{
    struct pool *p = module_pool(&bc->m, &d->row.pool);
    struct image_version *v = p ? module_image(&bc->m, &p->image_version) : NULL;

    change_stop(c, true);
    if (p && !json_equal(p->spec, d->row.spec) && !id_set(&d->used_by)) {
        c->row.deleting = true; /* another kind of machine: its place is counted anew */
        return;
    }
    change_renew(c, v ? v->body : NULL);
    if (d->error_slug[0])
        back_off(d, now);
}

static void log_off(struct bcenter *bc, struct desktop *d, struct change *c, int64_t now)
{
    bool off = disabled(bc, d), gone = stranger_long(d->session, now);

    change_end_session(d, c, off ? "disabled" : gone ? "not-entitled" : "idle");
    if (d->row.floating)
        change_free(&bc->m, d, c);
    c->action = "connection.end";
    c->detail = off    ? "the person was disabled"
                : gone ? "the person is not entitled to this pool any more"
                       : "the screen was closed too long";
}

/* Lock held. What the action writes; false: nothing after all. */
static bool edit(struct bcenter *bc, struct desktop *d, enum next next, struct change *c,
                 int64_t now)
{
    switch (next) {
    case NEXT_RUN_ENDED: run_ended(bc, d, c, now); return true;
    case NEXT_SESSION_END: log_off(bc, d, c, now); return true;
    case NEXT_RELEASE: change_free(&bc->m, d, c); return true;
    case NEXT_RENEW: renew(bc, d, c, now); return true;
    case NEXT_DELETE:
        change_stop(c, true);
        c->row.deleting = true;
        c->action = verb_action(VERB_DELETE);
        c->detail = "its pool wants fewer";
        return true;
    case NEXT_RESTART:
        change_stop(c, true);
        back_off(d, now);
        c->action = "desktop.restart";
        c->detail = "its guest did not come up";
        return true;
    case NEXT_START: reconcile_new_run(c, d); return true;
    case NEXT_FORGET:
    case NEXT_NOTHING: break;
    }
    return false;
}

/* Lock held. Its VF may have another run than memory says: read again with its bServer. */
static void look_again(struct bcenter *bc, const struct id *id)
{
    struct desktop *d = module_desktop(&bc->m, id);

    if (d && d->vf && d->bserver)
        d->bserver->stored = false;
}

static void forget(struct bcenter *bc, const struct id *id, int64_t generation,
                   const struct id *vf_run)
{
    struct id check = id_new();
    auto_result PGresult *r = NULL;
    struct err e = { 0 };
    char number[24], epoch[24];
    int rc;

    snprintf(number, sizeof number, "%lld", (long long)generation);
    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    rc = db_run(bc->reconcile_db, &Q_desktop_forget,
                DB_ARGS(id->s, number, id_set(vf_run) ? vf_run->s : NULL, check.s, epoch), &r, &e);
    if (rc == 0)
        rc = store_outcome(r, &e);
    if (rc < 0) {
        log_err("desktop-forget", &e);
        desktop_reload(bc, bc->reconcile_db, id);
        module_lock(&bc->m);
        look_again(bc, id);
        module_unlock(&bc->m);
        return;
    }
    module_lock(&bc->m);
    desktop_forgotten(bc, id, &check);
    module_unlock(&bc->m);
}

enum next reconcile_decide(struct bcenter *bc, struct desktop *d, int64_t now, struct change *c)
{
    struct next_facts f;
    enum next next;

    if (desktop_ready(d, now))
        d->failures = 0;
    f = facts_of(bc, d, now);
    next = desktop_next(&f);
    if (next == NEXT_FORGET || next == NEXT_NOTHING)
        return next;
    change_begin(d, c);
    if (edit(bc, d, next, c, now)) {
        if (next == NEXT_START) {
            struct io_ask a;

            io_host_fits(&bc->m, d, IO_WANT_START, now, &a);
            d->io.held = a.after;
        }
        return next;
    }
    change_drop(bc, c);
    return NEXT_NOTHING;
}

/* Changes that are decided and not yet written. */
struct changes {
    struct change all[CHANGES_MOST];
    int n;
};

static void write_all(struct bcenter *bc, struct changes *ch)
{
    change_commit_all(bc, bc->reconcile_db, ch->all, ch->n);
    ch->n = 0;
}

static void reconcile_desktop(struct bcenter *bc, const struct id *id, struct changes *ch)
{
    struct change *c = &ch->all[ch->n];
    struct id vf_run;
    int64_t generation;
    struct desktop *d;
    enum next next;

    module_lock(&bc->m);
    d = module_desktop(&bc->m, id);
    if (!d) {
        module_unlock(&bc->m);
        return;
    }
    next = reconcile_decide(bc, d, clock_boot_ms(), c);
    generation = d->row.generation;
    vf_run = d->vf ? d->vf->run : (struct id){ "" };
    ch->n += next != NEXT_FORGET && next != NEXT_NOTHING;
    module_unlock(&bc->m);
    if (next == NEXT_FORGET)
        forget(bc, id, generation, &vf_run);
    if (ch->n == CHANGES_MOST)
        write_all(bc, ch);
}

/* What became of their last write is not known: read until the database says. */
static void ask_again(struct bcenter *bc, const struct id *id)
{
    struct desktop *d;
    bool ours;

    module_lock(&bc->m);
    d = module_desktop(&bc->m, id);
    ours = d && d->unsure && !d->busy;
    if (ours)
        d->busy = true;
    module_unlock(&bc->m);
    if (!ours)
        return;
    desktop_reload(bc, bc->reconcile_db, id);
    module_lock(&bc->m);
    d = module_desktop(&bc->m, id);
    if (d)
        d->busy = false;
    pthread_cond_broadcast(&bc->m.changed);
    module_unlock(&bc->m);
}

void reconcile_unsure(struct bcenter *bc)
{
    struct desktop *d, *next;
    struct id *ids;
    int n = 0;

    module_lock(&bc->m);
    ids = calloc(HASH_COUNT(bc->m.desktops) + 1, sizeof *ids);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        if (ids && d->unsure)
            ids[n++] = d->row.id;
    }
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++)
        ask_again(bc, &ids[i]);
    free(ids);
}

void reconcile_desktops(struct bcenter *bc)
{
    struct changes *ch = calloc(1, sizeof *ch);
    struct id *ids;
    int n;

    if (!ch)
        return;
    module_lock(&bc->m);
    RECONCILE_IDS(&bc->m, desktop, desktops, row.id, ids, n);
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++)
        reconcile_desktop(bc, &ids[i], ch);
    write_all(bc, ch);
    free(ids);
    free(ch);
}
