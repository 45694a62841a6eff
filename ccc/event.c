#include "ccc/event.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ccc/event_stream.h"
#include "ccc/operation.h"
#include "ccc/session.h"
#include "ccc/wanted.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/db/db.h"
#include "sql/ccc/event.h"
#include "sql/ccc/login.h"
#include "sql/ccc/tree.h"
#include "sql/ccc/wanted.h"

enum { SESSION_STREAMS = 8, PERSON_STREAMS = 32 };
enum { ROWS_MAX = 5000, IDLE_MS = 500, SETTLE_MS = 30, GAP_MS = 100 };
enum { HEARD_MS = 3000, SESSIONS_MS = 10000, MODULES_MAX = 4096 };

struct heard {
    struct id id;
    bool up;
};

struct event_hub {
    struct event_spec spec;
    pthread_mutex_t lock; /* streams; never held over the database */
    struct event_stream *streams;
    int n;
    pthread_t wanted, changed;
    bool wanted_runs, changed_runs;
    atomic_bool stop;
    /* of the thread `changed` alone */
    char horizon[24];
    struct heard *modules;
    int modules_n;
    int64_t heard_ms, sessions_ms;
    bool sessions_due; /* somebody's session may have ended */
};

static void stream_closed(void *arg, struct http_stream *stream)
{
    struct event_stream *s = arg;
    struct event_hub *h = s->hub;

    (void)stream;
    pthread_mutex_lock(&h->lock);
    if (s->prev)
        s->prev->next = s->next;
    else
        h->streams = s->next;
    if (s->next)
        s->next->prev = s->prev;
    h->n--;
    pthread_mutex_unlock(&h->lock);
    free(s);
}

/* Lock held. One session, or one person, does not take everybody's places. */
static int room_for(const struct event_hub *h, const struct event_stream *mine, struct err *e)
{
    int of_session = 0, of_person = 0;

    for (const struct event_stream *s = h->streams; s; s = s->next) {
        of_session += strcmp(s->session, mine->session) == 0;
        of_person += id_eq(&s->person, &mine->person);
    }
    if (of_session >= SESSION_STREAMS) {
        err_set(e, ERR_TOO_MANY_REQUESTS, "this session watches with as many pages as it may");
        err_number(e, "streams", of_session);
        return err_number(e, "limit", SESSION_STREAMS);
    }
    if (of_person >= PERSON_STREAMS) {
        err_set(e, ERR_TOO_MANY_REQUESTS, "you watch with as many pages as one may");
        err_number(e, "streams", of_person);
        return err_number(e, "limit", PERSON_STREAMS);
    }
    if (h->n < h->spec.streams_max)
        return 0;
    err_set(e, ERR_OVERLOADED, "too many pages watch already");
    err_number(e, "streams", h->n);
    return err_number(e, "limit", h->spec.streams_max);
}

int event_stream_add(struct event_hub *h, const struct request *rq, struct http_stream **out,
                     struct err *e)
{
    struct event_stream *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(e, ERR_INTERNAL, "out of memory");
    s->hub = h;
    s->person = rq->caller.id;
    s->admin = strcmp(rq->caller.role, "admin") == 0;
    snprintf(s->session, sizeof s->session, "%s", rq->caller.session);
    pthread_mutex_lock(&h->lock);
    if (room_for(h, s, e) < 0) {
        pthread_mutex_unlock(&h->lock);
        free(s);
        return -1;
    }
    s->stream = http_stream_open(rq, stream_closed, s);
    if (!s->stream) {
        pthread_mutex_unlock(&h->lock);
        free(s);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    *out = s->stream;
    s->next = h->streams;
    if (s->next)
        s->next->prev = s;
    h->streams = s;
    h->n++;
    pthread_mutex_unlock(&h->lock);
    return 0;
}

static void send_list(struct http_stream *st, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *o = json_array_get(list, i), *ids = json_object_get(o, "ids");
        char *text;

        if (!ids || json_array_size(ids) == 0)
            json_object_set_new(o, "ids", json_array());
        text = json_dumps(o, JSON_COMPACT);
        if (text)
            http_stream_send(st, "changed", text);
        free(text);
    }
}

/* Returns how many events the busiest stream got: the pause afterwards is 100 ms for each. */
static size_t send_all(struct event_hub *h, const struct event_row *rows, size_t n, bool overflow)
{
    size_t most = 0;

    pthread_mutex_lock(&h->lock);
    for (struct event_stream *s = h->streams; s; s = s->next) {
        json_t *list = s->ended ? NULL : event_for(s->admin, &s->person, rows, n, overflow);

        if (list) {
            send_list(s->stream, list);
            most = json_array_size(list) > most ? json_array_size(list) : most;
        }
        json_decref(list);
    }
    pthread_mutex_unlock(&h->lock);
    return most;
}

static void wake_operations(struct event_hub *h, const struct event_row *rows, size_t n)
{
    char key[OPERATION_KEY];

    for (size_t i = 0; *h->spec.public && i < n; i++) {
        if (rows[i].wake && strcmp(rows[i].kind, "operation") == 0) {
            operation_key(rows[i].id.s, key);
            http_wake(*h->spec.public, key);
        }
    }
}

/* '{hash,…}': the sessions that have a stream. NULL when out of memory; "{}" when none. */
static char *sessions_of(struct event_hub *h)
{
    char *text, *p;

    pthread_mutex_lock(&h->lock);
    text = malloc((size_t)h->n * sizeof h->streams->session + 3);
    p = text ? stpcpy(text, "{") : NULL;
    for (struct event_stream *s = h->streams; p && s; s = s->next) {
        if (s->ended)
            continue;
        if (p[-1] != '{')
            *p++ = ',';
        p = stpcpy(p, s->session);
    }
    if (p)
        stpcpy(p, "}");
    pthread_mutex_unlock(&h->lock);
    return text;
}

static int row_of(const PGresult *r, const char *session)
{
    for (int i = 0; i < db_rows(r); i++)
        if (strcmp(db_text(r, i, "token_hash"), session) == 0)
            return i;
    return -1;
}

/* Each stream's session is asked for on its own: the stream ends with it. A role may change. */
static int check_sessions(struct event_hub *h, struct db *db, struct err *e)
{
    char *asked, idle[16];
    auto_result PGresult *r = NULL;
    int rc;

    if (!h->sessions_due && clock_boot_ms() < h->sessions_ms)
        return 0;
    asked = sessions_of(h);
    if (!asked)
        return err_set(e, ERR_INTERNAL, "out of memory");
    snprintf(idle, sizeof idle, "%d", SESSION_IDLE_S);
    rc = strcmp(asked, "{}") == 0 ? 0 : db_run(db, &Q_session_live, DB_ARGS(asked, idle), &r, e);
    if (rc == 0 && r) {
        pthread_mutex_lock(&h->lock);
        for (struct event_stream *s = h->streams; s; s = s->next) {
            int row = row_of(r, s->session);

            if (row >= 0)
                s->admin = strcmp(db_text(r, row, "role"), "admin") == 0;
            else if (!s->ended && strstr(asked, s->session)) {
                s->ended = true;
                http_stream_end(s->stream);
            }
        }
        pthread_mutex_unlock(&h->lock);
    }
    free(asked);
    if (rc < 0)
        return -1;
    h->sessions_due = false;
    h->sessions_ms = clock_boot_ms() + SESSIONS_MS;
    return 0;
}

static struct event_row *read_rows(const PGresult *r, size_t *n)
{
    struct event_row *rows = calloc((size_t)db_rows(r) + 1, sizeof *rows);

    *n = 0;
    for (int i = 0; rows && i < db_rows(r); i++) {
        struct event_row *row = &rows[(*n)++];
        const char *person = db_text(r, i, "person_id");

        snprintf(row->kind, sizeof row->kind, "%s", db_text(r, i, "kind"));
        row->wake = db_flag(r, i, "wake") == 1;
        id_parse(db_text(r, i, "id"), &row->id);
        if (person)
            id_parse(person, &row->person);
    }
    return rows;
}

/* What was committed since the last look. *settled: nothing committed lies above the horizon. */
static int look(struct event_hub *h, struct db *db, bool *settled, struct err *e)
{
    auto_result PGresult *now = NULL, *r = NULL, *rest = NULL;
    struct event_row *rows;
    size_t n, most;
    bool other; /* the database went back: restored, or another one */
    int rc;

    if (db_run(db, &Q_event_horizon, NULL, &now, e) < 0)
        return -1;
    if (!h->horizon[0])
        snprintf(h->horizon, sizeof h->horizon, "%s", db_text(now, 0, "horizon"));
    other = strtoull(h->horizon, NULL, 10) > strtoull(db_text(now, 0, "horizon"), NULL, 10);
    if (db_run(db, &Q_event_since, DB_ARGS(h->horizon, db_text(now, 0, "horizon")), &r, e) < 0)
        return -1;
    snprintf(h->horizon, sizeof h->horizon, "%s", db_text(now, 0, "horizon"));
    rows = read_rows(r, &n);
    if (!rows)
        return err_set(e, ERR_INTERNAL, "out of memory");
    wake_operations(h, rows, n);
    h->sessions_due |= other || n >= ROWS_MAX;
    for (size_t i = 0; i < n; i++)
        h->sessions_due |=
            strcmp(rows[i].kind, "user") == 0 || strcmp(rows[i].kind, "session") == 0;
    rc = check_sessions(h, db, e);
    most = n || other ? send_all(h, rows, n, other || n >= ROWS_MAX) : 0;
    free(rows);
    if (rc < 0 || db_run(db, &Q_event_settled, NULL, &rest, e) < 0)
        return -1;
    *settled = db_flag(rest, 0, "settled") == 1;
    if (most > 0)
        usleep((useconds_t)(GAP_MS * 1000 * (most < 10 ? most : 10)));
    return 0;
}

static bool was_up(const struct event_hub *h, const char *id, bool *up)
{
    for (int i = 0; i < h->modules_n; i++) {
        if (strcmp(h->modules[i].id.s, id) == 0) {
            *up = h->modules[i].up;
            return true;
        }
    }
    return false;
}

/* Silence is no row that changes: modules that were heard of and are not any more, and back. */
static int watch_modules(struct event_hub *h, struct db *db, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct heard *next;
    int n;

    if (clock_boot_ms() < h->heard_ms)
        return 0;
    h->heard_ms = clock_boot_ms() + HEARD_MS;
    if (db_run(db, &Q_tree_heard, NULL, &r, e) < 0)
        return -1;
    n = db_rows(r) < MODULES_MAX ? db_rows(r) : MODULES_MAX;
    next = calloc((size_t)n + 1, sizeof *next);
    for (int i = 0; next && i < n; i++) {
        bool before, known = was_up(h, db_text(r, i, "id"), &before);

        id_parse(db_text(r, i, "id"), &next[i].id);
        next[i].up = db_flag(r, i, "up") == 1;
        if (known && before != next[i].up) {
            struct event_row rows[2] = { { "module", next[i].id, { "" }, false },
                                         { "desktop", { "" }, { "" }, false } };

            send_all(h, rows, 2, false);
        }
    }
    free(h->modules);
    h->modules = next;
    h->modules_n = next ? n : 0;
    return 0;
}

struct changed_state {
    bool listening, settled;
};

static void pause_after(const struct event_hub *h, const char *where, const struct err *e)
{
    log_err(where, e);
    for (int i = 0; i < 10 && !h->stop; i++)
        usleep(100000);
}

/* One wait for word that something changed, and what follows from it. */
static int hear_change(struct event_hub *h, struct db *listen, struct db *db,
                       struct changed_state *s, struct err *e)
{
    char channel[64], payload[256];
    int got;

    if (!s->listening && db_listen(listen, "changed", e) < 0)
        return -1;
    s->listening = true;
    got = db_wait(listen, s->settled ? IDLE_MS : SETTLE_MS, channel, payload, e);
    if (got < 0)
        return -1;
    if ((got > 0 || !s->settled || !h->horizon[0]) && look(h, db, &s->settled, e) < 0)
        return -1;
    return check_sessions(h, db, e) < 0 || watch_modules(h, db, e) < 0 ? -1 : 0;
}

static void *changed_thread(void *arg)
{
    struct event_hub *h = arg;
    auto_db struct db *listen = NULL, *db = NULL;
    struct changed_state s = { .settled = true };
    struct err e = { 0 };

    log_trace_set("events");
    if (db_open(h->spec.conninfo, &listen, &e) < 0 || db_open(h->spec.conninfo, &db, &e) < 0) {
        log_err("events", &e);
        return NULL;
    }
    while (!h->stop) {
        e = (struct err){ 0 };
        if (hear_change(h, listen, db, &s, &e) < 0)
            pause_after(h, "events", &e);
    }
    return NULL;
}

static int settle(struct event_hub *h, struct db *db, bool *settled, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_wanted_settled, NULL, &r, e) < 0)
        return -1;
    *settled = db_flag(r, 0, "settled") == 1;
    if (*h->spec.management)
        http_wake(*h->spec.management, WANTED_KEY);
    return 0;
}

/* After a commit the horizon may still stand below it, for another transaction is open: then once
 * more when that has ended. */
static void *wanted_thread(void *arg)
{
    struct event_hub *h = arg;
    auto_db struct db *listen = NULL, *db = NULL;
    struct err e = { 0 };
    bool listening = false, settled = true;

    log_trace_set("wanted");
    if (db_open(h->spec.conninfo, &listen, &e) < 0 || db_open(h->spec.conninfo, &db, &e) < 0) {
        log_err("wanted", &e);
        return NULL;
    }
    while (!h->stop) {
        char channel[64], payload[256];
        int got = 0;

        e = (struct err){ 0 };
        if (!listening && db_listen(listen, "wanted", &e) == 0)
            listening = true;
        if (listening)
            got = db_wait(listen, settled ? IDLE_MS : SETTLE_MS, channel, payload, &e);
        if (got < 0 || !listening || ((got > 0 || !settled) && settle(h, db, &settled, &e) < 0))
            pause_after(h, "wanted", &e);
    }
    return NULL;
}

int event_hub_open(const struct event_spec *spec, struct event_hub **out, struct err *e)
{
    struct event_hub *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(e, ERR_INTERNAL, "out of memory");
    h->spec = *spec;
    pthread_mutex_init(&h->lock, NULL);
    *out = h;
    return 0;
}

int event_hub_run(struct event_hub *h, struct err *e)
{
    h->wanted_runs = pthread_create(&h->wanted, NULL, wanted_thread, h) == 0;
    h->changed_runs = pthread_create(&h->changed, NULL, changed_thread, h) == 0;
    if (h->wanted_runs && h->changed_runs)
        return 0;
    return err_set(e, ERR_INTERNAL, "cannot start a thread");
}

void event_hub_quiet(struct event_hub *h)
{
    if (!h)
        return;
    h->stop = true;
    if (h->wanted_runs)
        pthread_join(h->wanted, NULL);
    if (h->changed_runs)
        pthread_join(h->changed, NULL);
    h->wanted_runs = h->changed_runs = false;
}

void event_hub_free(struct event_hub *h)
{
    if (!h)
        return;
    free(h->modules);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
