#include <sodium.h>
#include <string.h>

#include "ccc/audit.h"
#include "ccc/ccc.h"
#include "ccc/idempotency.h"
#include "ccc/list.h"
#include "ccc/resource.h"
#include "ccc/routes.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/peer/join.h"
#include "sql/ccc/node.h"

enum { MODULES_A_BLOCK = 2, BSERVERS_A_MODULE = 10 };

static const struct resource node = {
    .kind = "node",
    .path = "/api/v1/nodes",
    .get = &Q_node_get,
    .remove = &Q_node_revoke, /* the row stays, so that the tiers below hear of it */
};

static int get_list(const struct request *rq, struct reply *rp, struct err *e)
{
    static const struct list_sort sorts[] = {
        { "name", LIST_TEXT, &Q_node_list_name, &Q_node_list_name_down },
        { "created_at", LIST_TIME, &Q_node_list_created, &Q_node_list_created_down },
        { 0 },
    };
    static const struct list_spec spec = { .sorts = sorts };

    return list_reply(rq, rp, &spec, NULL, e);
}

static int get_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_reply(rq, rp, &node, &rq->path_id, e);
}

static int delete_one(const struct request *rq, struct reply *rp, struct err *e)
{
    return resource_remove(rq, rp, &node, &rq->path_id, e);
}

struct order {
    const struct request *rq;
    struct idempotency once;
    const char *kind, *name;
    struct id parent, block, module, node;
    struct join_token token;
    char secret_sha256[65], expires_at[32];
};

/* A new block for an xCenter without a parent. */
static int new_block(struct db *db, struct order *o, struct err *e)
{
    o->block = id_new();
    if (db_run(db, &Q_node_token_block, DB_ARGS(o->block.s, o->name), NULL, e) == 0)
        return 0;
    if (e->code != ERR_CONFLICT)
        return -1;
    *e = (struct err){ 0 };
    err_set(e, ERR_NAME_TAKEN, "a block has this name");
    return err_pointer(e, "/name");
}

static int new_module(struct db *db, struct order *o, int64_t modules, struct err *e)
{
    if (modules >= MODULES_A_BLOCK) {
        err_set(e, ERR_LAW_BLOCK, "the block has %lld modules already", (long long)modules);
        err_number(e, "modules", modules);
        return err_number(e, "limit", MODULES_A_BLOCK);
    }
    o->module = id_new();
    if (db_run(db, &Q_node_token_module, DB_ARGS(o->module.s, o->name, o->block.s), NULL, e) == 0)
        return 0;
    if (e->code != ERR_CONFLICT)
        return -1;
    *e = (struct err){ 0 };
    err_set(e, ERR_NAME_TAKEN, "a module of this block has this name");
    return err_pointer(e, "/name");
}

static int full_module(int64_t bservers, struct err *e)
{
    err_set(e, ERR_LAW_MODULE, "the module has %lld bServers already", (long long)bservers);
    err_number(e, "bservers", bservers);
    return err_number(e, "limit", BSERVERS_A_MODULE);
}

/* xcenter: under a block. bcenter: under a block (a new module) or a module. bserver: under a
 * module. */
static int place(struct db *db, struct order *o, struct err *e)
{
    auto_result PGresult *r = NULL;
    bool in_block;
    int64_t children;

    if (!id_set(&o->parent))
        return new_block(db, o, e);
    if (db_run(db, &Q_node_token_parent, DB_ARGS(o->parent.s), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return resource_missing("/parent_id", e);
    in_block = strcmp(db_text(r, 0, "kind"), "block") == 0;
    children = db_int(r, 0, "children", 0);
    id_parse(db_text(r, 0, "block_id"), &o->block);
    id_parse(db_text(r, 0, "module_id"), &o->module);
    if (strcmp(o->kind, "bcenter") == 0)
        return in_block ? new_module(db, o, children, e) : 0;
    if (in_block != (strcmp(o->kind, "xcenter") == 0)) {
        err_set(e, ERR_INVALID_REQUEST, "%s belongs under a %s", o->kind,
                in_block ? "module" : "block");
        return err_pointer(e, "/parent_id");
    }
    return !in_block && children >= BSERVERS_A_MODULE ? full_module(children, e) : 0;
}

static int name_free(struct db *db, const struct order *o, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *parent = id_set(&o->module) ? o->module.s : o->block.s;

    if (db_run(db, &Q_node_token_name_taken, DB_ARGS(o->kind, parent, o->name), &r, e) < 0)
        return -1;
    if (!db_flag(r, 0, "taken"))
        return 0;
    err_set(e, ERR_NAME_TAKEN, "a node of this kind has this name there");
    return err_pointer(e, "/name");
}

static int token_tx(struct db *db, void *arg, struct err *e)
{
    struct order *o = arg;
    auto_result PGresult *r = NULL;
    struct audit_entry a = { .action = "node.invite",
                             .target_kind = "node",
                             .target_id = o->node.s,
                             .target_name = o->name,
                             .detail = o->kind };

    o->block = o->module = (struct id){ "" };
    if (idempotency_find(db, o->rq, &o->once, e) < 0 || place(db, o, e) < 0 ||
        name_free(db, o, e) < 0 ||
        db_run(db, &Q_node_token_add,
               DB_ARGS(o->token.id, o->secret_sha256, o->kind, o->name, o->block.s,
                       id_set(&o->module) ? o->module.s : NULL, o->node.s),
               &r, e) < 0)
        return -1;
    snprintf(o->expires_at, sizeof o->expires_at, "%s", db_text(r, 0, "expires_at"));
    if (audit_add(db, o->rq, &a, e) < 0)
        return -1;
    return idempotency_store(db, o->rq, &o->once, 201, "", NULL, e);
}

static int read_order(const struct request *rq, struct order *o, struct err *e)
{
    static const char *const kinds[] = { "xcenter", "bcenter", "bserver", NULL };
    const struct json_field fields[] = {
        { "kind", JSON_TEXT, .required = true, .to = &o->kind, .words = kinds },
        { "name", JSON_TEXT, .required = true, .to = &o->name, .valid = text_name,
          .must = "must be a name" },
        { "parent_id", JSON_UUID, .to = &o->parent },
        { 0 },
    };

    if (json_fields(rq->body, fields, e) < 0)
        return -1;
    if (!id_set(&o->parent) && strcmp(o->kind, "xcenter") != 0) {
        err_set(e, ERR_INVALID_REQUEST, "parent_id is missing");
        return err_pointer(e, "/parent_id");
    }
    return idempotency_open(rq, &o->once, e);
}

/* POST /api/v1/node-tokens {kind, name, parent_id?} */
static int post_token(const struct request *rq, struct reply *rp, struct err *e)
{
    struct order o = { .rq = rq, .node = id_new() };
    char text[JOIN_TOKEN_MAX];
    unsigned char sum[crypto_hash_sha256_BYTES];
    json_t *body;

    if (read_order(rq, &o, e) < 0)
        return -1;
    join_token_new(ca_fingerprint(ccc_app(rq)->ca), &o.token, text);
    crypto_hash_sha256(sum, (const unsigned char *)o.token.secret, strlen(o.token.secret));
    sodium_bin2hex(o.secret_sha256, sizeof o.secret_sha256, sum, sizeof sum);
    if (db_tx(ccc_db(rq), token_tx, &o, e) < 0)
        return -1;
    body = json_object();
    json_object_set_new(body, "token", json_string(text));
    json_object_set_new(body, "expires_at", json_string(o.expires_at));
    json_object_set_new(body, "block_id", json_string(o.block.s));
    json_put_str(body, "module_id", o.module.s);
    sodium_memzero(&o.token, sizeof o.token);
    return http_reply(rp, 201, body, e);
}

const struct route node_routes[] = {
    { "GET", "/api/v1/nodes", "admin", get_list, 0 },
    { "GET", "/api/v1/nodes/{id}", "admin", get_one, 0 },
    { "DELETE", "/api/v1/nodes/{id}", "admin", delete_one, 0 },
    { "POST", "/api/v1/node-tokens", "admin", post_token, 0 },
    { 0 },
};
