#include "bcenter/leader.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "sql/module/module.h"

static void confirmed(struct bcenter *bc, int64_t before)
{
    __atomic_store_n(&bc->led_until, before + LEADER_VALID_MS, __ATOMIC_RELAXED);
}

bool leader_valid(const struct bcenter *bc)
{
    return clock_boot_ms() < __atomic_load_n(&bc->led_until, __ATOMIC_RELAXED);
}

int leader_take(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *seen = NULL, *mine = NULL;
    int64_t before = clock_boot_ms();
    const char *holder;

    if (db_run(db, &Q_leader_read, NULL, &seen, e) < 0)
        return -1;
    holder = db_text(seen, 0, "holder");
    if (!db_flag(seen, 0, "stale") && (!holder || strcmp(holder, bc->node.id.s) != 0))
        return err_set(e, ERR_NOT_READY, "another process leads this module");
    if (db_run(db, &Q_leader_take, DB_ARGS(bc->node.id.s, db_text(seen, 0, "epoch")), &mine, e) < 0)
        return -1;
    if (db_rows(mine) != 1)
        return err_set(e, ERR_NOT_READY, "another process took the lead");
    bc->m.epoch = db_int(mine, 0, "epoch", 0);
    confirmed(bc, before);
    log_notice("leader epoch=%lld", (long long)bc->m.epoch);
    return 0;
}

void leader_renew(void *arg)
{
    struct bcenter *bc = arg;
    auto_result PGresult *r = NULL;
    struct err e = { 0 };
    int64_t before = clock_boot_ms();
    char epoch[24];

    snprintf(epoch, sizeof epoch, "%lld", (long long)bc->m.epoch);
    if (db_run(bc->leader_db, &Q_leader_renew, DB_ARGS(epoch), &r, &e) < 0) {
        log_err("leader-renew", &e);
        return;
    }
    if (db_changed(r) == 1) {
        confirmed(bc, before);
        return;
    }
    log_error("leader lost epoch=%lld", (long long)bc->m.epoch);
    daemon_quit(3);
}
