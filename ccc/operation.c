#include "ccc/operation.h"

#include <stdio.h>
#include <string.h>

#include "ccc/audit.h"
#include "ccc/list.h"
#include "sql/ccc/operation.h"

static int note(struct db *db, const struct operation_order *o, struct err *e)
{
    char action[64];
    struct audit_entry a = { .action = action,
                             .target_kind = o->target_kind,
                             .target_id = o->rq->path_id.s,
                             .target_name = o->target_name };

    snprintf(action, sizeof action, "%s.%s", o->target_kind, o->verb);
    return audit_add(db, o->rq, &a, e);
}

int operation_give(struct db *db, const struct operation_order *o, struct id *id, struct err *e)
{
    auto_result PGresult *open = NULL;
    const struct request *rq = o->rq;
    const char *target = rq->path_id.s, *who = rq->caller.id.s;
    struct id fresh = id_new();
    char seconds[16];

    if (db_run(db, &Q_operation_open, DB_ARGS(target, o->verb), &open, e) < 0)
        return -1;
    if (!o->done && db_rows(open) > 0 && id_parse(db_text(open, 0, "id"), id))
        return 0;
    snprintf(seconds, sizeof seconds, "%d", OPERATION_S);
    if (o->done) {
        if (db_run(db, &Q_operation_add_done,
                   DB_ARGS(fresh.s, o->verb, o->module.s, o->target_kind, target, o->target_name,
                           who, rq->caller.name),
                   NULL, e) < 0)
            return -1;
    } else if (db_run(db, &Q_operation_add,
                      DB_ARGS(fresh.s, o->verb, o->module.s, o->target_kind, target, o->target_name,
                              who, rq->caller.name, seconds),
                      NULL, e) < 0) {
        return -1;
    }
    *id = fresh;
    return note(db, o, e);
}

int operation_read(struct db *db, const struct id *id, json_t **body, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_operation_get, DB_ARGS(id->s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such operation");
    return list_body(r, 0, body, e);
}

void operation_key(const char *id, char to[OPERATION_KEY])
{
    snprintf(to, OPERATION_KEY, "operation:%s", id);
}

static int tidy_tx(struct db *db, void *arg, struct err *e)
{
    (void)arg;
    if (db_run(db, &Q_operation_expire, NULL, NULL, e) < 0 ||
        db_run(db, &Q_operation_withdraw, NULL, NULL, e) < 0)
        return -1;
    if (db_run(db, &Q_operation_forget, NULL, NULL, e) < 0)
        return -1;
    return db_run(db, &Q_operation_bulk_forget, NULL, NULL, e);
}

int operation_tidy(struct db *db, struct err *e)
{
    return db_tx(db, tidy_tx, NULL, e);
}
