#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/idempotency.h"
#include "ccc/list.h"
#include "ccc/qcow2.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "sql/ccc/image.h"

static const struct resource image = {
    .kind = "image",
    .path = "/api/v1/images",
    .get = &Q_image_get,
    .add = &Q_image_add,
    .change = &Q_image_change,
    .remove = &Q_image_remove,
    .uses = &Q_image_uses,
    .taken = "/name",
};

static int check(const json_t *body, bool is_new, struct err *e)
{
    static const char *const guests[] = { "none", "bic", "cloud-init", "cloudbase-init", NULL };
    union routes_sink to;
    const struct json_field fields[] = {
        { "name", JSON_TEXT, is_new, .to = &to, .valid = text_name, .must = "must be a name" },
        { "description", JSON_TEXT, .to = &to, .valid = text_note, .must = "is too long" },
        { "guest", JSON_TEXT, .to = &to, .words = guests },
        { 0 },
    };

    return json_fields(body, fields, e);
}

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_image_list_name, &Q_image_list_name_down },
        { "created_at", LIST_TIME, &Q_image_list_created, &Q_image_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &image, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &image, .body = rq->body };

    return check(rq->body, true, e) < 0 ? -1 : resource_create(&w, rp, e);
}

static int patch(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &image, .body = rq->body, .id = rq->path_id };

    return check(rq->body, false, e) < 0 ? -1 : resource_change(&w, rp, e);
}

struct blob_drop {
    struct blob_store *blobs;
    const char *sha256;
};

/* The unlink is inside the transaction, under the lock that an upload of the same file takes. */
static int drop_tx(struct db *db, void *arg, struct err *e)
{
    const struct blob_drop *d = arg;
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_image_blob_lock, DB_ARGS(d->sha256), NULL, e) < 0 ||
        db_run(db, &Q_image_blob_used, DB_ARGS(d->sha256), &r, e) < 0)
        return -1;
    return db_flag(r, 0, "used") ? 0 : blob_remove(d->blobs, d->sha256, e);
}

/* A file that no version names any more goes; one left behind by a failure here costs only room. */
static void drop_blob(const struct request *rq, const char *sha256)
{
    struct blob_drop d = { ccc_app(rq)->blobs, sha256 };
    struct err e = { 0 };

    if (db_tx_once(ccc_db(rq), drop_tx, &d, &e) < 0)
        log_err("image-blob", &e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(ccc_db(rq), &Q_image_blobs, DB_ARGS(rq->path_id.s), &r, e) < 0 ||
        resource_remove(rq, rp, &image, &rq->path_id, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(r); i++)
        drop_blob(rq, db_text(r, i, "sha256"));
    return 0;
}

static int image_there(const struct request *rq, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(ccc_db(rq), &Q_image_get, DB_ARGS(rq->path_id.s), &r, e) < 0)
        return -1;
    return db_rows(r) ? 0 : err_set(e, ERR_NOT_FOUND, "there is no such image");
}

/* GET /images/{id}/versions */
static int get_versions(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "number", LIST_NUMBER, &Q_image_version_list_number, &Q_image_version_list_number_down },
        { "created_at", LIST_TIME, &Q_image_version_list_created,
          &Q_image_version_list_created_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { NULL, LIST_UUID, NULL }, LIST_END };
    static const struct list_spec spec = { .sorts = sorts,
                                           .newest_first = true,
                                           .filters = filters };

    if (image_there(rq, e) < 0)
        return -1;
    return list_reply(rq, rp, &spec, DB_ARGS(rq->path_id.s), e);
}

struct version {
    const struct request *rq;
    struct idempotency once;
    struct id id;
    char sha256[BLOB_HEX + 1], size[24], virtual_size[24];
    char location[160];
    json_t *body;
};

static void version_close(struct version *v)
{
    json_decref(v->body);
    idempotency_close(&v->once);
}

static int add_tx(struct db *db, void *arg, struct err *e)
{
    struct version *v = arg;
    auto_result PGresult *r = NULL, *added = NULL;
    struct audit_entry a = { .action = "image.publish",
                             .target_kind = "image",
                             .target_id = v->rq->path_id.s,
                             .detail = v->sha256 };

    if (db_run(db, &Q_image_blob_lock, DB_ARGS(v->sha256), NULL, e) < 0 ||
        idempotency_find(db, v->rq, &v->once, e) < 0)
        return -1;
    if (v->once.replay)
        return 0;
    if (!blob_has(ccc_app(v->rq)->blobs, v->sha256, NULL))
        return err_set(e, ERR_STORAGE_FAILED, "the file was removed meanwhile, send it again");
    if (db_run(db, &Q_image_version_add,
               DB_ARGS(v->id.s, v->rq->path_id.s, v->sha256, v->size, v->virtual_size), &added,
               e) < 0)
        return -1;
    if (db_changed(added) == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no such image");
    json_decref(v->body);
    v->body = NULL;
    if (db_run(db, &Q_image_version_get, DB_ARGS(v->id.s), &r, e) < 0 ||
        list_body(r, 0, &v->body, e) < 0 || audit_add(db, v->rq, &a, e) < 0)
        return -1;
    return idempotency_store(db, v->rq, &v->once, 201, v->location, v->body, e);
}

/* The file's hash stands for the body. */
static int add_version(struct version *v, struct reply *rp, struct err *e)
{
    snprintf(v->once.hash, sizeof v->once.hash, "%s", v->sha256);
    snprintf(v->location, sizeof v->location, "/api/v1/images/%s/versions/%s", v->rq->path_id.s,
             v->id.s);
    if (db_tx(ccc_db(v->rq), add_tx, v, e) < 0) {
        drop_blob(v->rq, v->sha256);
        return -1;
    }
    if (v->once.replay) {
        drop_blob(v->rq, v->sha256); /* its version may have been deleted since */
        snprintf(rp->location, sizeof rp->location, "%s", v->once.location);
        return http_reply(rp, v->once.status, MOVE(v->once.body), e);
    }
    snprintf(rp->location, sizeof rp->location, "%s", v->location);
    rp->etag = 1;
    return http_reply(rp, 201, MOVE(v->body), e);
}

/* POST /images/{id}/versions: the body is the file itself */
static int post_version(const struct request *rq, struct reply *rp, struct err *e)
{
    struct version v = { .rq = rq, .id = id_new() };
    const char *expected = http_header(rq, "X-Content-SHA256");
    struct qcow2_info info;
    int64_t size;
    int rc;

    if (!rq->body_file || rq->body_size == 0)
        return err_set(e, ERR_INVALID_REQUEST, "the body must be a qcow2 file");
    if (expected && !text_hex(expected, BLOB_HEX))
        return err_set(e, ERR_INVALID_REQUEST, "X-Content-SHA256 is not a SHA-256");
    if (idempotency_open(rq, &v.once, e) < 0 || image_there(rq, e) < 0 ||
        qcow2_inspect(rq->body_file, &info, e) < 0 ||
        blob_take(ccc_app(rq)->blobs, rq->body_file, expected, v.sha256, &size, e) < 0)
        return -1;
    snprintf(v.size, sizeof v.size, "%lld", (long long)size);
    snprintf(v.virtual_size, sizeof v.virtual_size, "%lld", (long long)info.virtual_size);
    rc = add_version(&v, rp, e);
    version_close(&v);
    return rc;
}

static const struct resource version = {
    .kind = "image-version",
    .path = "/api/v1/images",
    .get = &Q_image_version_get,
    .remove = &Q_image_version_remove,
    .uses = &Q_image_version_uses,
};

/* The version must be one of the image in the path. *sha256 gets its file. */
static int version_there(const struct request *rq, char sha256[BLOB_HEX + 1], struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(ccc_db(rq), &Q_image_version_get, DB_ARGS(rq->path_id2.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0 || strcmp(db_text(r, 0, "image_id"), rq->path_id.s) != 0)
        return err_set(e, ERR_NOT_FOUND, "this image has no such version");
    snprintf(sha256, BLOB_HEX + 1, "%s", db_text(r, 0, "sha256"));
    return 0;
}

static int get_version(const struct request *rq, struct reply *rp, struct err *e)
{
    char sha256[BLOB_HEX + 1];

    if (version_there(rq, sha256, e) < 0)
        return -1;
    return resource_reply(rq, rp, &version, &rq->path_id2, e);
}

static int delete_version(const struct request *rq, struct reply *rp, struct err *e)
{
    char sha256[BLOB_HEX + 1];

    if (version_there(rq, sha256, e) < 0 || resource_remove(rq, rp, &version, &rq->path_id2, e) < 0)
        return -1;
    drop_blob(rq, sha256);
    return 0;
}

const struct route image_routes[] = {
    { "GET", "/api/v1/images", "admin", get_list, 0 },
    { "POST", "/api/v1/images", "admin", post, 0 },
    { "GET", "/api/v1/images/{id}", "admin", get_one, 0 },
    { "PATCH", "/api/v1/images/{id}", "admin", patch, 0 },
    { "DELETE", "/api/v1/images/{id}", "admin", delete_one, 0 },
    { "GET", "/api/v1/images/{id}/versions", "admin", get_versions, 0 },
    { "POST", "/api/v1/images/{id}/versions", "admin", post_version, HTTP_BODY_FILE },
    { "GET", "/api/v1/images/{id}/versions/{id2}", "admin", get_version, 0 },
    { "DELETE", "/api/v1/images/{id}/versions/{id2}", "admin", delete_version, 0 },
    { 0 },
};
