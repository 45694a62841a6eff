#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "sql/ccc/spec.h"

static const struct resource spec_resource = {
    .kind = "spec",
    .path = "/api/v1/specs",
    .get = &Q_spec_get,
    .add = &Q_spec_add,
    .change = &Q_spec_change,
    .remove = &Q_spec_remove,
    .uses = &Q_spec_uses,
    .taken = "/name",
};

static int check(const json_t *body, bool is_new, struct err *e)
{
    static const char *const firmware[] = { "bios", "uefi", NULL };
    static const char *const disk[] = { "virtio", "sata", "scsi", NULL };
    static const char *const nic[] = { "virtio", "e1000", NULL };
    static const char *const video[] = { "virtio", "vga", "qxl", NULL };
    union routes_sink to;
    const struct json_field fields[] = {
        { "name", JSON_TEXT, is_new, .to = &to, .valid = text_name, .must = "must be a name" },
        { "vcpus", JSON_INT, is_new, .to = &to, .min = 1, .max = 64 },
        { "memory_mib", JSON_INT, is_new, .to = &to, .min = 64, .max = 1048576 },
        { "firmware", JSON_TEXT, .to = &to, .words = firmware },
        { "tpm", JSON_BOOL, .to = &to },
        { "disk_bus", JSON_TEXT, .to = &to, .words = disk },
        { "nic_model", JSON_TEXT, .to = &to, .words = nic },
        { "video", JSON_TEXT, .to = &to, .words = video },
        { "disk_gib", JSON_INT, .nullable = true, .to = &to, .min = 1, .max = 16384 },
        { "needs_vf", JSON_BOOL, .to = &to },
        { 0 },
    };

    return json_fields(body, fields, e);
}

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_spec_list_name, &Q_spec_list_name_down },
        { "created_at", LIST_TIME, &Q_spec_list_created, &Q_spec_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &spec_resource, &rq->path_id, e);
}

static int post(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &spec_resource, .body = rq->body };

    return check(rq->body, true, e) < 0 ? -1 : resource_create(&w, rp, e);
}

static int patch(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = {
        .rq = rq, .of = &spec_resource, .body = rq->body, .id = rq->path_id
    };

    return check(rq->body, false, e) < 0 ? -1 : resource_change(&w, rp, e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &spec_resource, &rq->path_id, e);
}

const struct route spec_routes[] = {
    { "GET", "/api/v1/specs", "admin", get_list, 0 },
    { "POST", "/api/v1/specs", "admin", post, 0 },
    { "GET", "/api/v1/specs/{id}", "admin", get_one, 0 },
    { "PATCH", "/api/v1/specs/{id}", "admin", patch, 0 },
    { "DELETE", "/api/v1/specs/{id}", "admin", delete_one, 0 },
    { 0 },
};
