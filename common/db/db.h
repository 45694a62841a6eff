/*
 * db — one PostgreSQL connection, owned by one worker thread.
 *
 * Statements are prepared once per connection and named, so a struct db_stmt lives as long as the
 * connections that ran it; every value travels as a parameter. A lost connection is opened again by
 * the next db_run outside a transaction (bounded: 2 s). Each call has a client-side deadline (a
 * stopped backend never answers: platform lesson), after which the connection is dropped:
 * DB_UNAVAILABLE. Conninfo may name several hosts (target_session_attrs=read-write).
 */
#ifndef COMMON_DB_DB_H
#define COMMON_DB_DB_H

#include <libpq-fe.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/err.h"

struct db; /* opaque */
struct db_stmt {
    const char *name;
    int nparams;
    const char *sql;
};

DEFINE_AUTO(auto_result, PGresult *, PQclear)
#define auto_result AUTO(auto_result)

/* Does not fail when the server is away: the first db_run tries again. INTERNAL only. */
int db_open(const char *conninfo, struct db **out, struct err *e) MUSTCHECK;
void db_close(struct db *db); /* NULL is allowed */
DEFINE_AUTO(auto_db, struct db *, db_close)
#define auto_db AUTO(auto_db)

/* Deadline of the calls that follow, clock_boot_ms(); 0: 5 s from each call. */
void db_deadline(struct db *db, int64_t boot_ms);

/*
 * Runs one named statement. args as text, NULL elements are SQL null. Unique violations are
 * CONFLICT (cause names the constraint), check violations PRECONDITION, foreign keys
 * IN_USE/PRECONDITION, arguments that are no value of their type INVALID_REQUEST, serialization
 * failures TX_CONFLICT; db_constraint tells the constraint's name of the last failure.
 */
#define DB_ARGS(...) ((const char *const[]){ __VA_ARGS__ })
int db_run(struct db *db, const struct db_stmt *st, const char *const args[], PGresult **out,
           struct err *e) MUSTCHECK;
const char *db_constraint(const struct db *db); /* "" if the last failure was none */

int db_rows(const PGresult *r);
long db_changed(const PGresult *r); /* rows that the command touched */
const char *db_text(const PGresult *r, int row, const char *column); /* NULL if null */
int64_t db_int(const PGresult *r, int row, const char *column, int64_t if_null);
int db_flag(const PGresult *r, int row, const char *column); /* 1 for true */

/*
 * Runs body in one SERIALIZABLE transaction and repeats it after a serialization failure (8 tries,
 * jitter). So body touches only db and its own result: no HTTP, no libvirt, no log line that says
 * "done". If the connection dies in COMMIT, the outcome is unknown and the error is DB_UNAVAILABLE;
 * ids are chosen before, so the caller may ask again.
 */
typedef int db_tx_fn(struct db *db, void *arg, struct err *e);
int db_tx(struct db *db, db_tx_fn *body, void *arg, struct err *e) MUSTCHECK;
/* The same in READ COMMITTED, once: for compare-and-set statements with constraints as the last
 * word. */
int db_tx_once(struct db *db, db_tx_fn *body, void *arg, struct err *e) MUSTCHECK;

/* Transactions that were repeated, in this process; the daemon shows it as METRIC_DB_RETRIES. */
int64_t db_retries(void);

/*
 * Waits up to timeout_ms for a NOTIFY on the channels LISTENed to with db_listen (own connection).
 * Returns the number received, fills channel and payload of the last. 0 on time-out. After a lost
 * connection it returns 1 once with the first channel and no payload: something may have been
 * missed.
 */
int db_listen(struct db *db, const char *channel, struct err *e) MUSTCHECK; /* [a-z_]{1,63} */
int db_wait(struct db *db, int timeout_ms, char channel[64], char payload[256], struct err *e);

/* Applies migrations/NNNN_name.sql of dir that are not yet in table schema_migration, each in a
 * transaction, under an advisory lock. */
int db_migrate(struct db *db, const char *dir, struct err *e) MUSTCHECK;

#endif
