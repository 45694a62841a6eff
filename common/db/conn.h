/*
 * conn — the inside of struct db, for the files of this directory only: connect, send, wait with a
 * deadline, lose. conn.c talks to libpq; run.c, tx.c, migrate.c and notify.c say what to do with
 * it.
 */
#ifndef COMMON_DB_CONN_H
#define COMMON_DB_CONN_H

#include <stdbool.h>

#include "common/db/db.h"

enum {
    DB_CALL_MS = 5000,    /* one call, unless db_deadline says otherwise */
    DB_CONNECT_MS = 2000, /* all hosts together */
    DB_SPARE_MS = 250,    /* after a failed connect, so long nothing is tried */
    DB_OPTIONS_MAX = 64,  /* libpq 15 knows 44 */
    DB_CHANNELS_MAX = 8,
};

struct db_prepared {
    const struct db_stmt *st;
    const char *sql; /* a statement at the same address with another text is another one */
    char name[80];
};

struct db {
    PGconn *conn; /* NULL: not connected */
    char *key[DB_OPTIONS_MAX], *value[DB_OPTIONS_MAX];
    int options, hosts, host; /* host: the one that answered last */
    int64_t deadline, next_try_ms;
    bool in_tx;
    struct db_prepared *prepared; /* some hundred at most: looked through, by address */
    unsigned prepared_count, prepared_room;
    char constraint[64];
    char why[200]; /* of the last failed connect */
    char channel[DB_CHANNELS_MAX][64];
    int channels;
    bool relisten; /* connected anew since db_wait last looked */
};

/* When this call must be over. */
int64_t conn_until(const struct db *db);
/* A live connection, opened now if need be and allowed (not inside a transaction). DB_UNAVAILABLE,
 * DEADLINE. */
int conn_ready(struct db *db, struct err *e) MUSTCHECK;
/* Forgets the connection, at once: nothing is waited for. */
void conn_drop(struct db *db);
/* After PQsend…: the result, or the failed one of several. The connection is dropped if it says
 * nothing until then. */
int conn_result(struct db *db, int64_t until_ms, const char *what, PGresult **out,
                struct err *e) MUSTCHECK;
/* Text without values, one or several commands; out may be NULL. */
int conn_command(struct db *db, const char *sql, int64_t until_ms, PGresult **out,
                 struct err *e) MUSTCHECK;
/* 1 when the socket is ready for events, 0 at the deadline. */
int conn_poll(PGconn *c, short events, int64_t until_ms);
/* The only translator of SQLSTATEs. what: statement name, for the cause. */
int db_fail(struct db *db, const PGresult *r, const char *what, struct err *e);

#endif
