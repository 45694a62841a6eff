#include "ccc/ccc.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "sql/ccc/tree.h"

/* What the tree of blocks, modules and bServers shows; nothing here is written by people. */
static const struct resource block = { .kind = "block", .get = &Q_block_get };
static const struct resource module = { .kind = "module", .get = &Q_module_get };
static const struct resource bserver = { .kind = "bserver", .get = &Q_bserver_get };
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

static int get_vfs(const struct request *rq, struct reply *rp, struct err *e)
{
    static const char *const states[] = { "free", "assigned", "quarantine", "lost", NULL };
    static const struct list_sort sorts[] = {
        { "address", LIST_TEXT, &Q_vf_list_address, &Q_vf_list_address_down },
        { "created_at", LIST_TIME, &Q_vf_list_created, &Q_vf_list_created_down },
        { 0 },
    };
    static const struct list_filter filters[] = { { "bserver_id", LIST_UUID, NULL },
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

static int get_vf(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &vf, &rq->path_id, e);
}

const struct route tree_routes[] = {
    { "GET", "/api/v1/blocks", "admin", get_blocks, 0 },
    { "GET", "/api/v1/blocks/{id}", "admin", get_block, 0 },
    { "GET", "/api/v1/modules", "admin", get_modules, 0 },
    { "GET", "/api/v1/modules/{id}", "admin", get_module, 0 },
    { "GET", "/api/v1/bservers", "admin", get_bservers, 0 },
    { "GET", "/api/v1/bservers/{id}", "admin", get_bserver, 0 },
    { "GET", "/api/v1/vfs", "admin", get_vfs, 0 },
    { "GET", "/api/v1/vfs/{id}", "admin", get_vf, 0 },
    { 0 },
};
