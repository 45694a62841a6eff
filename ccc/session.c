#include "ccc/session.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "ccc/ccc.h"
#include "sql/ccc/login.h"

enum { TOKEN_BYTES = 32 };

void session_token_new(char token[SESSION_TOKEN])
{
    unsigned char bytes[TOKEN_BYTES];

    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(token, SESSION_TOKEN, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
}

static void hash_with(const char *label, const char *token, char to[SESSION_HASH])
{
    crypto_hash_sha256_state st;
    unsigned char sum[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const unsigned char *)label, strlen(label));
    crypto_hash_sha256_update(&st, (const unsigned char *)token, strlen(token));
    crypto_hash_sha256_final(&st, sum);
    sodium_bin2hex(to, SESSION_HASH, sum, sizeof sum);
}

void session_hash(const char *token, char to[SESSION_HASH])
{
    hash_with("", token, to);
}

void session_csrf(const char *token, char to[SESSION_HASH])
{
    hash_with("csrf:", token, to);
}

/* The value of our cookie in the Cookie header; false if there is none or it has another length. */
static bool cookie_token(const struct request *rq, char token[SESSION_TOKEN])
{
    const char *name = ccc_app(rq)->cookie, *p = http_header(rq, "Cookie");
    size_t n = strlen(name);

    while (p && *p) {
        size_t len;

        p += strspn(p, "; ");
        len = strcspn(p, ";");
        if (len == n + 1 + SESSION_TOKEN - 1 && strncmp(p, name, n) == 0 && p[n] == '=') {
            memcpy(token, p + n + 1, SESSION_TOKEN - 1);
            token[SESSION_TOKEN - 1] = '\0';
            return true;
        }
        p += len;
    }
    return false;
}

static int bearer_token(const char *header, char token[SESSION_TOKEN], struct err *e)
{
    if (strncasecmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != SESSION_TOKEN - 1)
        return err_set(e, ERR_NOT_SIGNED_IN,
                       "the Authorization header is not a bearer token of ours");
    memcpy(token, header + 7, SESSION_TOKEN);
    return 0;
}

static int look_up(const struct request *rq, const char *token, struct caller *c, struct err *e)
{
    auto_result PGresult *r = NULL;
    char hash[SESSION_HASH], idle[16];

    session_hash(token, hash);
    snprintf(idle, sizeof idle, "%d", SESSION_IDLE_S);
    if (db_run(ccc_db(rq), &Q_session_find, DB_ARGS(hash, idle), &r, e) < 0)
        return -1;
    if (db_rows(r) == 0)
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended, sign in again");
    if (db_flag(r, 0, "stale") && db_run(ccc_db(rq), &Q_session_touch, DB_ARGS(hash), NULL, e) < 0)
        return -1;
    if (!id_parse(db_text(r, 0, "id"), &c->id))
        return err_set(e, ERR_INTERNAL, "a stored person cannot be read");
    snprintf(c->name, sizeof c->name, "%s", db_text(r, 0, "username"));
    snprintf(c->role, sizeof c->role, "%s", db_text(r, 0, "role"));
    snprintf(c->session, sizeof c->session, "%s", hash);
    session_csrf(token, c->csrf);
    c->kind = CALLER_PERSON;
    return 0;
}

int session_authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    const char *header = http_header(rq, "Authorization");
    char token[SESSION_TOKEN];
    struct caller found = { 0 };

    if (header) {
        if (bearer_token(header, token, e) < 0)
            return -1;
    } else if (cookie_token(rq, token)) {
        found.by_cookie = true;
    } else {
        return 0;
    }
    if (look_up(rq, token, &found, e) < 0)
        return -1;
    *c = found;
    return 0;
}

int session_modules(struct db *db, const struct id *person, bool all, json_t **out, struct err *e)
{
    auto_result PGresult *r = NULL;
    json_t *list;

    if (db_run(db, &Q_session_modules, DB_ARGS(person->s, all ? "true" : "false"), &r, e) < 0)
        return -1;
    list = json_array();
    for (int i = 0; i < db_rows(r); i++) {
        json_t *m = json_object();

        json_object_set_new(m, "id", json_string(db_text(r, i, "id")));
        json_object_set_new(m, "name", json_string(db_text(r, i, "name")));
        json_object_set_new(m, "login", json_string(db_text(r, i, "login")));
        json_array_append_new(list, m);
    }
    *out = list;
    return 0;
}
