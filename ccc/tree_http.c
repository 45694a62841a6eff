#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/io_rate.h"
#include "ccc/line.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "sql/ccc/tree.h"

/* What the tree of blocks, modules and bServers shows. People write one thing: a bServer's limit.
 */
static const struct resource block = { .kind = "block", .get = &Q_block_get };
static const struct resource module = { .kind = "module", .get = &Q_module_get };
static const struct resource bserver = { .kind = "bserver",
                                         .get = &Q_bserver_get,
                                         .change = &Q_bserver_change };
static const struct resource vf = { .kind = "vf", .get = &Q_vf_get };

static int get_blocks(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_block_list_name, &Q_block_list_name_down },
        { "created_at", LIST_TIME, &Q_block_list_created, &Q_block_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

/* GET /topology: blocks with their modules and sums, in one answer */
static int get_topology(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_topology_list_name, &Q_topology_list_name_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_modules(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_module_list_name, &Q_module_list_name_down },
        { "created_at", LIST_TIME, &Q_module_list_created, &Q_module_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_bservers(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const states[] = { "up", "silent", "maintenance", NULL };
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_bserver_list_name, &Q_bserver_list_name_down },
        { "created_at", LIST_TIME, &Q_bserver_list_created, &Q_bserver_list_created_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { "module_id", LIST_UUID, NULL },
                                                  { "state", LIST_TEXT, states },
                                                  LIST_END };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };

    return list_reply(rq, rp, &spec, NULL, e);
}

/* GET /me/lanes */
static int get_my_lanes(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_my_lanes_name, &Q_my_lanes_name_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { NULL, LIST_UUID, NULL }, LIST_END };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };

    return list_reply(rq, rp, &spec, DB_ARGS(rq->caller.id.s), e);
}

static int get_vfs(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const states[] = { "free", "assigned", "quarantine", "lost", NULL };
    static const struct list_sort sorts[] = {
        { "address", LIST_TEXT, &Q_vf_list_address, &Q_vf_list_address_down },
        { "created_at", LIST_TIME, &Q_vf_list_created, &Q_vf_list_created_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { "bserver_id", LIST_UUID, NULL },
                                                  { "module_id", LIST_UUID, NULL },
                                                  { "state", LIST_TEXT, states },
                                                  LIST_END };
    static const struct list_spec spec = { .sorts = sorts, .filters = filters };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_block(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &block, &rq->path_id, e);
}

static int get_module(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &module, &rq->path_id, e);
}

static int get_bserver(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &bserver, &rq->path_id, e);
}

/* PATCH /bservers/{id} {io_limit}: what the module learned holds again with null. */
static int patch_bserver(const struct request *rq, struct reply *rp, struct err *e)
{
    struct resource_write w = { .rq = rq, .of = &bserver, .body = rq->body, .id = rq->path_id };
    int64_t limit;
    const struct json_field fields[] = {
        { "io_limit", JSON_DECIMAL, true, true, &limit, .min = IO_RATE_MIN, .max = IO_RATE_MAX },
        { 0 },
    };

    return json_fields(rq->body, fields, e) < 0 ? -1 : resource_change(&w, rp, e);
}

static int get_vf(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &vf, &rq->path_id, e);
}

static int confirmed_tx(struct db *db, void *arg, struct err *e)
{
    const struct request *rq = *(const struct request *const *)arg;
    struct audit_entry a = { .action = "module.confirm-deletions",
                             .target_kind = "module",
                             .target_id = rq->path_id.s };

    return audit_add(db, rq, &a, e);
}

/* POST /modules/{id}/actions {action}: what the module holds back may go. Again is nothing. */
static int post_module_action(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const words[] = { "confirm-deletions", NULL };
    const char *action;
    const struct json_field fields[] = {
        { "action", JSON_TEXT, .required = true, .to = &action, .words = words },
        { 0 },
    };
    json_auto_t *nothing = json_object();
    struct line_call call = {
        .module = rq->path_id, .method = LINE_POST, .path = "/confirm-deletions", .body = nothing
    };

    if (json_fields(rq->body, fields, e) < 0 || line_call(rq, &call, e) < 0)
        return -1;
    if (!json_is_integer(json_object_get(call.answer, "released"))) {
        json_decref(call.answer);
        return err_set(e, ERR_PEER_PROTOCOL, "the module answered unintelligibly");
    }
    if (json_num(call.answer, "released", 0) > 0 && db_tx(ccc_db(rq), confirmed_tx, &rq, e) < 0) {
        json_decref(call.answer);
        return -1;
    }
    return http_reply(rp, 200, call.answer, e);
}

const struct route tree_routes[] = {
    { "GET", "/api/v1/blocks", "admin", get_blocks, 0 },
    { "GET", "/api/v1/blocks/{id}", "admin", get_block, 0 },
    { "GET", "/api/v1/topology", "admin", get_topology, 0 },
    { "GET", "/api/v1/modules", "admin", get_modules, 0 },
    { "GET", "/api/v1/modules/{id}", "admin", get_module, 0 },
    { "POST", "/api/v1/modules/{id}/actions", "admin", post_module_action, 0 },
    { "GET", "/api/v1/me/lanes", "self", get_my_lanes, 0 },
    { "GET", "/api/v1/bservers", "admin", get_bservers, 0 },
    { "GET", "/api/v1/bservers/{id}", "admin", get_bserver, 0 },
    { "PATCH", "/api/v1/bservers/{id}", "admin", patch_bserver, 0 },
    { "GET", "/api/v1/vfs", "admin", get_vfs, 0 },
    { "GET", "/api/v1/vfs/{id}", "admin", get_vf, 0 },
    { 0 },
};
