#include "common/db/conn.h"

#include <errno.h>
#include <poll.h>

#include "common/base/clock.h"
#include "common/base/log.h"

/*
 * What every session is told. statement_timeout is shorter than a call's own deadline, so a slow
 * statement ends as an error of the server; the deadline is for servers that say nothing any more.
 */
#define SESSION_OPTIONS                                                                            \
    "-c statement_timeout=4500 -c lock_timeout=2500 -c idle_in_transaction_session_timeout=5000"

static void notice(void *arg, const char *message)
{
    (void)arg;
    log_debug("postgresql: %s", message);
}

static int commas(const char *list)
{
    int n = 0;

    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

static int option_set(struct db *db, const char *key, const char *value)
{
    int i = 0;

    while (i < db->options && strcmp(db->key[i], key) != 0)
        i++;
    if (i == db->options) {
        if (i + 1 >= DB_OPTIONS_MAX || !(db->key[i] = strdup(key)))
            return -1;
        db->options++;
    }
    free(db->value[i]);
    db->value[i] = strdup(value);
    return db->value[i] ? 0 : -1;
}

static const char *option(const struct db *db, const char *key)
{
    for (int i = 0; i < db->options; i++)
        if (strcmp(db->key[i], key) == 0)
            return db->value[i];
    return NULL;
}

static int option_default(struct db *db, const char *key, const char *value)
{
    return option(db, key) ? 0 : option_set(db, key, value);
}

/* The conninfo's own words win over ours. */
static int options_fill(struct db *db, const PQconninfoOption *given)
{
    char *all = NULL;
    const char *own;
    int rc = 0;

    for (; given->keyword; given++)
        if (given->val && option_set(db, given->keyword, given->val) < 0)
            return -1;
    own = option(db, "options");
    if (asprintf(&all, SESSION_OPTIONS " %s", own ? own : "") < 0)
        return -1;
    db->hosts = 1 + commas(option(db, "hostaddr") ? option(db, "hostaddr") : option(db, "host"));
    rc |= option_set(db, "options", all);
    free(all);
    rc |= option_set(db, "client_encoding", "UTF8");
    rc |= option_default(db, "fallback_application_name", program_invocation_short_name);
    rc |= option_default(db, "keepalives_idle", "5");
    rc |= option_default(db, "keepalives_interval", "2");
    rc |= option_default(db, "keepalives_count", "3");
    rc |= option_default(db, "tcp_user_timeout", "10000");
    if (db->hosts > 1)
        rc |= option_default(db, "target_session_attrs", "read-write");
    return rc;
}

int db_open(const char *conninfo, struct db **out, struct err *e)
{
    PQconninfoOption *given =
        PQconninfoParse(conninfo, NULL); /* its message may quote a password */
    auto_db struct db *db = NULL;
    int rc;

    if (!given)
        return err_set(e, ERR_INTERNAL, "the database's address cannot be read");
    db = calloc(1, sizeof *db);
    rc = db ? options_fill(db, given) : -1;
    PQconninfoFree(given);
    if (rc < 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    *out = MOVE(db);
    return 0;
}

void conn_drop(struct db *db)
{
    free(db->prepared);
    db->prepared = NULL;
    db->prepared_room = 0;
    db->prepared_count = 0;
    if (db->conn)
        PQfinish(db->conn); /* the socket is non-blocking: says goodbye if there is room, waits for
                               nobody */
    db->conn = NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    conn_drop(db);
    for (int i = 0; i < db->options; i++) {
        if (db->value[i])
            explicit_bzero(db->value[i], strlen(db->value[i])); /* one of them is the password */
        free(db->key[i]);
        free(db->value[i]);
    }
    free(db);
}

void db_deadline(struct db *db, int64_t boot_ms)
{
    db->deadline = boot_ms;
}

int64_t conn_until(const struct db *db)
{
    return db->deadline ? db->deadline : clock_boot_ms() + DB_CALL_MS;
}

int conn_poll(PGconn *c, short events, int64_t until_ms)
{
    struct pollfd p = { .fd = PQsocket(c), .events = events };

    for (;;) {
        int64_t left = until_ms - clock_boot_ms();
        int n = poll(&p, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);

        if (n > 0)
            return 1;
        if (n < 0 && errno != EINTR)
            return 1; /* libpq will find out what is wrong with it */
        if (left <= 0)
            return 0;
    }
}

/* Element n of "a,b,c"; the last one if there are fewer (libpq: one port for all hosts). */
static char *nth(const char *list, int n)
{
    for (; n > 0 && strchr(list, ','); n--)
        list = strchr(list, ',') + 1;
    return strndup(list, strcspn(list, ","));
}

/*
 * libpq goes through several hosts itself, but without connect_timeout when driven asynchronously:
 * one that is switched off would use up the time of all. So each is tried alone, with its share.
 */
static PGconn *start(const struct db *db, int host)
{
    const char *key[DB_OPTIONS_MAX + 1] = { NULL }, *value[DB_OPTIONS_MAX + 1] = { NULL };
    char *own[DB_OPTIONS_MAX] = { NULL };
    PGconn *c;

    for (int i = 0; i < db->options; i++) {
        key[i] = db->key[i];
        if (db->hosts > 1 && (strcmp(key[i], "host") == 0 || strcmp(key[i], "hostaddr") == 0 ||
                              strcmp(key[i], "port") == 0))
            own[i] = nth(db->value[i], host);
        value[i] = own[i] ? own[i] : db->value[i];
    }
    c = PQconnectStartParams(key, value, 0);
    for (int i = 0; i < db->options; i++)
        free(own[i]);
    return c;
}

static bool connect_host(struct db *db, int host, int64_t until_ms)
{
    PGconn *c = start(db, host);
    PostgresPollingStatusType s = PGRES_POLLING_WRITING;

    if (!c || PQstatus(c) == CONNECTION_BAD)
        s = PGRES_POLLING_FAILED;
    while (s == PGRES_POLLING_READING || s == PGRES_POLLING_WRITING) {
        if (!conn_poll(c, s == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ms))
            break;
        s = PQconnectPoll(c);
    }
    if (s == PGRES_POLLING_OK && PQsetnonblocking(c, 1) == 0) {
        PQsetNoticeProcessor(c, notice, NULL);
        db->conn = c;
        db->host = host;
        return true;
    }
    snprintf(db->why, sizeof db->why, "%s",
             s == PGRES_POLLING_FAILED && c ? PQerrorMessage(c) : "no answer while connecting");
    PQfinish(c);
    return false;
}

static int connect_any(struct db *db, struct err *e)
{
    int64_t until = clock_boot_ms() + DB_CONNECT_MS;

    if (until > conn_until(db))
        until = conn_until(db);
    for (int i = 0; i < db->hosts && clock_boot_ms() >= db->next_try_ms; i++) {
        int64_t now = clock_boot_ms();

        if (connect_host(db, (db->host + i) % db->hosts, now + (until - now) / (db->hosts - i))) {
            db->relisten = db->channels > 0;
            return 0;
        }
    }
    if (clock_boot_ms() >= db->next_try_ms)
        db->next_try_ms = clock_boot_ms() + DB_SPARE_MS;
    err_set(e, ERR_DB_UNAVAILABLE, "the database could not be reached");
    return err_cause(e, "connect: %s", db->why);
}

/* A server that was restarted has closed idle connections: better seen before something is sent. */
static bool gone(PGconn *c)
{
    struct pollfd p = { .fd = PQsocket(c), .events = POLLIN };

    for (int i = 0; i < 4 && PQstatus(c) == CONNECTION_OK && poll(&p, 1, 0) > 0; i++)
        (void)PQconsumeInput(c); /* first its last words, then the end */
    return PQstatus(c) == CONNECTION_BAD;
}

int conn_ready(struct db *db, struct err *e)
{
    db->constraint[0] = '\0';
    if (db->in_tx && !db->conn)
        return err_set(e, ERR_DB_UNAVAILABLE, "the transaction's connection was lost");
    if (conn_until(db) <= clock_boot_ms())
        return err_set(e, ERR_DEADLINE, "no time was left to ask the database");
    if (db->in_tx)
        return 0;
    if (db->conn && gone(db->conn))
        conn_drop(db);
    return db->conn ? 0 : connect_any(db, e);
}

static int lost(struct db *db, const char *what, const char *why, struct err *e)
{
    char cause[160];

    snprintf(cause, sizeof cause, "%s", why); /* libpq's words die with the connection */
    conn_drop(db);
    err_set(e, ERR_DB_UNAVAILABLE, "the database did not answer");
    return err_cause(e, "%s: %s", what, cause);
}

static bool failed(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);

    return s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_EMPTY_QUERY;
}

int conn_result(struct db *db, int64_t until_ms, const char *what, PGresult **out, struct err *e)
{
    auto_result PGresult *last = NULL;

    for (;;) {
        int unsent = PQflush(db->conn);

        if (unsent < 0)
            return lost(db, what, PQerrorMessage(db->conn), e);
        if (unsent == 0 && !PQisBusy(db->conn)) {
            PGresult *r = PQgetResult(db->conn);

            if (!r)
                break;
            if (last && failed(last)) {
                PQclear(r);
                continue;
            }
            PQclear(last);
            last = r;
            if (PQresultStatus(r) == PGRES_COPY_IN || PQresultStatus(r) == PGRES_COPY_OUT)
                return lost(db, what, "COPY is not used here", e);
            continue;
        }
        if (!conn_poll(db->conn, (short)(POLLIN | (unsent ? POLLOUT : 0)), until_ms))
            return lost(db, what, "no answer before the deadline", e);
        if (!PQconsumeInput(db->conn))
            return lost(db, what, PQerrorMessage(db->conn), e);
    }
    if (!last || failed(last))
        return db_fail(db, last, what, e);
    *out = MOVE(last);
    return 0;
}

int conn_command(struct db *db, const char *sql, int64_t until_ms, PGresult **out, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (!PQsendQuery(db->conn, sql))
        return lost(db, "command", PQerrorMessage(db->conn), e);
    if (conn_result(db, until_ms, "command", &r, e) < 0)
        return -1;
    if (out)
        *out = MOVE(r);
    return 0;
}
