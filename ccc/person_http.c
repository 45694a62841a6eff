#include <sodium.h>
#include <string.h>

#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "sql/ccc/person.h"

static bool display_name_ok(const char *s)
{
    return !s[0] || text_name(s);
}

/* A language tag (RFC 5646, its simple form): "ko", "en-GB". */
static bool locale_ok(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");

    if (n < 2 || n > 3 || strlen(s) > 16)
        return false;
    for (s += n; *s; s += n) {
        if (*s++ != '-')
            return false;
        n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
        if (n < 2 || n > 8)
            return false;
    }
    return true;
}

/* Validates; *clean is the body without the password, whose hash goes into verifier ("": none). */
static int read_person(const struct request *rq, bool is_new, char verifier[PASSWORD_VERIFIER],
                       json_t **clean, struct err *e)
{
    static const char *const roles[] = { "admin", "user", NULL };
    const char *password = NULL;
    union routes_sink to;
    const struct json_field fields[] = {
        { "username", JSON_TEXT, is_new, .to = &to, .valid = text_username,
          .must = "must be 1 to 32 of a-z, 0-9, dot, dash, underscore" },
        { "display_name", JSON_TEXT, .to = &to, .valid = display_name_ok,
          .must = "must be at most 64 characters" },
        { "role", JSON_TEXT, .to = &to, .words = roles },
        { "disabled", JSON_BOOL, .to = &to },
        { "locale", JSON_TEXT, .nullable = true, .to = &to, .valid = locale_ok,
          .must = "must be a language tag" },
        { "password", JSON_TEXT, is_new, .to = &password, .valid = text_password,
          .must = "must be 8 to 128 characters" },
        { 0 },
    };

    verifier[0] = '\0';
    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (password && password_hash(ccc_app(rq)->passwords, password, verifier, e) < 0)
        return -1;
    *clean = json_copy(rq->body);
    if (!*clean)
        return err_set(e, ERR_INTERNAL, "out of memory");
    json_object_del(*clean, "password");
    return 0;
}

/*
 * The last one who can let others in stays: counting them is what makes two administrators who
 * delete or demote each other at the same moment a conflict. A new password ends the other
 * sessions, disabling all of them: who is enabled again signs in again.
 */
static int after_write(struct db *db, const struct resource_write *w, struct err *e)
{
    auto_result PGresult *r = NULL;
    bool disabled = json_flag(w->body, "disabled", false);
    bool self = id_eq(&w->id, &w->rq->caller.id);

    if (db_run(db, &Q_person_admins, NULL, &r, e) < 0)
        return -1;
    if (db_int(r, 0, "n", 0) == 0)
        return err_set(e, ERR_PRECONDITION, "the last administrator must stay one");
    if ((w->extra || disabled) &&
        db_run(db, &Q_person_sessions_end,
               DB_ARGS(w->id.s, self && !disabled ? w->rq->caller.session : NULL), NULL, e) < 0)
        return -1;
    return 0;
}

static int before_write(struct db *db, const struct resource_write *w, struct err *e)
{
    (void)db;
    if (!w->body && id_eq(&w->id, &w->rq->caller.id))
        return err_set(e, ERR_PRECONDITION, "you cannot delete yourself");
    return 0;
}

static const struct resource person = {
    .kind = "user",
    .path = "/api/v1/users",
    .get = &Q_person_get,
    .add = &Q_person_add,
    .change = &Q_person_change,
    .remove = &Q_person_remove,
    .uses = &Q_person_uses,
    .taken = "/username",
    .before = before_write,
    .after = after_write,
};

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "username", LIST_TEXT, &Q_person_list_name, &Q_person_list_name_down },
        { "created_at", LIST_TIME, &Q_person_list_created, &Q_person_list_created_down },
        { "name", LIST_TEXT, &Q_person_list_name, &Q_person_list_name_down },
        { 0 },
    };
    static const struct list_filter filters[] = {
        { "q", LIST_TEXT, NULL },
        LIST_END,
    };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &person, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    char verifier[PASSWORD_VERIFIER];
    struct resource_write w = { .rq = rq, .of = &person, .extra = verifier };
    json_auto_t *clean = NULL;
    int rc = read_person(rq, true, verifier, &clean, e);

    w.body = clean;
    if (rc == 0)
        rc = resource_create(&w, rp, e);
    sodium_memzero(verifier, sizeof verifier);
    return rc;
}

static int patch(const struct request *rq, struct reply *rp, struct err *e)
{
    char verifier[PASSWORD_VERIFIER];
    struct resource_write w = { .rq = rq, .of = &person, .id = rq->path_id };
    json_auto_t *clean = NULL;
    int rc = read_person(rq, false, verifier, &clean, e);

    w.extra = verifier[0] ? verifier : NULL;
    w.body = clean;
    if (rc == 0)
        rc = resource_change(&w, rp, e);
    sodium_memzero(verifier, sizeof verifier);
    return rc;
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &person, &rq->path_id, e);
}

const struct route person_routes[] = {
    { "GET", "/api/v1/users", "admin", get_list, 0 },
    { "POST", "/api/v1/users", "admin", post, 0 },
    { "GET", "/api/v1/users/{id}", "admin", get_one, 0 },
    { "PATCH", "/api/v1/users/{id}", "admin", patch, 0 },
    { "DELETE", "/api/v1/users/{id}", "admin", delete_one, 0 },
    { 0 },
};
