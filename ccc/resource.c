#include "ccc/resource.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/idempotency.h"
#include "ccc/list.h"
#include "common/base/json.h"

struct job {
    struct resource_write *w;
    struct idempotency once;
    int64_t generation; /* If-Match */
    char *text;         /* the body as JSON */
    json_t *result;     /* owned */
    int64_t etag;
};

static void job_close(struct job *j)
{
    idempotency_close(&j->once);
    json_decref(j->result);
    free(j->text);
}

int resource_missing(const char *pointer, struct err *e)
{
    err_set(e, ERR_PRECONDITION, "what %s names does not exist", pointer + 1);
    return err_pointer(e, "%s", pointer);
}

static int fetch(struct db *db, const struct resource *of, const char *id, PGresult **r,
                 struct err *e)
{
    if (db_run(db, of->get, DB_ARGS(id), r, e) < 0)
        return -1;
    if (db_rows(*r) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such %s", of->kind);
    return 0;
}

static int read_back(struct db *db, struct job *j, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (fetch(db, j->w->of, j->w->id.s, &r, e) < 0)
        return -1;
    json_decref(j->result);
    j->result = NULL;
    j->etag = db_int(r, 0, "generation", 0);
    return list_body(r, 0, &j->result, e);
}

static int note(struct db *db, const struct job *j, const char *verb, const char *name,
                struct err *e)
{
    const struct resource_write *w = j->w;
    char action[64];
    struct audit_entry a = {
        .action = action, .target_kind = w->of->kind, .target_id = w->id.s, .target_name = name
    };

    snprintf(action, sizeof action, "%s.%s", w->of->kind, verb);
    return audit_add(db, w->rq, &a, e);
}

/* A unique violation is about the name: the only thing that people choose. */
static int write_failed(const struct job *j, struct err *e)
{
    if (e->code == ERR_CONFLICT) {
        *e = (struct err){ 0 };
        err_set(e, ERR_NAME_TAKEN, "another %s has this already", j->w->of->kind);
        return err_pointer(e, "%s", j->w->of->taken ? j->w->of->taken : "");
    }
    return -1;
}

static const char *shown_name(const json_t *o)
{
    const char *name = json_str(o, "name");

    return name ? name : json_str(o, "username");
}

static int create_tx(struct db *db, void *arg, struct err *e)
{
    struct job *j = arg;
    struct resource_write *w = j->w;
    char location[160];

    if (idempotency_find(db, w->rq, &j->once, e) < 0)
        return -1;
    if (j->once.replay)
        return 0;
    if ((w->of->before && w->of->before(db, w, e) < 0) ||
        db_run(db, w->of->add, DB_ARGS(w->id.s, j->text, w->extra), NULL, e) < 0)
        return write_failed(j, e);
    if ((w->of->after && w->of->after(db, w, e) < 0) || read_back(db, j, e) < 0 ||
        note(db, j, "create", shown_name(j->result), e) < 0)
        return -1;
    snprintf(location, sizeof location, "%s/%s", w->of->path, w->id.s);
    return idempotency_store(db, w->rq, &j->once, 201, location, w->secret ? NULL : j->result, e);
}

static int replay(struct job *j, struct reply *rp, struct err *e)
{
    snprintf(rp->location, sizeof rp->location, "%s", j->once.location);
    return http_reply(rp, j->once.status, MOVE(j->once.body), e);
}

static int prepare(struct job *j, struct err *e)
{
    j->text = json_dumps(j->w->body, JSON_COMPACT);
    return j->text ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

/*
 * Of two requests with one key at the same time the later may meet the other's name before it sees
 * the other's answer: then it looks again.
 */
static int create_once(struct job *j, struct err *e)
{
    struct db *db = ccc_db(j->w->rq);
    struct err first = { 0 };

    if (db_tx(db, create_tx, j, &first) == 0)
        return 0;
    if (first.code == ERR_NAME_TAKEN && j->once.key)
        return db_tx(db, create_tx, j, e);
    *e = first;
    return -1;
}

static int create(struct job *j, struct reply *rp, struct err *e)
{
    const struct resource_write *w = j->w;

    if (idempotency_open(w->rq, &j->once, e) < 0 || prepare(j, e) < 0 || create_once(j, e) < 0)
        return -1;
    if (j->once.replay)
        return replay(j, rp, e);
    if (w->of->dress)
        w->of->dress(w->rq, j->result);
    snprintf(rp->location, sizeof rp->location, "%s/%s", w->of->path, w->id.s);
    rp->etag = j->etag;
    return http_reply(rp, 201, MOVE(j->result), e);
}

int resource_create(struct resource_write *w, struct reply *rp, struct err *e)
{
    struct job j = { .w = w };
    int rc;

    if (!id_set(&w->id))
        w->id = id_new();
    rc = create(&j, rp, e);
    job_close(&j);
    return rc;
}

static int still_fresh(struct db *db, const struct job *j, PGresult **r, struct err *e)
{
    if (fetch(db, j->w->of, j->w->id.s, r, e) < 0)
        return -1;
    if (db_int(*r, 0, "generation", 0) != j->generation)
        return err_set(e, ERR_STALE_GENERATION, "it has generation %lld now",
                       (long long)db_int(*r, 0, "generation", 0));
    return 0;
}

static int change_tx(struct db *db, void *arg, struct err *e)
{
    struct job *j = arg;
    struct resource_write *w = j->w;
    auto_result PGresult *old = NULL;
    char generation[24];

    snprintf(generation, sizeof generation, "%lld", (long long)j->generation);
    if (still_fresh(db, j, &old, e) < 0)
        return -1;
    if ((w->of->before && w->of->before(db, w, e) < 0) ||
        db_run(db, w->of->change, DB_ARGS(w->id.s, generation, j->text, w->extra), NULL, e) < 0)
        return write_failed(j, e);
    if ((w->of->after && w->of->after(db, w, e) < 0) || read_back(db, j, e) < 0)
        return -1;
    return note(db, j, "change", shown_name(j->result), e);
}

static int change(struct job *j, struct reply *rp, struct err *e)
{
    const struct resource_write *w = j->w;

    if (http_if_match(w->rq, &j->generation, e) < 0 || prepare(j, e) < 0 ||
        db_tx(ccc_db(w->rq), change_tx, j, e) < 0)
        return -1;
    if (w->of->dress)
        w->of->dress(w->rq, j->result);
    rp->etag = j->etag;
    return http_reply(rp, 200, MOVE(j->result), e);
}

int resource_change(struct resource_write *w, struct reply *rp, struct err *e)
{
    struct job j = { .w = w };
    int rc = change(&j, rp, e);

    job_close(&j);
    return rc;
}

static int refuse_used(struct db *db, const struct resource_write *w, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (!w->of->uses)
        return 0;
    if (db_run(db, w->of->uses, DB_ARGS(w->id.s), &r, e) < 0)
        return -1;
    if (db_rows(r) > 0)
        return err_set(e, ERR_IN_USE, "it is used by %s", db_text(r, 0, "what"));
    return 0;
}

static int remove_tx(struct db *db, void *arg, struct err *e)
{
    struct job *j = arg;
    struct resource_write *w = j->w;
    auto_result PGresult *old = NULL;
    char generation[24];

    snprintf(generation, sizeof generation, "%lld", (long long)j->generation);
    if (still_fresh(db, j, &old, e) < 0 || refuse_used(db, w, e) < 0 ||
        (w->of->before && w->of->before(db, w, e) < 0) ||
        db_run(db, w->of->remove, DB_ARGS(w->id.s, generation), NULL, e) < 0 ||
        (w->of->after && w->of->after(db, w, e) < 0))
        return -1;
    return note(db, j, "delete", db_text(old, 0, "name"), e);
}

int resource_remove(const struct request *rq, struct reply *rp, const struct resource *of,
                    const struct id *id, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = of, .id = *id };
    struct job j = { .w = &w };

    if (http_if_match(rq, &j.generation, e) < 0 || db_tx(ccc_db(rq), remove_tx, &j, e) < 0)
        return -1;
    rp->status = 204;
    return 0;
}

int resource_reply(const struct request *rq, struct reply *rp, const struct resource *of,
                   const struct id *id, struct err *e)
{
    auto_result PGresult *r = NULL;
    json_t *body;

    if (fetch(ccc_db(rq), of, id->s, &r, e) < 0 || list_body(r, 0, &body, e) < 0)
        return -1;
    if (of->dress)
        of->dress(rq, body);
    rp->etag = db_int(r, 0, "generation", 0);
    return http_reply(rp, 200, body, e);
}
