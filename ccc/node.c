#include "ccc/node.h"

#include <sodium.h>
#include <string.h>

#include "sql/ccc/node.h"

struct take {
    const struct node_ask *ask;
    const char *secret_sha256;
    struct node_grant *out;
};

static int refused(struct err *e)
{
    return err_set(e, ERR_JOIN_REFUSED, "the join token is not valid for this");
}

static int add(struct db *db, const struct node_grant *g, const PGresult *token, struct err *e)
{
    if (db_run(db, &Q_node_add,
               DB_ARGS(g->id.s, g->kind, g->name, db_text(token, 0, "block_id"),
                       db_text(token, 0, "module_id")),
               NULL, e) == 0)
        return 0;
    if (strcmp(db_constraint(db), "law_module") != 0)
        return -1;
    *e = (struct err){ 0 };
    return err_set(e, ERR_LAW_MODULE, "the module has its ten bServers already");
}

static int take_tx(struct db *db, void *arg, struct err *e)
{
    const struct take *t = arg;
    auto_result PGresult *r = NULL, *live = NULL;
    struct node_grant g = { 0 };

    if (db_run(db, &Q_node_token_take,
               DB_ARGS(t->ask->token, t->secret_sha256, t->ask->key, t->ask->kind), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0 || !id_parse(db_text(r, 0, "node_id"), &g.id))
        return refused(e);
    snprintf(g.kind, sizeof g.kind, "%s", db_text(r, 0, "kind"));
    snprintf(g.name, sizeof g.name, "%s", db_text(r, 0, "name"));
    if (add(db, &g, r, e) < 0 || db_run(db, &Q_node_live, DB_ARGS(g.id.s), &live, e) < 0)
        return -1;
    if (!db_flag(live, 0, "live"))
        return refused(e);
    *t->out = g;
    return 0;
}

int node_token_take(struct db *db, const struct node_ask *ask, struct node_grant *out,
                    struct err *e)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hash[2 * sizeof sum + 1];
    struct take t = { ask, hash, out };

    if (!text_hex(ask->token, 32) || !text_hex(ask->secret, 64) || !text_hex(ask->key, 64))
        return refused(e);
    crypto_hash_sha256(sum, (const unsigned char *)ask->secret, strlen(ask->secret));
    sodium_bin2hex(hash, sizeof hash, sum, sizeof sum);
    return db_tx(db, take_tx, &t, e);
}

struct joined {
    const struct id *node;
    const char *serial;
    char not_after[24];
};

static int joined_tx(struct db *db, void *arg, struct err *e)
{
    const struct joined *j = arg;
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_node_joined, DB_ARGS(j->node->s, j->serial, j->not_after), &r, e) < 0)
        return -1;
    return db_changed(r) ? 0 : refused(e);
}

int node_joined(struct db *db, const struct id *node, const char *serial_hex, int64_t not_after_ms,
                struct err *e)
{
    struct joined j = { .node = node, .serial = serial_hex };

    snprintf(j.not_after, sizeof j.not_after, "%lld", (long long)not_after_ms);
    return db_tx(db, joined_tx, &j, e);
}

static int self_tx(struct db *db, void *arg, struct err *e)
{
    const struct id *id = arg;

    return db_run(db, &Q_node_self, DB_ARGS(id->s), NULL, e);
}

int node_self(struct db *db, const struct id *id, struct err *e)
{
    struct id copy = *id;

    return db_tx(db, self_tx, &copy, e);
}

int node_known(struct db *db, const struct id *node, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_node_caller, DB_ARGS(node->s), &r, e) < 0)
        return -1;
    return db_rows(r) ? 0 : err_set(e, ERR_PEER_IDENTITY, "this node was revoked");
}
