#include "ccc/idempotency.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "sql/ccc/idempotency.h"

/* Without the password: a plain hash in the database would let it be guessed a billion times a
 * second, past the Argon2id of its verifier. */
static void hash_body(const json_t *body, char to[65])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    json_auto_t *rest = body ? json_deep_copy(body) : NULL;
    char *text;

    json_object_del(rest, "password");
    text = rest ? json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    crypto_hash_sha256(sum, (const unsigned char *)(text ? text : ""), text ? strlen(text) : 0);
    sodium_bin2hex(to, 65, sum, sizeof sum);
    free(text);
}

int idempotency_open(const struct request *rq, struct idempotency *i, struct err *e)
{
    const char *key = http_header(rq, "Idempotency-Key");

    *i = (struct idempotency){ .key = key };
    if (!key)
        return 0;
    for (const char *p = key; *p; p++)
        if (*p < 0x21 || *p > 0x7e || p - key >= 64)
            return err_set(e, ERR_INVALID_REQUEST,
                           "Idempotency-Key must be 1 to 64 visible ASCII characters");
    if (!key[0])
        return err_set(e, ERR_INVALID_REQUEST, "Idempotency-Key must not be empty");
    snprintf(i->route, sizeof i->route, "%s %s", rq->method, rq->path);
    hash_body(rq->body, i->hash);
    return 0;
}

void idempotency_close(struct idempotency *i)
{
    json_decref(i->body);
    i->body = NULL;
}

int idempotency_find(struct db *db, const struct request *rq, struct idempotency *i, struct err *e)
{
    auto_result PGresult *r = NULL;
    const char *body;

    idempotency_close(i);
    i->replay = false;
    if (!i->key)
        return 0;
    if (db_run(db, &Q_idempotency_find, DB_ARGS(rq->caller.id.s, i->key), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return 0;
    if (strcmp(db_text(r, 0, "body_hash"), i->hash) != 0 ||
        strcmp(db_text(r, 0, "route"), i->route) != 0)
        return err_set(e, ERR_IDEMPOTENCY_MISMATCH, "this key belongs to another request");
    body = db_text(r, 0, "body");
    if (!body)
        return err_set(e, ERR_CONFLICT,
                       "this request was answered already, and its answer held a "
                       "secret that is shown once");
    i->body = json_loads(body, 0, NULL);
    if (!i->body)
        return err_set(e, ERR_INTERNAL, "a stored answer cannot be read");
    i->status = (int)db_int(r, 0, "status", 200);
    snprintf(i->location, sizeof i->location, "%s", db_text(r, 0, "location"));
    i->replay = true;
    return 0;
}

int idempotency_store(struct db *db, const struct request *rq, const struct idempotency *i,
                      int status, const char *location, const json_t *body, struct err *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, code[8];
    int rc = 0;

    if (i->key) {
        snprintf(code, sizeof code, "%d", status);
        rc = db_run(db, &Q_idempotency_add,
                    DB_ARGS(rq->caller.id.s, i->key, i->route, i->hash, code,
                            location ? location : "", text),
                    NULL, e);
    }
    free(text);
    return rc;
}
