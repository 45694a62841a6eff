#include "ccc/admin.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "ccc/ccc.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "sql/ccc/audit.h"
#include "sql/ccc/person.h"

enum { LINE = 4 * 128 + 2, ADMIN_PATH = 4096 };

static int complain(const struct err *e)
{
    fprintf(stderr, "ccc: %s%s%s\n", e->detail, e->cause[0] ? ": " : "", e->cause);
    return 1;
}

int admin_migrate(void *config, const char *argument)
{
    const struct ccc_config *c = config;
    auto_db struct db *db = NULL;
    struct err e = { 0 };

    (void)argument;
    if (db_open(c->owner_database[0] ? c->owner_database : c->database, &db, &e) < 0 ||
        db_migrate(db, c->migrations, &e) < 0)
        return complain(&e);
    return 0;
}

struct first {
    struct id id;
    const char *verifier;
    char *body;
};

static int make_tx(struct db *db, void *arg, struct err *e)
{
    const struct first *f = arg;
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_person_admins, NULL, &r, e) < 0)
        return -1;
    if (db_int(r, 0, "n", 0) > 0)
        return err_set(e, ERR_PRECONDITION, "an administrator exists already");
    if (db_run(db, &Q_person_add, DB_ARGS(f->id.s, f->body, f->verifier), NULL, e) < 0)
        return -1;
    return db_run(db, &Q_audit_add,
                  DB_ARGS(NULL, "ccc --make-admin", "user.create", "user", f->id.s, NULL, "ok", "-",
                          "ccc", NULL),
                  NULL, e);
}

static int make(const struct ccc_config *c, const char *name, const char *password, struct err *e)
{
    struct passwords *hashing = NULL;
    auto_db struct db *db = NULL;
    char verifier[PASSWORD_VERIFIER];
    struct first f = { .id = id_new(), .verifier = verifier };
    json_auto_t *body = json_object();
    int rc;

    if (!text_username(name))
        return err_set(e, ERR_INVALID_REQUEST, "the name must be 1 to 32 of a-z, 0-9, . - _");
    if (!text_password(password))
        return err_set(e, ERR_INVALID_REQUEST, "the password must be 8 to 128 characters");
    json_object_set_new(body, "username", json_string(name));
    json_object_set_new(body, "role", json_string("admin"));
    if (db_open(c->database, &db, e) < 0 || password_open(1, 0, &hashing, e) < 0)
        return -1;
    rc = password_hash(hashing, password, verifier, e);
    password_close(hashing);
    f.body = json_dumps(body, JSON_COMPACT);
    if (rc == 0)
        rc = db_tx(db, make_tx, &f, e);
    free(f.body);
    return rc;
}

int admin_make(void *config, const char *name)
{
    char password[LINE];
    struct err e = { 0 };
    int rc;

    if (!fgets(password, sizeof password, stdin))
        password[0] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    rc = make(config, name, password, &e);
    sodium_memzero(password, sizeof password);
    return rc < 0 ? complain(&e) : 0;
}

/* DIR/server.key and DIR/server.crt, for the names behind the last colon of DIR:NAME,… */
static int certify(const struct ccc_config *c, const char *argument, struct err *e)
{
    const char *names = strrchr(argument, ':');
    char key[ADMIN_PATH], cert[ADMIN_PATH], ca_dir[ADMIN_PATH];
    int n = names ? (int)(names - argument) : 0;
    struct ca *ca = NULL;
    int rc;

    if (n == 0 || n > ADMIN_PATH - 32 || !names[1])
        return err_set(e, ERR_INVALID_REQUEST, "give DIR:NAME,…");
    snprintf(key, sizeof key, "%.*s/server.key", n, argument);
    snprintf(cert, sizeof cert, "%.*s/server.crt", n, argument);
    if (c->ca_dir[0])
        snprintf(ca_dir, sizeof ca_dir, "%s", c->ca_dir);
    else
        snprintf(ca_dir, sizeof ca_dir, "%s/ca", c->state_dir);
    if (ca_open(ca_dir, &ca, e) < 0)
        return -1;
    rc = ca_public_certificate(ca, key, cert, names + 1, e);
    ca_close(ca);
    return rc;
}

int admin_certificate(void *config, const char *argument)
{
    struct err e = { 0 };

    return certify(config, argument, &e) < 0 ? complain(&e) : 0;
}
