#include "ccc/pool.h"

#include <stdlib.h>
#include <string.h>

#include "ccc/io_rate.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
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

int pool_check(const json_t *body, bool is_new, struct err *e)
{
    static const char *const kinds[] = { "persistent", "floating", NULL };
    json_t *shares = NULL, *io = NULL;
    union routes_sink to;
    const struct json_field fields[] = {
        { "name", JSON_TEXT, is_new, .to = &to, .valid = text_name, .must = "must be a name" },
        { "description", JSON_TEXT, .to = &to, .valid = text_note, .must = "is too long" },
        { "image_version_id", JSON_UUID, .to = &to },
        { "spec_id", JSON_UUID, is_new, .to = &to },
        { "shares", JSON_ARR, is_new, .to = &shares, .min = 0, .max = SHARES_MAX },
        { "spares_running", JSON_INT, .to = &to, .min = 0, .max = 1000 },
        { "io", JSON_OBJ, .to = &io },
        { is_new ? "kind" : NULL, JSON_TEXT, true, .to = &to, .words = kinds },
        { "image_id", JSON_UUID, true, .to = &to },
        { 0 },
    };

    if (json_fields(body, fields, e) < 0 || io_rate_pool_check(io, e) < 0)
        return -1;
    return pool_shares_check(shares, e);
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

char *pool_share_modules(const json_t *shares)
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
    char *modules = pool_share_modules(shares), *text = json_dumps(shares, JSON_COMPACT);
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

int pool_possible(struct db *db, const char *pool, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *module;

    if (db_run(db, &Q_pool_impossible, DB_ARGS(pool), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return 0;
    module = db_text(r, 0, "module");
    if (db_int(r, 0, "memory_asked", 0) > db_int(r, 0, "memory_most", 0)) {
        err_set(e, ERR_LAW_MEMORY, "no bServer of module %s is large enough for such a desktop",
                module);
        err_number(e, "asked_mib", db_int(r, 0, "memory_asked", 0));
        err_number(e, "most_mib", db_int(r, 0, "memory_most", 0));
        return err_pointer(e, "/spec_id");
    }
    if (db_int(r, 0, "storage_asked", 0) > db_int(r, 0, "storage_most", INT64_MAX)) {
        err_set(e, ERR_LAW_STORAGE, "no bServer of module %s has a store for such a disk", module);
        err_number(e, "asked_gib", db_int(r, 0, "storage_asked", 0));
        err_number(e, "most_gib", db_int(r, 0, "storage_most", 0));
        return err_pointer(e, "/spec_id");
    }
    err_set(e, ERR_LAW_SLOTS, "module %s would hold %lld desktops, its bServers have %lld places",
            module, (long long)db_int(r, 0, "wanted", 0), (long long)db_int(r, 0, "slots", 0));
    err_number(e, "wanted", db_int(r, 0, "wanted", 0));
    err_number(e, "slots", db_int(r, 0, "slots", 0));
    return err_pointer(e, "/shares");
}
