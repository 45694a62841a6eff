#include "ccc/house.h"

#include "ccc/operation.h"
#include "ccc/session.h"
#include "ccc/wanted.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/ccc/connection.h"
#include "sql/ccc/event.h"
#include "sql/ccc/idempotency.h"

enum { TOMBSTONES_S = 7 * 86400 };

/* Before anything is written at the start, and now and then: is this still the database it was? */
static int check_history(struct ccc *c, struct err *e)
{
    char handed_out[SYNC_CURSOR_MAX];
    bool renewed;

    mark_get(c->mark, handed_out);
    if (wanted_behind(c->house_db, handed_out, e) < 0 || wanted_check(c->house_db, &renewed, e) < 0)
        return -1;
    if (renewed)
        log_warn("sync_history=renewed reason=\"another cluster, timeline or database\"");
    return 0;
}

int house_first(struct ccc *c, struct err *e)
{
    return check_history(c, e);
}

static int tidy(struct ccc *c, struct err *e)
{
    struct db *db = c->house_db;
    char idle[16];

    snprintf(idle, sizeof idle, "%d", SESSION_IDLE_S);
    if (check_history(c, e) < 0 || operation_tidy(db, e) < 0 || wanted_catch_up(db, e) < 0 ||
        wanted_purge(db, TOMBSTONES_S, e) < 0 ||
        db_run(db, &Q_sessions_purge, DB_ARGS(idle), NULL, e) < 0 ||
        db_run(db, &Q_event_purge, NULL, NULL, e) < 0 ||
        db_run(db, &Q_idempotency_purge, NULL, NULL, e) < 0)
        return -1;
    return db_run(db, &Q_connection_forget, NULL, NULL, e);
}

void house_tick(void *ccc)
{
    struct err e = { 0 };

    log_trace_set("house");
    if (tidy(ccc, &e) < 0)
        log_err("house", &e);
    metric_set(METRIC_DB_RETRIES, db_retries());
}
