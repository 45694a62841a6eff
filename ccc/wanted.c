#include "ccc/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/sync/set.h"
#include "sql/ccc/wanted.h"

enum { NO_BITS = 20, DUE_AT_ONCE = 500, DUE_TURNS = 20 };

struct cursor {
    char history[ID_LEN + 1];
    int64_t wire;
    bool given;
};

/* What is not a cursor of anybody is none: the asker gets a snapshot. */
static struct cursor cursor_of(const char *text)
{
    struct cursor c = { 0 };
    char *end;

    if (!text || strlen(text) < ID_LEN + 2 || strlen(text) >= SYNC_CURSOR_MAX ||
        text[ID_LEN] != ':')
        return c;
    snprintf(c.history, sizeof c.history, "%.*s", ID_LEN, text);
    c.wire = strtoll(text + ID_LEN + 1, &end, 10);
    c.given = !*end && c.wire >= 0 && id_valid(c.history);
    return c;
}

/* Where to begin, and whether that is the beginning of a snapshot. A cursor from the future renews.
 */
static int start_at(struct db *db, const char *cursor, int64_t *from, bool *snapshot, struct err *e)
{
    struct cursor c = cursor_of(cursor);
    auto_result PGresult *r = NULL, *renewed = NULL;
    const char *history;

    *from = 0;
    *snapshot = true;
    if (!c.given)
        return 0;
    if (db_run(db, &Q_wanted_source, NULL, &r, e) < 0)
        return -1;
    history = db_text(r, 0, "history");
    if (strcmp(history, c.history) != 0 || c.wire < db_int(r, 0, "floor", 0))
        return 0;
    if (c.wire > db_int(r, 0, "horizon", 0)) {
        log_warn("sync_history=renewed reason=\"a cursor from the future\"");
        return db_run(db, &Q_wanted_renew, DB_ARGS(history), &renewed, e);
    }
    *from = c.wire;
    *snapshot = false;
    return 0;
}

static int frame(const PGresult *r, int64_t from, bool snapshot, json_t **out, bool *empty,
                 struct err *e)
{
    const char *objects = db_text(r, 0, "objects");
    int64_t next = db_int(r, 0, "next", -1), horizon = db_int(r, 0, "horizon", 0);
    int64_t count = db_int(r, 0, "count", -1); /* the end of a snapshot has one */
    bool more = next >= 0;
    char cursor[SYNC_CURSOR_MAX];
    json_t *list = objects ? json_loads(objects, 0, NULL) : json_array(), *page;

    if (!list)
        return err_set(e, ERR_INTERNAL, "stored objects cannot be read");
    if (!more)
        next = horizon > from ? horizon : from;
    snprintf(cursor, sizeof cursor, "%s:%lld", db_text(r, 0, "history"), (long long)next);
    page = json_object();
    json_object_set_new(page, "history", json_string(db_text(r, 0, "history")));
    json_object_set_new(page, "cursor", json_string(cursor));
    json_put_int(page, "floor", db_int(r, 0, "floor", 0));
    json_put_bool(page, "snapshot", snapshot);
    json_put_bool(page, "more", more);
    if (count >= 0)
        json_put_int(page, "count", count);
    json_object_set_new(page, "objects", list);
    *empty = !snapshot && !more && db_int(r, 0, "n", 0) == 0;
    *out = page;
    return 0;
}

int wanted_page(struct db *db, const char *scopes, const char *cursor, json_t **page, bool *empty,
                struct err *e)
{
    auto_result PGresult *r = NULL;
    char rev[24], no[16], limit[16];
    int64_t from;
    bool snapshot;

    if (start_at(db, cursor, &from, &snapshot, e) < 0)
        return -1;
    snprintf(rev, sizeof rev, "%lld", (long long)(from >> NO_BITS));
    snprintf(no, sizeof no, "%d", (int)(from & ((1 << NO_BITS) - 1)));
    snprintf(limit, sizeof limit, "%d", SYNC_PAGE_OBJECTS);
    if (db_run(db, &Q_wanted_page, DB_ARGS(rev, no, scopes, limit), &r, e) < 0)
        return -1;
    return frame(r, from, snapshot, page, empty, e);
}

int wanted_check(struct db *db, bool *renewed, struct err *e)
{
    auto_result PGresult *r = NULL;

    if (db_run(db, &Q_wanted_check, NULL, &r, e) < 0)
        return -1;
    *renewed = db_flag(r, 0, "renewed") == 1;
    return 0;
}

int wanted_behind(struct db *db, const char *cursor, struct err *e)
{
    int64_t from;
    bool snapshot;

    return start_at(db, cursor, &from, &snapshot, e);
}

static int catch_up_tx(struct db *db, void *arg, struct err *e)
{
    auto_result PGresult *r = NULL;
    char most[16];

    snprintf(most, sizeof most, "%d", DUE_AT_ONCE);
    if (db_run(db, &Q_wanted_catch_up, DB_ARGS(most), &r, e) < 0)
        return -1;
    *(int64_t *)arg = db_int(r, 0, "taken", 0);
    return 0;
}

int wanted_catch_up(struct db *db, struct err *e)
{
    auto_result PGresult *r = NULL;
    int64_t taken = DUE_AT_ONCE;

    if (db_run(db, &Q_wanted_due, NULL, &r, e) < 0)
        return -1;
    if (!db_flag(r, 0, "due"))
        return 0;
    for (int i = 0; i < DUE_TURNS && taken == DUE_AT_ONCE; i++)
        if (db_tx(db, catch_up_tx, &taken, e) < 0)
            return -1;
    return 0;
}

int wanted_purge(struct db *db, int64_t seconds, struct err *e)
{
    char text[24];

    snprintf(text, sizeof text, "%lld", (long long)seconds);
    return db_run(db, &Q_wanted_purge, DB_ARGS(text), NULL, e);
}
