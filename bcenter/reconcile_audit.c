/*
 * The audit, on its way to the CCC. `observed` shows at most AUDIT_ROOM rows of the table, the
 * oldest that the CCC has not: a row leaves when the CCC's cursor has passed it, and the next comes
 * in. How far that is is stored, so that a restart goes on there.
 */
#include <string.h>

#include "bcenter/reconcile.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "sql/module/login.h"

/* BATCH: leaving is a message too, so rows leave together. */
enum { PAGE = 500, BATCH = 100 };

static bool place_of(const PGresult *r, int i, struct audit_place *p)
{
    const char *rev = db_text(r, i, "rev");

    if (!rev)
        return false;
    snprintf(p->rev, sizeof p->rev, "%s", rev);
    p->no = db_int(r, i, "no", 0);
    return true;
}

int reconcile_audit_open(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *check = NULL, *r = NULL;

    if (bc->audit.open)
        return 0;
    if (db_run(db, &Q_audit_check, NULL, &check, e) < 0 ||
        db_run(db, &Q_audit_told, NULL, &r, e) < 0)
        return -1;
    if (db_rows(r) != 1 || !place_of(r, 0, &bc->audit.last))
        return err_set(e, ERR_INTERNAL, "the module's database does not know what it has told");
    if (db_flag(check, 0, "renewed") == 1)
        log_warn("audit=renewed reason=\"the database was restored into another cluster\"");
    bc->audit.open = true;
    return 0;
}

void reconcile_audit_passed(struct bcenter *bc, const char *cursor)
{
    struct audit_feed *f = &bc->audit;
    int64_t rev, known = __atomic_load_n(&f->passed, __ATOMIC_RELAXED);

    if (!sync_set_passed(bc->observed, cursor, &rev))
        return;
    do { /* the other xCenter's link tells too, and one may tell of what is long past */
        if (rev <= known)
            return;
    } while (!__atomic_compare_exchange_n(&f->passed, &known, rev, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    if (__atomic_load_n(&f->full, __ATOMIC_RELAXED))
        bcenter_poke(bc);
}

static struct audit_place *held(struct audit_feed *f, int i)
{
    return &f->held[(f->first + i) % AUDIT_ROOM];
}

/* How many of the oldest the CCC has. A row may be stamped anew in the set: then it has it later.
 */
static int taken(struct bcenter *bc)
{
    int64_t passed = __atomic_load_n(&bc->audit.passed, __ATOMIC_RELAXED);
    int n = 0;

    while (n < bc->audit.n) {
        int64_t rev = sync_set_rev(bc->observed, "", "audit", &held(&bc->audit, n)->id);

        if (rev < 0 || rev >= passed)
            break;
        n++;
    }
    return n;
}

/* Written down before they leave: a row that is in neither would be lost by a restart. */
static int let_go(struct bcenter *bc, int n, struct err *e)
{
    struct audit_feed *f = &bc->audit;
    char no[24];

    snprintf(no, sizeof no, "%lld", (long long)held(f, n - 1)->no);
    if (db_run(bc->reconcile_db, &Q_audit_tell, DB_ARGS(held(f, n - 1)->rev, no), NULL, e) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        sync_set_del(bc->observed, "", "audit", &held(f, i)->id);
    f->first = (f->first + n) % AUDIT_ROOM;
    f->n -= n;
    return 0;
}

/* False: it is not in the set (no memory). */
static bool put(struct bcenter *bc, const PGresult *r, int i)
{
    static const char *const same[] = { "actor_id",  "actor_name", "action",   "target_kind",
                                        "target_id", "result",     "trace_id", "detail" };
    struct audit_feed *f = &bc->audit;
    struct audit_place *p = held(f, f->n);
    json_t *o;

    if (!id_parse(db_text(r, i, "id"), &p->id) || !place_of(r, i, p))
        return false;
    o = json_object();
    json_put_time(o, "at", db_int(r, i, "at_ms", 0));
    for (size_t k = 0; k < sizeof same / sizeof *same; k++)
        json_put_str(o, same[k], db_text(r, i, same[k]));
    sync_set_put(bc->observed, "", "audit", &p->id, o);
    if (sync_set_rev(bc->observed, "", "audit", &p->id) < 0)
        return false;
    f->last = *p;
    f->n++;
    return true;
}

/* 1: a whole page came in, there may be more. */
static int take_page(struct bcenter *bc, struct err *e)
{
    struct audit_feed *f = &bc->audit;
    auto_result PGresult *r = NULL;
    int room = AUDIT_ROOM - f->n < PAGE ? AUDIT_ROOM - f->n : PAGE;
    char no[24], limit[16];

    snprintf(no, sizeof no, "%lld", (long long)f->last.no);
    snprintf(limit, sizeof limit, "%d", room);
    if (db_run(bc->reconcile_db, &Q_audit_after, DB_ARGS(f->last.rev, no, limit), &r, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(r); i++)
        if (!put(bc, r, i))
            return err_set(e, ERR_INTERNAL, "out of memory");
    return db_rows(r) == room;
}

static int move_on(struct bcenter *bc, struct err *e)
{
    struct audit_feed *f = &bc->audit;
    int n, rc = 1;

    if (reconcile_audit_open(bc, bc->reconcile_db, e) < 0)
        return -1;
    n = taken(bc);
    if ((n >= BATCH || f->n == AUDIT_ROOM) && n > 0 && let_go(bc, n, e) < 0)
        return -1;
    while (rc > 0 && f->n < AUDIT_ROOM)
        rc = take_page(bc, e);
    __atomic_store_n(&f->full, f->n == AUDIT_ROOM, __ATOMIC_RELAXED);
    return rc < 0 ? -1 : 0;
}

void reconcile_audit(struct bcenter *bc)
{
    struct err e = { 0 };

    if (move_on(bc, &e) < 0)
        log_err("audit", &e);
}
