/* reconcile_vfs — the ledger's next steps, each one compare-and-set statement (docs/vf.md). */
#include "bcenter/publish.h"
#include "bcenter/publish_vf.h"
#include "bcenter/reconcile.h"
#include "bcenter/vf_ledger.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "sql/module/module.h"

/* One step, copied out from under the lock. */
struct step {
    struct id id, check;
    const char *reason;
    enum vf_step what;
};

/* Lock held. */
static struct step step_of(struct module *m, const struct id *id)
{
    struct vf *v = module_vf(m, id);
    struct step s = { .id = *id };

    if (!v)
        return s;
    s.what = vf_ledger_next(v, clock_wall_ms());
    s.check = s.what == VF_STEP_SUSPECT ? id_new() : v->check;
    s.reason = v->seen.ours ? "misused" : "foreign";
    return s;
}

static int store(struct bcenter *bc, const struct step *s, PGresult **r, struct err *e)
{
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    switch (s->what) {
    case VF_STEP_CLEAN:
        return db_run(bc->reconcile_db, &Q_vf_clean, DB_ARGS(s->id.s, s->check.s, epoch), r, e);
    case VF_STEP_SUSPECT:
        return db_run(bc->reconcile_db, &Q_vf_suspect,
                      DB_ARGS(s->id.s, s->check.s, s->reason, epoch), r, e);
    case VF_STEP_FORGET:
        return db_run(bc->reconcile_db, &Q_vf_forget, DB_ARGS(s->id.s, epoch), r, e);
    case VF_STEP_NONE: break;
    }
    return err_set(e, ERR_INTERNAL, "no such step");
}

/* Lock held; the database has taken it. */
static void apply(struct bcenter *bc, struct vf *v, const struct step *s)
{
    bool clean = s->what == VF_STEP_CLEAN;

    if (s->what == VF_STEP_FORGET) {
        publish_vf_gone(bc, v);
        HASH_DEL(bc->m.vfs, v);
        free(v);
        return;
    }
    v->state = clean ? VF_FREE : VF_QUARANTINE;
    v->check = clean ? (struct id){ "" } : s->check;
    if (clean)
        v->mac[0] = '\0';
    snprintf(v->reason, sizeof v->reason, "%s", clean ? "" : s->reason);
    v->since = clock_wall_ms();
    log_info("event=vf-%s vf=%s check=%s", clean ? "free" : "suspect", v->address, s->check.s);
    publish_vf(bc, v);
}

static void one(struct bcenter *bc, const struct id *id)
{
    auto_result PGresult *r = NULL;
    struct err e = { 0 };
    struct step s;
    struct vf *v;
    int rc;

    module_lock(&bc->m);
    s = step_of(&bc->m, id);
    module_unlock(&bc->m);
    if (s.what == VF_STEP_NONE)
        return;
    rc = store(bc, &s, &r, &e);
    if (rc < 0)
        log_err("vf", &e);
    module_lock(&bc->m);
    v = module_vf(&bc->m, id);
    if (v && rc == 0 && db_changed(r) == 1)
        apply(bc, v, &s);
    else if (v && v->bserver)
        v->bserver->stored = false; /* its rows are read again */
    module_unlock(&bc->m);
}

void reconcile_vfs(struct bcenter *bc)
{
    struct id *ids;
    int n;

    module_lock(&bc->m);
    RECONCILE_IDS(&bc->m, vf, vfs, id, ids, n);
    module_unlock(&bc->m);
    for (int i = 0; i < n; i++)
        one(bc, &ids[i]);
    free(ids);
}
