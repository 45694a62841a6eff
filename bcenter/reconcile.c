#include "bcenter/reconcile.h"

#include <unistd.h>

#include "bcenter/leader.h"
#include "bcenter/login.h"
#include "bcenter/publish.h"
#include "bcenter/ticket_issue.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/module/login.h"
#include "sql/module/module.h"

enum { PURGE_MS = 600000, AUDIT_PAGES = 10, PACE_MS = 40, SHOW_MS = 1000 };

void reconcile_new_run(struct change *c, const struct desktop *d)
{
    c->row.run = id_new();
    snprintf(c->row.run_boot, sizeof c->row.run_boot, "%s", d->bserver->boot);
}

int reconcile_commit(struct bcenter *bc, struct change *c)
{
    struct err e = { 0 };

    if (change_commit(bc, bc->reconcile_db, c, &e) == 0)
        return 0;
    log_err("reconcile", &e);
    return -1;
}

static void put_audit(struct bcenter *bc, const PGresult *r, int i)
{
    static const char *const same[] = { "actor_id",  "actor_name", "action",   "target_kind",
                                        "target_id", "result",     "trace_id", "detail" };
    struct id id, *old = &bc->audit_ring[bc->audit_at];
    json_t *o;

    bc->audit_no = db_int(r, i, "no", bc->audit_no);
    if (!id_parse(db_text(r, i, "id"), &id))
        return;
    o = json_object();
    json_put_time(o, "at", db_int(r, i, "at_ms", 0));
    for (size_t k = 0; k < sizeof same / sizeof *same; k++)
        json_put_str(o, same[k], db_text(r, i, same[k]));
    sync_set_put(bc->observed, "", "audit", &id, o);
    /* The set holds the newest; older ones stay in the database. */
    if (id_set(old))
        sync_set_del(bc->observed, "", "audit", old);
    *old = id;
    bc->audit_at = (bc->audit_at + 1) % (int)(sizeof bc->audit_ring / sizeof *bc->audit_ring);
}

/* A start offers the newest that the set has room for; the CCC takes each in once, by its id. */
static int find_start(struct bcenter *bc, struct err *e)
{
    const int64_t room = (int64_t)(sizeof bc->audit_ring / sizeof *bc->audit_ring);
    auto_result PGresult *r = NULL;
    int64_t newest;

    if (bc->audit_no >= 0)
        return 0;
    if (db_run(bc->reconcile_db, &Q_audit_newest, NULL, &r, e) < 0)
        return -1;
    newest = db_int(r, 0, "no", 0);
    bc->audit_no = newest > room ? newest - room : 0;
    return 0;
}

void reconcile_audit(struct bcenter *bc)
{
    for (int page = 0; page < AUDIT_PAGES; page++) {
        auto_result PGresult *r = NULL;
        struct err e = { 0 };
        char no[24];

        if (find_start(bc, &e) < 0) {
            log_err("audit", &e);
            return;
        }
        snprintf(no, sizeof no, "%lld", (long long)bc->audit_no);
        if (db_run(bc->reconcile_db, &Q_audit_after, DB_ARGS(no), &r, &e) < 0) {
            log_err("audit", &e);
            return;
        }
        for (int i = 0; i < db_rows(r); i++)
            put_audit(bc, r, i);
        if (db_rows(r) < 500)
            return;
    }
}

static void purge(struct bcenter *bc)
{
    static const struct db_stmt *const each[] = { &Q_purge_sessions,   &Q_purge_overlays,
                                                  &Q_purge_operations, &Q_purge_placements,
                                                  &Q_purge_keys,       &Q_audit_purge_old };
    static int64_t next;
    int64_t now = clock_boot_ms();

    if (now < next)
        return;
    next = now + PURGE_MS;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct err e = { 0 };

        if (db_run(bc->reconcile_db, each[i], NULL, NULL, &e) < 0)
            log_err("purge", &e);
    }
    login_sweep(bc, bc->reconcile_db);
}

static void show(struct bcenter *bc)
{
    static int64_t next_ms;
    struct desktop *d, *next;
    int64_t running = 0;

    if (clock_boot_ms() < next_ms)
        return;
    next_ms = clock_boot_ms() + SHOW_MS;

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.desktops, d, next)
    {
        running += desktop_running(d);
    }
    metric_set(METRIC_DESKTOPS, (int64_t)HASH_COUNT(bc->m.desktops));
    metric_set(METRIC_DESKTOPS_RUNNING, running);
    publish_silence(bc);
    module_unlock(&bc->m);
}

void reconcile_tick(void *arg)
{
    struct bcenter *bc = arg;
    struct err e = { 0 };

    ticket_issue_expire(bc);
    if (login_forget(bc, bc->reconcile_db, &e) < 0)
        log_err("login-forget", &e);
    if (!__atomic_load_n(&bc->settled, __ATOMIC_ACQUIRE) || !leader_valid(bc))
        return;
    reconcile_unsure(bc);
    reconcile_hosts(bc);
    reconcile_operations(bc);
    reconcile_pools(bc);
    reconcile_desktops(bc);
    reconcile_audit(bc);
    show(bc);
    purge(bc);
}

/* What each connect wakes us for is done for all of them at once. */
void reconcile_turn(void *arg)
{
    static int64_t last;
    int64_t now = clock_boot_ms();

    if (last && now - last < PACE_MS)
        usleep((useconds_t)(PACE_MS - (now - last)) * 1000);
    last = clock_boot_ms();
    reconcile_tick(arg);
}
