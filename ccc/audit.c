#include "ccc/audit.h"

#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/routes.h"
#include "sql/ccc/audit.h"

int audit_add(struct db *db, const struct request *rq, const struct audit_entry *a, struct err *e)
{
    bool person = rq->caller.kind == CALLER_PERSON;
    const char *id = a->actor ? a->actor->s : person ? rq->caller.id.s : NULL;
    const char *name = a->actor_name ? a->actor_name : person ? rq->caller.name : NULL;
    char origin[160];

    snprintf(origin, sizeof origin, "%s from %s", rq->self, rq->remote ? rq->remote : "-");
    return db_run(db, &Q_audit_add,
                  DB_ARGS(id, name, a->action, a->target_kind, a->target_id, a->target_name,
                          a->result ? a->result : "ok", rq->trace_id, origin, a->detail),
                  NULL, e);
}

/* GET /api/v1/audit, newest first */
static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "at", LIST_TIME, &Q_audit_list_at, &Q_audit_list_at_down },
        { 0 },
    };
    static const struct list_filter filters[] = {
        { "actor_id", LIST_UUID, NULL },
        { "target_id", LIST_UUID, NULL },
        { "action", LIST_TEXT, NULL },
        { "since", LIST_TIME, NULL },
        LIST_END,
    };
    static const struct list_spec spec = { .sorts = sorts,
                                           .newest_first = true,
                                           .filters = filters };

    return list_reply(rq, rp, &spec, NULL, e);
}

const struct route audit_routes[] = {
    { "GET", "/api/v1/audit", "admin", get_list, 0 },
    { 0 },
};
