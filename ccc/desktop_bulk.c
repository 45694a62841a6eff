#include "ccc/desktop_bulk.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/operation.h"
#include "common/base/json.h"
#include "sql/ccc/desktop.h"
#include "sql/ccc/operation.h"

struct numbered {
    struct id id;
    size_t no;
};

static int by_id(const void *pa, const void *pb)
{
    const struct numbered *a = pa, *b = pb;
    int c = strcmp(a->id.s, b->id.s);

    return c ? c : a->no < b->no ? -1 : 1;
}

static int refuse_item(size_t no, const char *why, struct err *e)
{
    err_set(e, ERR_INVALID_REQUEST, "%s", why);
    return err_pointer(e, "/desktops/%zu", no);
}

int desktop_bulk_check(const json_t *ids, struct err *e)
{
    size_t n = json_array_size(ids);
    struct numbered *all = calloc(n + 1, sizeof *all);
    int rc = 0;

    if (!all)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        all[i].no = i;
        if (!id_parse(json_string_value(json_array_get(ids, i)), &all[i].id))
            rc = refuse_item(i, "must be the id of a desktop", e);
    }
    if (rc == 0)
        qsort(all, n, sizeof *all, by_id);
    for (size_t i = 1; rc == 0 && i < n; i++)
        if (id_eq(&all[i - 1].id, &all[i].id))
            rc = refuse_item(all[i].no, "a desktop is named twice", e);
    free(all);
    return rc;
}

/* "{id,id}": ids are UUIDs, so nothing needs quoting. Free. */
static char *id_array(const json_t *ids)
{
    size_t n = json_array_size(ids), at = 1, room = n * (ID_LEN + 1) + 3;
    char *text = malloc(room);

    if (!text)
        return NULL;
    text[0] = '{';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i ? "," : "",
                               json_string_value(json_array_get(ids, i)));
    snprintf(text + at, room - at, "}");
    return text;
}

static const char *or_null(const struct id *id)
{
    return id->s[0] ? id->s : NULL;
}

static bool is_admin(const struct request *rq)
{
    return strcmp(rq->caller.role, "admin") == 0;
}

/* Ids that the filter finds; who is no administrator finds her own. */
static int find(struct db *db, const struct desktop_bulk *b, char **ids, struct err *e)
{
    auto_result PGresult *r = NULL;
    const struct desktop_filter *f = &b->filter;
    const char *person = is_admin(b->rq) ? or_null(&f->person) : b->rq->caller.id.s;
    const char *found;
    char most[16];

    snprintf(most, sizeof most, "%d", DESKTOP_BULK_MAX + 1);
    if (db_run(db, &Q_desktop_find_many,
               DB_ARGS(most, f->state, or_null(&f->pool), person, or_null(&f->bserver),
                       or_null(&f->module), f->q),
               &r, e) < 0)
        return -1;
    found = db_text(r, 0, "ids");
    *ids = strdup(found ? found : "{}");
    return *ids ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static const char *outcome_of(struct desktop_bulk *b, const PGresult *r, int row, const char **slug)
{
    const char *owner = db_text(r, row, "person_id");
    struct desktop_asker who = { .admin = is_admin(b->rq) };
    struct desktop_facts facts = { db_text(r, row, "state"), owner != NULL };
    enum err_code why = ERR_DESKTOP_STATE;

    who.owner = owner && strcmp(owner, b->rq->caller.id.s) == 0;
    if (!db_text(r, row, "name") || (!who.admin && !who.owner))
        why = ERR_DESKTOP_NOT_FOUND;
    else if (!desktop_action_permitted(b->action, &who))
        why = ERR_FORBIDDEN;
    else if (desktop_action_done(b->action, &facts))
        return b->already++, "already";
    else if (db_text(r, row, "open_id"))
        return b->will++, "open";
    else if (desktop_action_allowed(b->action, &who, &facts))
        return b->will++, "will";
    *slug = err_slug(why);
    b->refused++;
    return "refused";
}

/* Of a desktop that is not hers nothing is said, not even that it is there. */
static int add_item(struct desktop_bulk *b, const PGresult *r, int row, struct err *e)
{
    const char *slug = NULL, *outcome = outcome_of(b, r, row, &slug);
    bool known = !slug || strcmp(slug, err_slug(ERR_DESKTOP_NOT_FOUND)) != 0;
    struct id fresh = id_new();
    const char *open = strcmp(outcome, "open") == 0 ? db_text(r, row, "open_id") : NULL;
    json_t *o = json_object();

    json_put_int(o, "no", db_int(r, row, "no", 0));
    json_put_str(o, "id", open ? open : fresh.s);
    json_put_str(o, "target_id", db_text(r, row, "id"));
    json_put_str(o, "target_name", known ? db_text(r, row, "name") : "-");
    json_put_str(o, "module_id", known ? db_text(r, row, "module_id") : NULL);
    json_put_str(o, "outcome", outcome);
    json_put_str(o, "slug", slug);
    return json_array_append_new(b->items, o) == 0 ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static int too_many(int n, struct err *e)
{
    if (n == 0)
        return err_set(e, ERR_INVALID_REQUEST, "the filter finds no desktop");
    err_set(e, ERR_INVALID_REQUEST, "the filter finds more than %d desktops", DESKTOP_BULK_MAX);
    return err_number(e, "limit", DESKTOP_BULK_MAX);
}

int desktop_bulk_decide(struct db *db, struct desktop_bulk *b, struct err *e)
{
    auto_result PGresult *r = NULL;
    char *ids = NULL;
    int rc = 0;

    desktop_bulk_close(b);
    b->will = b->already = b->refused = 0;
    b->items = json_array();
    if (b->ids)
        ids = id_array(b->ids);
    else
        rc = find(db, b, &ids, e);
    if (rc == 0 && !ids)
        rc = err_set(e, ERR_INTERNAL, "out of memory");
    if (rc == 0)
        rc = db_run(db, &Q_desktop_many_facts, DB_ARGS(ids, desktop_action_word(b->action)), &r, e);
    free(ids);
    if (rc < 0)
        return -1;
    if (db_rows(r) == 0 || db_rows(r) > DESKTOP_BULK_MAX)
        return too_many(db_rows(r), e);
    for (int i = 0; i < db_rows(r); i++)
        if (add_item(b, r, i, e) < 0)
            return -1;
    return 0;
}

int desktop_bulk_give(struct db *db, const struct desktop_bulk *b, const struct id *id,
                      struct err *e)
{
    const struct request *rq = b->rq;
    char *items = json_dumps(b->items, JSON_COMPACT), seconds[16], origin[160];
    int rc;

    if (!items)
        return err_set(e, ERR_INTERNAL, "out of memory");
    /* The last of so many begins later. */
    snprintf(seconds, sizeof seconds, "%d", OPERATION_S + b->will);
    snprintf(origin, sizeof origin, "%s from %s", rq->self, rq->remote ? rq->remote : "-");
    rc = db_run(db, &Q_operation_bulk_add,
                DB_ARGS(id->s, desktop_action_word(b->action), rq->caller.id.s, rq->caller.name,
                        items, seconds, rq->trace_id, origin),
                NULL, e);
    free(items);
    return rc;
}

void desktop_bulk_close(struct desktop_bulk *b)
{
    json_decref(b->items);
    b->items = NULL;
}
