#include "bcenter/reconcile.h"

#include <unistd.h>

#include "bcenter/leader.h"
#include "bcenter/login.h"
#include "bcenter/publish.h"
#include "bcenter/ticket_issue.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/module/io.h"
#include "sql/module/login.h"
#include "sql/module/module.h"

enum { PURGE_MS = 600000, PACE_MS = 40, SHOW_MS = 1000 };

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

static void purge(struct bcenter *bc)
{
    static const struct db_stmt *const each[] = { &Q_purge_sessions,   &Q_purge_overlays,
                                                  &Q_purge_operations, &Q_purge_placements,
                                                  &Q_purge_keys,       &Q_audit_purge_old,
                                                  &Q_purge_io_moves,   &Q_purge_io_pools };
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
    reconcile_vfs(bc);
    reconcile_io(bc);
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
