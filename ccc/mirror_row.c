#include "ccc/mirror_row.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/json.h"
#include "common/base/text.h"

enum { IO_MOVES_MAX = 64 };
#define UIO_MAX INT64_C(1000000000000000000) /* domain uio */

enum { FORECAST_MAX = 16 };
enum column_type { COLUMN_TEXT, COLUMN_UUID, COLUMN_TIME, COLUMN_INT, COLUMN_FLAG };
struct column {
    const char *name;
    enum column_type type;
    bool required;
    int64_t max; /* characters, or the largest number */
    const char *const *words;
};

static const char *const operation_states[] = { "queued", "running",   "succeeded",
                                                "failed", "cancelled", NULL };

static const struct column bserver_columns[] = {
    { "name", COLUMN_TEXT, true, 64, NULL },
    { "state", COLUMN_TEXT, true, 24, NULL },
    { "slots", COLUMN_INT, true, 10000, NULL },
    { "slots_used", COLUMN_INT, true, 10000, NULL },
    { 0 },
};
static const struct column vf_columns[] = {
    { "bserver_id", COLUMN_UUID, true, 0, NULL },
    { "address", COLUMN_TEXT, true, 16, NULL },
    { "state", COLUMN_TEXT, true, 24, NULL },
    { "desktop_id", COLUMN_UUID, false, 0, NULL },
    { 0 },
};
static const struct column desktop_columns[] = {
    { "name", COLUMN_TEXT, true, 64, NULL },       { "state", COLUMN_TEXT, true, 24, NULL },
    { "observed", COLUMN_TEXT, true, 24, NULL },   { "pool_id", COLUMN_UUID, true, 0, NULL },
    { "person_id", COLUMN_UUID, false, 0, NULL },  { "bserver_id", COLUMN_UUID, false, 0, NULL },
    { "created_at", COLUMN_TIME, false, 0, NULL }, { 0 },
};
static const struct column operation_columns[] = {
    { "verb", COLUMN_TEXT, true, 32, NULL },
    { "state", COLUMN_TEXT, true, 24, operation_states },
    { "created_at", COLUMN_TIME, false, 0, NULL },
    { "ended_at", COLUMN_TIME, false, 0, NULL },
    { 0 },
};
static const struct column seat_columns[] = {
    { "person_id", COLUMN_UUID, true, 0, NULL },
    { "pool_id", COLUMN_UUID, true, 0, NULL },
    { "released", COLUMN_FLAG, true, 0, NULL },
    { "generation", COLUMN_INT, true, INT32_MAX, NULL },
    { 0 },
};
static const struct column pool_io_columns[] = {
    { "per_job", COLUMN_INT, true, UIO_MAX, NULL },
    { "per_start", COLUMN_INT, true, UIO_MAX, NULL },
    { "samples", COLUMN_INT, true, INT64_MAX, NULL },
    { "source", COLUMN_TEXT, true, 24, NULL },
    { "start_samples", COLUMN_INT, false, INT64_MAX, NULL },
    { "start_source", COLUMN_TEXT, false, 24, NULL },
    { 0 },
};
static const struct column share_columns[] = {
    { "generation", COLUMN_INT, true, INT32_MAX, NULL },
    { 0 },
};
static const struct column pool_columns[] = {
    { "share", COLUMN_INT, true, INT32_MAX, NULL },
    { "desktops", COLUMN_INT, true, INT32_MAX, NULL },
    { 0 },
};
/* What lies deeper in a pool, and is shown to people as it is. */
static const struct column forecast_columns[] = {
    { "law", COLUMN_TEXT, true, 32, NULL },
    { "needs", COLUMN_INT, true, INT32_MAX, NULL },
    { "free", COLUMN_INT, true, INT32_MAX, NULL },
    { 0 },
};
static const struct column refused_columns[] = {
    { "law", COLUMN_TEXT, true, 32, NULL },
    { "detail", COLUMN_TEXT, true, 400, NULL },
    { 0 },
};
static const struct column audit_columns[] = {
    { "at", COLUMN_TIME, true, 0, NULL },
    { "actor_id", COLUMN_UUID, false, 0, NULL },
    { "actor_name", COLUMN_TEXT, false, 64, NULL },
    { "action", COLUMN_TEXT, true, 64, NULL },
    { "target_kind", COLUMN_TEXT, false, 32, NULL },
    { "target_id", COLUMN_UUID, false, 0, NULL },
    { "target_name", COLUMN_TEXT, false, 64, NULL },
    { "result", COLUMN_TEXT, true, 64, NULL },
    { "trace_id", COLUMN_TEXT, false, 128, NULL },
    { "detail", COLUMN_TEXT, false, 2000, NULL },
    { 0 },
};

static const struct {
    const char *word;
    const struct column *columns;
    bool with_body;
} kinds[MIRROR_KINDS] = {
    [MIRROR_BSERVER] = { "bserver", bserver_columns, true },
    [MIRROR_VF] = { "vf", vf_columns, true },
    [MIRROR_DESKTOP] = { "desktop", desktop_columns, true },
    [MIRROR_OPERATION] = { "operation", operation_columns, true },
    [MIRROR_SEAT] = { "seat", seat_columns, false },
    [MIRROR_POOL_IO] = { "pool_io", pool_io_columns, false },
    [MIRROR_SHARE] = { "share", share_columns, false },
    [MIRROR_POOL] = { "pool", pool_columns, false }, /* take_pool makes one */
    [MIRROR_AUDIT] = { "audit", audit_columns, false },
};

bool mirror_kind_of(const char *word, enum mirror_kind *out)
{
    for (int k = 0; word && k < MIRROR_KINDS; k++) {
        if (strcmp(kinds[k].word, word) == 0) {
            *out = (enum mirror_kind)k;
            return true;
        }
    }
    return false;
}

static bool word_ok(const char *const *words, const char *s)
{
    for (; *words; words++)
        if (strcmp(*words, s) == 0)
            return true;
    return false;
}

static bool text_ok(const struct column *c, const char *s)
{
    if (!s || (c->required && !s[0]) || text_chars(s) > (size_t)c->max)
        return false;
    return !c->words || word_ok(c->words, s);
}

static bool value_ok(const struct column *c, const json_t *v)
{
    const char *s = json_string_value(v);
    struct id id;
    int64_t ms;

    switch (c->type) {
    case COLUMN_TEXT: return text_ok(c, s);
    case COLUMN_UUID: return id_parse(s, &id);
    case COLUMN_TIME: return clock_parse(s, &ms);
    case COLUMN_INT:
        return json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= c->max;
    case COLUMN_FLAG: return json_is_boolean(v);
    }
    return false;
}

/* row: NULL, or gets them. */
static bool members_ok(const struct column *columns, const json_t *body, json_t *row)
{
    if (!json_is_object(body))
        return false;
    for (const struct column *c = columns; c->name; c++) {
        json_t *v = json_object_get(body, c->name);

        if (!v || json_is_null(v)) {
            if (c->required)
                return false;
            continue;
        }
        if (!value_ok(c, v))
            return false;
        if (row)
            json_object_set(row, c->name, v);
    }
    return true;
}

/* A bServer's I/O as its module holds it (docs/iolaw.md); io_shown() relies on this. */
static const struct column io_members[] = {
    { "total", COLUMN_INT, true, UIO_MAX, NULL },
    { "limit", COLUMN_INT, true, UIO_MAX, NULL },
    { "source", COLUMN_TEXT, true, 24, NULL },
    { "reason", COLUMN_TEXT, false, 64, NULL },
    { "since", COLUMN_TIME, false, 0, NULL },
    { "as_of", COLUMN_TIME, false, 0, NULL },
    { 0 },
};
static const struct column io_move_members[] = {
    { "at", COLUMN_TIME, true, 0, NULL },
    { "from", COLUMN_INT, true, UIO_MAX, NULL },
    { "to", COLUMN_INT, true, UIO_MAX, NULL },
    { "reason", COLUMN_TEXT, true, 64, NULL },
    { "total", COLUMN_INT, false, UIO_MAX, NULL },
    { "us_per_request", COLUMN_INT, false, INT64_MAX, NULL },
    { "quiet_us", COLUMN_INT, false, INT64_MAX, NULL },
    { "dropped", COLUMN_INT, false, INT64_MAX, NULL },
    { 0 },
};

/* Absent or null: of a module of an older version, or nothing is known yet. */
static bool io_ok(const json_t *io)
{
    const json_t *moves = json_object_get(io, "moves");

    if (!io || json_is_null(io))
        return true;
    if (!members_ok(io_members, io, NULL) || (moves && !json_is_array(moves)) ||
        json_array_size(moves) > IO_MOVES_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(moves); i++)
        if (!members_ok(io_move_members, json_array_get(moves, i), NULL))
            return false;
    return true;
}

/* A pool's body is what is known of its members and nothing else. */
static bool take_pool(const json_t *body, json_t *row)
{
    const json_t *list = json_object_get(body, "forecast"),
                 *refused = json_object_get(body, "refused");
    json_t *kept = json_object(), *laws = json_array(), *one = json_null();
    bool ok = json_is_array(list) && json_array_size(list) <= FORECAST_MAX;

    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        json_t *law = json_object();

        ok = members_ok(forecast_columns, json_array_get(list, i), law);
        json_array_append_new(laws, law);
    }
    if (ok && refused && !json_is_null(refused)) {
        one = json_object();
        ok = members_ok(refused_columns, refused, one);
    }
    json_object_set_new(kept, "forecast", laws);
    json_object_set_new(kept, "refused", one);
    json_object_set_new(row, "body", kept);
    return ok;
}

/* The columns that lie deeper in the body than its first level. */
static bool take_nested(enum mirror_kind kind, const json_t *body, json_t *row)
{
    const json_t *session = json_object_get(body, "session");
    const json_t *target = json_object_get(body, "target");
    struct id id;

    if (kind == MIRROR_BSERVER)
        return io_ok(json_object_get(body, "io"));
    if (kind == MIRROR_DESKTOP && json_is_object(session)) {
        if (!json_id(session, "id", &id))
            return false;
        json_object_set_new(row, "session_id", json_string(id.s));
    }
    if (kind == MIRROR_POOL)
        return take_pool(body, row);
    if (kind == MIRROR_OPERATION) {
        if (json_id(target, "id", &id))
            json_object_set_new(row, "target_id", json_string(id.s));
        /* An id for those who are known above; other words name nobody here. */
        if (json_id(body, "asked_by", &id))
            json_object_set_new(row, "asked_by", json_string(id.s));
    }
    return true;
}

json_t *mirror_row(enum mirror_kind kind, const char *id, const json_t *body)
{
    json_t *row = json_object();

    if (!members_ok(kinds[kind].columns, body, row) || !take_nested(kind, body, row)) {
        json_decref(row);
        return NULL;
    }
    json_object_set_new(row, "id", json_string(id));
    if (kinds[kind].with_body) {
        void *shared = (void *)(uintptr_t)body; /* jansson counts references in a const view too */

        json_object_set(row, "body", (json_t *)shared);
    }
    return row;
}
