#include <assert.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/db/conn.h"

enum { TRIES = 8, ROLLBACK_MS = 1000 };

static _Atomic int64_t retries;

int64_t db_retries(void)
{
    return atomic_load_explicit(&retries, memory_order_relaxed);
}

/* COMMIT of a transaction in which something had failed is answered by ROLLBACK, and no error. */
static int commit(struct db *db, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (!db->conn)
        return err_set(e, ERR_DB_UNAVAILABLE, "the transaction's connection was lost");
    if (conn_command(db, "commit", conn_until(db), &r, e) < 0)
        return -1;
    if (strcmp(PQcmdStatus(r), "COMMIT") != 0)
        return err_set(e, ERR_INTERNAL, "a failure inside the transaction was overlooked");
    return 0;
}

/* Has a time of its own: the body's deadline may be why it failed, the connection is still good. */
static void rollback(struct db *db)
{
    struct err ignored = { 0 };

    if (db->conn && PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        (void)!conn_command(db, "rollback", clock_boot_ms() + ROLLBACK_MS, NULL, &ignored);
}

static int once(struct db *db, const char *begin, db_tx_fn *body, void *arg, struct err *e)
{
    char constraint[sizeof db->constraint];
    int rc;

    assert(!db->in_tx);
    if (conn_ready(db, e) < 0 || conn_command(db, begin, conn_until(db), NULL, e) < 0)
        return -1;
    db->in_tx = true;
    rc = body(db, arg, e);
    if (rc < 0 && e->code == ERR_NONE)
        err_set(e, ERR_INTERNAL, "a transaction failed without a reason");
    if (rc == 0)
        rc = commit(db, e);
    memcpy(constraint, db->constraint, sizeof constraint);
    if (rc < 0)
        rollback(db);
    memcpy(db->constraint, constraint, sizeof constraint);
    db->in_tx = false;
    return rc < 0 ? -1 : 0;
}

int db_tx(struct db *db, db_tx_fn *body, void *arg, struct err *e)
{
    int64_t until = conn_until(db);

    for (unsigned try = 1;; try++) {
        struct err last = { 0 };

        if (once(db, "begin isolation level serializable", body, arg, &last) == 0)
            return 0;
        if (last.code != ERR_TX_CONFLICT || try == TRIES || clock_boot_ms() >= until) {
            *e = last;
            return -1;
        }
        atomic_fetch_add_explicit(&retries, 1, memory_order_relaxed);
        usleep(arc4random_uniform(1000U << try)); /* without it, one in four gave up (measured) */
    }
}

int db_tx_once(struct db *db, db_tx_fn *body, void *arg, struct err *e)
{
    return once(db, "begin isolation level read committed", body, arg, e);
}
