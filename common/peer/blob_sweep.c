#include "common/peer/blob_sweep.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

struct blob_sweep {
    struct blob_store *store;
    json_t *since; /* sha256 → boot clock of the first look at which nothing needed it */
};

struct round {
    struct blob_sweep *sweep;
    const json_t *needed;
    json_t *since; /* of what is here now */
    int64_t now;
    int gone;
};

bool blob_sweep_due(bool needed, int64_t now, int64_t grace_ms, int64_t *since)
{
    if (needed)
        *since = 0;
    else if (!*since)
        *since = now;
    return *since && now - *since >= grace_ms;
}

struct blob_sweep *blob_sweep_new(struct blob_store *store)
{
    struct blob_sweep *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->store = store;
    s->since = json_object();
    return s;
}

void blob_sweep_free(struct blob_sweep *s)
{
    if (!s)
        return;
    json_decref(s->since);
    free(s);
}

static bool due(struct round *r, const char *sha256)
{
    int64_t since = json_integer_value(json_object_get(r->sweep->since, sha256));
    bool yes =
        blob_sweep_due(json_object_get(r->needed, sha256) != NULL, r->now, BLOB_GRACE_MS, &since);

    if (since)
        json_object_set_new(r->since, sha256, json_integer(since));
    return yes;
}

static void look_at(void *arg, const char *sha256, bool partial)
{
    struct round *r = arg;
    struct err e = { 0 };
    bool done;

    if (!due(r, sha256))
        return;
    if (blob_let_go(r->sweep->store, sha256, partial, &done, &e) < 0)
        log_err("blob-sweep", &e);
    else if (done && partial)
        log_info("event=blob-removed sha256=%s reason=\"nothing names it\"", sha256);
    r->gone += done && partial;
}

int blob_sweep_round(struct blob_sweep *s, const json_t *needed, int64_t now)
{
    struct round r = { .sweep = s, .needed = needed, .now = now, .since = json_object() };
    struct err e = { 0 };

    if (blob_each(s->store, look_at, &r, &e) < 0) {
        log_err("blob-sweep", &e);
        json_decref(r.since);
        return r.gone;
    }
    json_decref(s->since);
    s->since = r.since;
    return r.gone;
}
