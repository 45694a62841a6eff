#include "common/base/clock.h"
#include "common/db/conn.h"

static const struct {
    const char *state; /* SQLSTATE, or the class that it begins with */
    enum err_code code;
    const char *detail;
    bool drop; /* this connection is of no use any more */
} states[] = {
    { "23505", ERR_CONFLICT, "something like this is there already", false },
    { "23P01", ERR_CONFLICT, "it overlaps with something that is there already", false },
    { "23514", ERR_PRECONDITION, "a rule of the database does not allow it", false },
    { "23001", ERR_IN_USE, "something still depends on it", false },
    { "P0001", ERR_PRECONDITION, "a rule of the database does not allow it", false },
    { "40001", ERR_TX_CONFLICT, "another change came at the same moment", false },
    { "40P01", ERR_TX_CONFLICT, "another change came at the same moment", false },
    { "55P03", ERR_TX_CONFLICT, "another change holds it for too long", false },
    { "57014", ERR_DEADLINE, "the database took too long", false },
    /* the schema was migrated, or somebody discarded the prepared statements: prepare anew */
    { "0A000", ERR_TX_CONFLICT, "the database was changed meanwhile", true },
    { "26000", ERR_TX_CONFLICT, "the database was changed meanwhile", true },
    /* the server that takes writes is another one now */
    { "25006", ERR_DB_UNAVAILABLE, "this database does not take changes", true },
    { "25P03", ERR_DB_UNAVAILABLE, "the transaction took too long", true },
    { "08", ERR_DB_UNAVAILABLE, "the database could not be reached", true },
    { "53", ERR_DB_UNAVAILABLE, "the database has no room or connections left", false },
    { "57P", ERR_DB_UNAVAILABLE, "the database is stopping or starting", true },
};

/* 23503 has two sides: what is named is missing, or what is deleted is still named. */
static void fail_foreign_key(const PGresult *r, struct err *e)
{
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

    if (words && strncmp(words, "update or delete", 16) == 0)
        err_set(e, ERR_IN_USE, "something still depends on it");
    else
        err_set(e, ERR_PRECONDITION, "something that it names does not exist");
}

static void fail_by_state(struct db *db, const PGresult *r, const char *state, struct err *e)
{
    size_t i = 0, n = sizeof states / sizeof *states;

    if (strcmp(state, "23503") == 0) {
        fail_foreign_key(r, e);
        return;
    }
    while (i < n && strncmp(state, states[i].state, strlen(states[i].state)) != 0)
        i++;
    if (i == n) {
        err_set(e, ERR_INTERNAL, "the database refused a statement");
        return;
    }
    err_set(e, states[i].code, "%s", states[i].detail);
    if (states[i].drop)
        conn_drop(db);
}

int db_fail(struct db *db, const PGresult *r, const char *what, struct err *e)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    const char *constraint = r ? PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME) : NULL;
    const char *words = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char said[160];

    snprintf(said, sizeof said, "%s", words ? words : PQerrorMessage(db->conn));
    if (constraint)
        snprintf(db->constraint, sizeof db->constraint, "%s", constraint);
    if (!state || PQstatus(db->conn) == CONNECTION_BAD) {
        err_set(e, ERR_DB_UNAVAILABLE, "the database could not be reached");
        conn_drop(db);
    } else {
        fail_by_state(db, r, state, e);
    }
    return err_cause(e, "%s: sqlstate=%s constraint=%s: %s", what, state ? state : "none",
                     constraint ? constraint : "-", said);
}

const char *db_constraint(const struct db *db)
{
    return db->constraint;
}

static const struct db_prepared *prepared(const struct db *db, const struct db_stmt *st)
{
    for (unsigned i = 0; i < db->prepared_count; i++)
        if (db->prepared[i].st == st && db->prepared[i].sql == st->sql)
            return &db->prepared[i];
    return NULL;
}

static struct db_prepared *room_for_one(struct db *db)
{
    if (db->prepared_count == db->prepared_room) {
        unsigned room = db->prepared_room ? 2 * db->prepared_room : 32;
        struct db_prepared *grown = reallocarray(db->prepared, room, sizeof *grown);

        if (!grown)
            return NULL;
        db->prepared = grown;
        db->prepared_room = room;
    }
    return &db->prepared[db->prepared_count];
}

/*
 * The name on the server is unique for each struct db_stmt, not for each name: generated statements
 * are static in every file that includes them, and two modules may use the same word.
 */
static int prepare(struct db *db, const struct db_stmt *st, int64_t until_ms,
                   const struct db_prepared **out, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct db_prepared *p;

    *out = prepared(db, st);
    if (*out)
        return 0;
    p = room_for_one(db);
    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->st = st;
    p->sql = st->sql;
    snprintf(p->name, sizeof p->name, "%.60s_%u", st->name, db->prepared_count);
    if (!PQsendPrepare(db->conn, p->name, st->sql, 0, NULL))
        return db_fail(db, NULL, st->name, e);
    if (conn_result(db, until_ms, st->name, &r, e) < 0)
        return -1;
    db->prepared_count++; /* only now: what was not prepared is not found */
    *out = p;
    return 0;
}

int db_run(struct db *db, const struct db_stmt *st, const char *const args[], PGresult **out,
           struct err *e)
{
    int64_t until = conn_until(db);
    auto_result PGresult *r = NULL;
    const struct db_prepared *p = NULL;

    if (conn_ready(db, e) < 0 || prepare(db, st, until, &p, e) < 0)
        return -1;
    if (!PQsendQueryPrepared(db->conn, p->name, st->nparams, args, NULL, NULL, 0))
        return db_fail(db, NULL, st->name, e);
    if (conn_result(db, until, st->name, &r, e) < 0)
        return -1;
    if (out)
        *out = MOVE(r);
    return 0;
}

int db_rows(const PGresult *r)
{
    return PQntuples(r);
}

long db_changed(const PGresult *r)
{
    union {
        const PGresult *in;
        PGresult *out;
    } u = { .in = r }; /* PQcmdTuples only reads, but libpq 15 does not say so */

    return strtol(PQcmdTuples(u.out), NULL, 10);
}

const char *db_text(const PGresult *r, int row, const char *column)
{
    int c = PQfnumber(r, column);

    return c < 0 || row >= PQntuples(r) || PQgetisnull(r, row, c) ? NULL : PQgetvalue(r, row, c);
}

int64_t db_int(const PGresult *r, int row, const char *column, int64_t if_null)
{
    const char *text = db_text(r, row, column);

    return text ? strtoll(text, NULL, 10) : if_null;
}

int db_flag(const PGresult *r, int row, const char *column)
{
    const char *text = db_text(r, row, column);

    return text && text[0] == 't';
}
