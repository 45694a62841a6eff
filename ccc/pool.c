#include "ccc/pool.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/resource.h"
#include "common/base/json.h"
#include "sql/ccc/pool.h"

enum { SHARE_MAX = 1000, SHARES_MAX = 64 };

static int share_check(const json_t *share, size_t i, struct id *module, struct err *e)
{
    int64_t size;
    const struct json_field fields[] = {
        { "module_id", JSON_UUID, .required = true, .to = module },
        { "size", JSON_INT, .required = true, .to = &size, .min = 0, .max = SHARE_MAX },
        { 0 },
    };
    struct err inner = { 0 };

    if (json_fields(share, fields, &inner) == 0)
        return 0;
    err_set(e, inner.code, "share %zu: %s", i, inner.detail);
    return err_pointer(e, "/shares/%zu%s", i, inner.pointer);
}

int pool_shares_check(const json_t *shares, struct err *e)
{
    struct id seen[SHARES_MAX];
    size_t n = json_array_size(shares);

    for (size_t i = 0; i < n && i < SHARES_MAX; i++) {
        if (share_check(json_array_get(shares, i), i, &seen[i], e) < 0)
            return -1;
        for (size_t k = 0; k < i; k++) {
            if (!id_eq(&seen[k], &seen[i]))
                continue;
            err_set(e, ERR_INVALID_REQUEST, "a module is named twice");
            return err_pointer(e, "/shares/%zu/module_id", i);
        }
    }
    return 0;
}

static int put_one(struct db *db, const char *pool, const json_t *share, size_t i, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *module = json_str(share, "module_id");
    char size[24], pointer[48];

    snprintf(size, sizeof size, "%lld", (long long)json_num(share, "size", 0));
    if (db_run(db, &Q_module_exists, DB_ARGS(module), &r, e) < 0)
        return -1;
    if (!db_flag(r, 0, "module")) {
        snprintf(pointer, sizeof pointer, "/shares/%zu/module_id", i);
        return resource_missing(pointer, e);
    }
    return db_run(db, &Q_pool_share_put, DB_ARGS(pool, module, size), NULL, e);
}

static int check_law(struct db *db, const char *pool, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_pool_share_law, DB_ARGS(pool), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return 0;
    err_set(e, ERR_LAW_MODULE, "module %s would hold %lld desktops, the limit is 1,000",
            db_text(r, 0, "module"), (long long)db_int(r, 0, "wanted", 0));
    err_number(e, "wanted", db_int(r, 0, "wanted", 0));
    err_number(e, "limit", SHARE_MAX);
    return err_pointer(e, "/shares");
}

static int check_shrink(struct db *db, const char *pool, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_pool_share_shrink, DB_ARGS(pool), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return 0;
    err_set(e, ERR_POOL_SHRINK, "module %s has %lld assigned desktops of this pool",
            db_text(r, 0, "module"), (long long)db_int(r, 0, "assigned", 0));
    err_number(e, "assigned", db_int(r, 0, "assigned", 0));
    err_number(e, "size", db_int(r, 0, "size", 0));
    return err_pointer(e, "/shares");
}

/* "{id,id}": ids are UUIDs, so nothing needs quoting. */
static char *module_array(const json_t *shares)
{
    size_t n = json_array_size(shares), at = 1, room = n * (ID_LEN + 1) + 3;
    char *text = malloc(room);

    if (!text)
        return NULL;
    text[0] = '{';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i ? "," : "",
                               json_str(json_array_get(shares, i), "module_id"));
    snprintf(text + at, room - at, "}");
    return text;
}

int pool_shares_put(struct db *db, const char *pool, const json_t *shares, struct err *e)
{
    char *modules = module_array(shares), *text = json_dumps(shares, JSON_COMPACT);
    int rc = modules && text ? 0 : err_set(e, ERR_INTERNAL, "out of memory");

    if (rc == 0)
        rc = db_run(db, &Q_pool_change_begin, DB_ARGS(pool, text), NULL, e);
    if (rc == 0)
        rc = db_run(db, &Q_pool_share_keep, DB_ARGS(pool, modules), NULL, e);
    free(modules);
    free(text);
    for (size_t i = 0; rc == 0 && i < json_array_size(shares); i++)
        rc = put_one(db, pool, json_array_get(shares, i), i, e);
    if (rc == 0)
        rc = check_law(db, pool, e);
    return rc == 0 ? check_shrink(db, pool, e) : rc;
}
