#include <dirent.h>
#include <errno.h>
#include <sodium.h>

#include "common/base/clock.h"
#include "common/db/conn.h"

enum { FILE_MAX = 4 << 20, MIGRATE_MS = 10 * 60 * 1000 };

struct migration {
    const char *dir, *file; /* "0001_name.sql" */
    int version;
    char *sql;
    char sha256[crypto_hash_sha256_BYTES * 2 + 1];
    bool applied;
};

/* Several processes may start at once: all of them wait here for the first. The number is ours
 * alone. */
static const struct db_stmt lock = { "migrate_lock", 0,
                                     "select pg_advisory_xact_lock(4242071611)" };
static const struct db_stmt table = {
    "migrate_table", 0,
    "create table if not exists schema_migration (version int primary key, name text not null, "
    "sha256 text not null, applied_at timestamptz not null default now())"
};
static const struct db_stmt find = {
    "migrate_find", 1, "select name, sha256 from schema_migration where version = $1"
};
static const struct db_stmt newest = { "migrate_newest", 0,
                                       "select coalesce(max(version), 0) as version "
                                       "from schema_migration" };
static const struct db_stmt add = {
    "migrate_add", 3, "insert into schema_migration (version, name, sha256) values ($1, $2, $3)"
};

static int sql_only(const struct dirent *d)
{
    size_t n = strlen(d->d_name);

    return d->d_name[0] != '.' && n > 4 && strcmp(d->d_name + n - 4, ".sql") == 0;
}

static int bad(struct err *e, const struct migration *m, const char *words)
{
    err_set(e, ERR_PRECONDITION, "database migration %d: %s", m->version, words);
    return err_cause(e, "%s/%s", m->dir, m->file);
}

static int load(struct migration *m, struct err *e)
{
    char path[4096];
    unsigned char hash[crypto_hash_sha256_BYTES];
    size_t n;
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", m->dir, m->file);
    f = fopen(path, "re");
    if (!f || !(m->sql = malloc(FILE_MAX + 1))) {
        if (f)
            fclose(f);
        return bad(e, m, "the file cannot be read");
    }
    n = fread(m->sql, 1, FILE_MAX + 1, f);
    if (ferror(f) || n > FILE_MAX || memchr(m->sql, '\0', n)) {
        fclose(f);
        return bad(e, m, "the file cannot be read, is too large or holds a NUL");
    }
    fclose(f);
    m->sql[n] = '\0';
    crypto_hash_sha256(hash, (const unsigned char *)m->sql, n);
    sodium_bin2hex(m->sha256, sizeof m->sha256, hash, sizeof hash);
    return 0;
}

static int no_limits(struct db *db, struct err *e)
{
    return conn_command(db,
                        "set local statement_timeout = 0; set local lock_timeout = 0; "
                        "set local idle_in_transaction_session_timeout = 0",
                        conn_until(db), NULL, e);
}

static int apply(struct db *db, void *arg, struct err *e)
{
    struct migration *m = arg;
    auto_result PGresult *row = NULL;
    char version[16];

    snprintf(version, sizeof version, "%d", m->version);
    if (no_limits(db, e) < 0 || db_run(db, &lock, NULL, NULL, e) < 0 ||
        db_run(db, &find, DB_ARGS(version), &row, e) < 0)
        return -1;
    if (db_rows(row) == 1) {
        if (strcmp(db_text(row, 0, "sha256"), m->sha256) != 0)
            return bad(e, m, "the file differs from the one that was applied");
        return 0;
    }
    if (conn_command(db, m->sql, conn_until(db), NULL, e) < 0)
        return -1;
    if (PQtransactionStatus(db->conn) != PQTRANS_INTRANS)
        return bad(e, m, "the file must not end its transaction");
    m->applied = true;
    return db_run(db, &add, DB_ARGS(version, m->file, m->sha256), NULL, e);
}

static int prepare_table(struct db *db, void *arg, struct err *e)
{
    auto_result PGresult *row = NULL;
    int count = *(int *)arg;

    if (no_limits(db, e) < 0 || db_run(db, &lock, NULL, NULL, e) < 0 ||
        db_run(db, &table, NULL, NULL, e) < 0 || db_run(db, &newest, NULL, &row, e) < 0)
        return -1;
    if (db_int(row, 0, "version", 0) > count) {
        err_set(e, ERR_PRECONDITION, "the database was made by a newer version of this program");
        return err_cause(e, "schema_migration has %s, there are %d files",
                         db_text(row, 0, "version"), count);
    }
    return 0;
}

/* Names first, all of them: nothing is applied when the directory is not in order. */
static int check_names(const char *dir, struct dirent *const *list, int count, struct err *e)
{
    for (int i = 0; i < count; i++) {
        struct migration m = { .dir = dir, .file = list[i]->d_name, .version = i + 1 };
        char *end;
        long version = strtol(m.file, &end, 10);

        if (end != m.file + 4 || *end != '_')
            return bad(e, &m, "file names are NNNN_name.sql");
        if (version != i + 1)
            return bad(e, &m, "this number is missing or there twice");
    }
    return 0;
}

static int run_all(struct db *db, const char *dir, struct dirent *const *list, int count,
                   struct err *e)
{
    if (check_names(dir, list, count, e) < 0)
        return -1;
    if (db_tx_once(db, prepare_table, &count, e) < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        struct migration m = { .dir = dir, .file = list[i]->d_name, .version = i + 1 };
        int rc = load(&m, e) < 0 ? -1 : db_tx_once(db, apply, &m, e);

        free(m.sql);
        if (rc < 0) {
            if (e->code == ERR_PRECONDITION || e->code == ERR_DB_UNAVAILABLE)
                return -1;
            e->code = ERR_PRECONDITION; /* starting again does not help: a person must look */
            snprintf(e->detail, sizeof e->detail, "database migration %d failed", m.version);
            return -1;
        }
    }
    return 0;
}

int db_migrate(struct db *db, const char *dir, struct err *e)
{
    struct dirent **list = NULL;
    int count = scandir(dir, &list, sql_only, alphasort), rc;
    int64_t before = db->deadline;

    if (count < 0) {
        err_set(e, ERR_PRECONDITION, "the database's migrations cannot be read");
        return err_cause(e, "%s: %s", dir, strerror(errno));
    }
    if (!before)
        db->deadline = clock_boot_ms() + MIGRATE_MS;
    rc = run_all(db, dir, list, count, e);
    db->deadline = before;
    for (int i = 0; i < count; i++)
        free(list[i]);
    free(list);
    return rc;
}
