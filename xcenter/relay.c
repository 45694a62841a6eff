#include "xcenter/relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { GATHER_MS = 50, LEADER_KEPT_MS = 60000 };

struct relay_module {
    struct relay *relay;
    struct id id;
    struct sync_set *observed;
    struct sync_push *push;
    json_t *about;                /* the bCenter's newest word on itself; NULL before the first */
    int64_t heard_ms;             /* clock_boot_ms */
    int64_t epoch;                /* of the leader that spoke then */
    char passed[SYNC_CURSOR_MAX]; /* what the CCC last said that it holds; "" = nothing yet */
};

struct relay {
    struct relay_spec spec;
    char url[256]; /* our own, told to the CCC with each push */
    struct sync_set *wanted;
    struct sync_pull *pull;
    pthread_mutex_t lock; /* the modules */
    bool quiet;           /* no new links: the process is stopping */
    int n;
    struct relay_module module[RELAY_MODULES];
};

static void wanted_changed(void *arg, const char *scope)
{
    struct relay *r = arg;

    (void)scope;
    r->spec.wanted_changed(r->spec.arg);
}

int relay_open(const struct relay_spec *spec, struct relay **out, struct err *e)
{
    struct relay *r = calloc(1, sizeof *r);

    if (!r)
        return err_set(e, ERR_INTERNAL, "out of memory");
    r->spec = *spec;
    pthread_mutex_init(&r->lock, NULL);
    r->wanted = sync_set_new_replica();
    if (!r->wanted) {
        relay_close(r);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    sync_set_on_change(r->wanted, wanted_changed, r);
    *out = r;
    return 0;
}

int relay_run(struct relay *r, const char *url, struct err *e)
{
    struct sync_pull_spec pull = { .link = { r->spec.self, r->spec.ccc_urls, "ccc" },
                                   .set = r->wanted };

    snprintf(r->url, sizeof r->url, "%s", url);
    return sync_pull_start(&pull, &r->pull, e);
}

void relay_quiet(struct relay *r)
{
    if (!r)
        return;
    sync_pull_stop(r->pull);
    r->pull = NULL;
    pthread_mutex_lock(&r->lock);
    r->quiet = true;
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->n; i++) {
        struct sync_push *push;

        pthread_mutex_lock(&r->lock);
        push = r->module[i].push;
        r->module[i].push = NULL;
        pthread_mutex_unlock(&r->lock);
        sync_push_stop(push);
    }
}

void relay_close(struct relay *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n; i++) {
        sync_set_free(r->module[i].observed);
        json_decref(r->module[i].about);
    }
    sync_set_free(r->wanted);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

struct sync_set *relay_wanted(struct relay *r)
{
    return r->wanted;
}

bool relay_ready(struct relay *r)
{
    return sync_set_is_ready(r->wanted);
}

int relay_confirm(struct relay *r, const struct id *history, int64_t deadline_ms, struct err *e)
{
    auto_peer struct peer *p = NULL;
    json_auto_t *page = NULL;
    char cursor[SYNC_CURSOR_MAX], path[160];
    struct id now;
    struct err bad = { 0 };

    sync_set_cursor(r->wanted, cursor);
    snprintf(path, sizeof path, "/sync/v1/wanted?after=%s&wait=0", cursor);
    if (strncmp(cursor, history->s, ID_LEN) == 0 &&
        peer_open(r->spec.self, r->spec.ccc_urls, "ccc", NULL, &p, &bad) == 0 &&
        peer_get(p, path, deadline_ms, &page, &bad) == 0 && json_id(page, "history", &now) &&
        id_eq(&now, history))
        return 0;
    err_set(e, ERR_NOT_READY, "the CCC has not confirmed this copy of what it wants");
    return bad.code == ERR_NONE ? -1 : err_cause(e, "%s", bad.detail);
}

struct node_search {
    const struct id *node;
    struct id module;
    bool found, revoked;
};

static void match_node(void *arg, const struct sync_object *o)
{
    struct node_search *s = arg;
    const char *kind = json_str(o->body, "kind");

    if (!id_eq(&o->id, s->node) || !kind || strcmp(kind, "bcenter") != 0)
        return;
    s->found = json_id(o->body, "module_id", &s->module);
    s->revoked = json_flag(o->body, "revoked", false);
}

int relay_module_of(struct relay *r, const struct id *node, struct id *module, struct err *e)
{
    struct node_search s = { .node = node };

    if (!relay_ready(r))
        return err_set(e, ERR_NOT_READY, "no complete copy of what the CCC wants yet");
    sync_set_each(r->wanted, "node", match_node, &s);
    if (!s.found || s.revoked)
        return err_set(e, ERR_PEER_IDENTITY, "this node is no bCenter of this block");
    *module = s.module;
    return 0;
}

/* With the lock held. */
static struct relay_module *find(struct relay *r, const struct id *module)
{
    for (int i = 0; i < r->n; i++)
        if (id_eq(&r->module[i].id, module))
            return &r->module[i];
    return NULL;
}

static json_t *push_about(void *arg)
{
    struct relay_module *m = arg;
    json_t *o = json_object(), *about;

    pthread_mutex_lock(&m->relay->lock);
    about = m->about ? json_deep_copy(json_object_get(m->about, "module")) : NULL;
    if (!about)
        about = json_object();
    json_put_int(about, "heard_ms", m->heard_ms ? clock_boot_ms() - m->heard_ms : -1);
    pthread_mutex_unlock(&m->relay->lock);
    json_object_set_new(o, "source", json_string(m->id.s));
    json_object_set_new(o, "url", json_string(m->relay->url));
    json_object_set_new(o, "module", about);
    return o;
}

static void push_answered(void *arg, const json_t *answer)
{
    struct relay_module *m = arg;
    const char *cursor = json_str(answer, "cursor");

    pthread_mutex_lock(&m->relay->lock);
    snprintf(m->passed, sizeof m->passed, "%s", cursor ? cursor : "");
    pthread_mutex_unlock(&m->relay->lock);
}

static void observed_changed(void *arg, const char *scope)
{
    struct relay_module *m = arg;

    (void)scope;
    pthread_mutex_lock(&m->relay->lock);
    if (m->push)
        sync_push_wake(m->push);
    pthread_mutex_unlock(&m->relay->lock);
}

/* With the lock held: no I/O happens here, the push opens its connection on its own thread. */
static int add_module(struct relay *r, const struct id *module, struct err *e)
{
    struct relay_module *m = &r->module[r->n];
    struct sync_push_spec push = { .link = { r->spec.self, r->spec.ccc_urls, "ccc" },
                                   .gather_ms = GATHER_MS,
                                   .about = push_about,
                                   .answered = push_answered,
                                   .arg = m };

    if (r->quiet)
        return err_set(e, ERR_NOT_READY, "this xCenter is stopping");
    if (r->n == RELAY_MODULES)
        return err_set(e, ERR_LAW_BLOCK, "this block has %d modules already", RELAY_MODULES);
    *m = (struct relay_module){ .relay = r, .id = *module };
    m->observed = push.set = sync_set_new_replica();
    if (!m->observed)
        return err_set(e, ERR_INTERNAL, "out of memory");
    sync_set_on_change(m->observed, observed_changed, m);
    if (sync_push_start(&push, &m->push, e) < 0) {
        sync_set_free(m->observed);
        return -1;
    }
    r->n++;
    return 0;
}

int relay_observed(struct relay *r, const struct id *module, struct sync_set **out, struct err *e)
{
    struct relay_module *m;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    m = find(r, module);
    if (!m) { /* starting a thread is no I/O: its push connects by itself */
        rc = add_module(r, module, e);
        m = rc == 0 ? find(r, module) : NULL;
    }
    if (m)
        *out = m->observed;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* With the lock held. */
static void note_word(struct relay_module *m, const json_t *about, int64_t epoch, int64_t now)
{
    m->heard_ms = now;
    m->epoch = epoch;
    if (json_is_object(about)) {
        json_decref(m->about);
        m->about = json_deep_copy(about);
    }
}

int relay_heard(struct relay *r, const struct id *module, const json_t *about, struct err *e)
{
    int64_t epoch = json_num(json_object_get(about, "module"), "epoch", 0), now = clock_boot_ms();
    struct relay_module *m;
    bool stale;

    pthread_mutex_lock(&r->lock);
    m = find(r, module);
    stale = m && epoch < m->epoch && now - m->heard_ms < LEADER_KEPT_MS;
    if (m && !stale)
        note_word(m, about, epoch, now);
    pthread_mutex_unlock(&r->lock);
    return stale ? err_set(e, ERR_EPOCH_STALE, "a later leader of this module has spoken") : 0;
}

void relay_passed(struct relay *r, const struct id *module, char to[SYNC_CURSOR_MAX])
{
    const struct relay_module *m;

    to[0] = '\0';
    pthread_mutex_lock(&r->lock);
    m = find(r, module);
    if (m)
        memcpy(to, m->passed, SYNC_CURSOR_MAX);
    pthread_mutex_unlock(&r->lock);
}

int relay_module_url(struct relay *r, const struct id *module, char *to, size_t size, struct err *e)
{
    const struct relay_module *m;
    const char *url = NULL;
    int rc = 0;

    pthread_mutex_lock(&r->lock);
    m = find(r, module);
    if (m && m->about)
        url = json_str(json_object_get(m->about, "module"), "url");
    if (url && strlen(url) < size)
        memcpy(to, url, strlen(url) + 1);
    else
        rc = err_set(e, ERR_NOT_READY, "this xCenter has not heard the module yet");
    pthread_mutex_unlock(&r->lock);
    return rc;
}

struct blob_search {
    const char *sha256;
    int64_t size;
};

static void match_blob(void *arg, const struct sync_object *o)
{
    struct blob_search *s = arg;
    const char *sha256 = json_str(o->body, "sha256");

    if (sha256 && strcmp(sha256, s->sha256) == 0)
        s->size = json_num(o->body, "size", -1);
}

int64_t relay_blob_size(struct relay *r, const char *sha256)
{
    struct blob_search s = { sha256, -1 };

    sync_set_each(r->wanted, "image_version", match_blob, &s);
    return s.size;
}

static void add_blob(void *arg, const struct sync_object *o)
{
    const char *sha256 = json_str(o->body, "sha256");

    if (sha256)
        json_object_set_new(arg, sha256, json_true());
}

bool relay_blobs(void *relay, json_t *into)
{
    struct relay *r = relay;

    if (!relay_ready(r))
        return false;
    sync_set_each(r->wanted, "image_version", add_blob, into);
    return true;
}

json_t *relay_summary(struct relay *r)
{
    json_t *o = json_object(), *list = json_array();
    char now[CLOCK_TEXT];

    json_object_set_new(o, "as_of", json_string(clock_text(clock_wall_ms(), now)));
    json_put_bool(o, "ready", relay_ready(r));
    json_put_bool(o, "ccc_up", r->pull && sync_pull_up(r->pull));
    json_put_int(o, "ccc_age_ms", r->pull ? sync_pull_age_ms(r->pull) : -1);
    json_put_int(o, "wanted", sync_set_count(r->wanted, NULL));
    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n; i++) {
        json_t *m = json_object();

        json_put_str(m, "id", r->module[i].id.s);
        json_put_int(m, "heard_ms",
                     r->module[i].heard_ms ? clock_boot_ms() - r->module[i].heard_ms : -1);
        json_put_int(m, "observed", sync_set_count(r->module[i].observed, NULL));
        json_array_append_new(list, m);
    }
    pthread_mutex_unlock(&r->lock);
    json_object_set_new(o, "modules", list);
    return o;
}
