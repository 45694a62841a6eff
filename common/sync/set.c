#include "common/sync/set.h"

#include <pthread.h>
#include <string.h>

#include "common/sync/seen.h"
#include "common/sync/set_state.h"

static struct sync_set *set_new(bool source)
{
    struct sync_set *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->source = source;
    s->next_rev = 1;
    if (source)
        s->history = id_new();
    return s;
}

struct sync_set *sync_set_new_source(void)
{
    return set_new(true);
}

struct sync_set *sync_set_new_replica(void)
{
    return set_new(false);
}

void sync_set_free(struct sync_set *s)
{
    if (!s)
        return;
    store_clear(&s->now);
    store_clear(&s->staging);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void sync_set_on_change(struct sync_set *s, void (*changed)(void *arg, const char *scope),
                        void *arg)
{
    s->changed = changed;
    s->changed_arg = arg;
}

/*
 * The older half of too many tombstones is forgotten; readers that are behind them take a snapshot.
 * A snapshot walks from the oldest revision on, and its cursors must not lie below the floor: so
 * what is older and lives is stamped anew.
 */
static void prune(struct sync_set *s)
{
    struct entry *en = s->now.head, *next;

    if (s->now.tombstones <= STORE_TOMBSTONES_MAX)
        return;
    for (; en && s->now.tombstones > STORE_TOMBSTONES_MAX / 2; en = next) {
        next = en->next;
        if (en->body)
            continue;
        s->floor = en->rev + 1;
        store_drop(&s->now, en);
    }
    while (s->now.head && s->now.head->rev < s->floor) {
        struct sync_object o;

        store_view(s->now.head, &o);
        o.rev = s->next_rev++;
        store_put(&s->now, &o, body_keep(s->now.head->body));
    }
}

/* Steals body. */
static bool change(struct sync_set *s, const struct sync_object *key, struct body *body)
{
    struct sync_object o = *key;
    struct entry *en;
    bool same;

    pthread_mutex_lock(&s->lock);
    en = store_find(&s->now, o.scope, o.kind, &o.id);
    same = body_same(en ? en->body : NULL, body);
    if (same) {
        body_drop(body);
    } else {
        o.rev = s->next_rev++;
        store_put(&s->now, &o, body);
        prune(s);
    }
    pthread_mutex_unlock(&s->lock);
    if (!same && s->changed)
        s->changed(s->changed_arg, o.scope);
    return !same;
}

static struct sync_object key_of(const char *scope, const char *kind, const struct id *id)
{
    struct sync_object o = { .id = *id };

    snprintf(o.scope, sizeof o.scope, "%s", scope);
    snprintf(o.kind, sizeof o.kind, "%s", kind);
    return o;
}

bool sync_set_put(struct sync_set *s, const char *scope, const char *kind, const struct id *id,
                  json_t *body)
{
    struct sync_object o = key_of(scope, kind, id);
    struct body *b = body ? body_new(body) : NULL;

    json_decref(body);
    return b ? change(s, &o, b) : false;
}

bool sync_set_del(struct sync_set *s, const char *scope, const char *kind, const struct id *id)
{
    struct sync_object o = key_of(scope, kind, id);

    return change(s, &o, NULL);
}

void sync_set_ready(struct sync_set *s)
{
    s->ready = true;
    if (s->changed)
        s->changed(s->changed_arg, NULL);
}

void sync_set_led(struct sync_set *s, int64_t epoch)
{
    pthread_mutex_lock(&s->lock);
    s->epoch = epoch;
    pthread_mutex_unlock(&s->lock);
}

bool sync_set_is_ready(const struct sync_set *s)
{
    return s->ready;
}

json_t *sync_set_get(struct sync_set *s, const char *scope, const char *kind, const struct id *id)
{
    struct body *body;
    struct entry *en;
    json_t *tree;

    pthread_mutex_lock(&s->lock);
    en = store_find(&s->now, scope, kind, id);
    body = en ? body_keep(en->body) : NULL;
    pthread_mutex_unlock(&s->lock);
    tree = body ? body_tree(body) : NULL;
    body_drop(body);
    return tree;
}

void sync_set_each(struct sync_set *s, const char *kind,
                   void (*visit)(void *arg, const struct sync_object *o), void *arg)
{
    struct seen_list list = { 0 };
    bool room = true;

    pthread_mutex_lock(&s->lock);
    for (struct entry *en = s->now.head; room && en; en = en->next)
        if (en->body && (!kind || strcmp(en->key.kind, kind) == 0))
            room = seen_entry(&list, en);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < list.n; i++) {
        if (seen_open(&list.items[i]))
            visit(arg, &list.items[i].o);
        seen_close(&list.items[i]);
    }
    seen_clear(&list);
}

void sync_set_bound(struct sync_set *s, int64_t objects)
{
    s->bound = objects;
}

int64_t sync_set_count(struct sync_set *s, const char *kind)
{
    int64_t n;

    pthread_mutex_lock(&s->lock);
    n = store_count(&s->now, NULL, kind);
    pthread_mutex_unlock(&s->lock);
    return n;
}

int64_t sync_set_rev(struct sync_set *s, const char *scope, const char *kind, const struct id *id)
{
    struct entry *en;
    int64_t rev;

    pthread_mutex_lock(&s->lock);
    en = store_find(&s->now, scope, kind, id);
    rev = en && en->body ? en->rev : -1;
    pthread_mutex_unlock(&s->lock);
    return rev;
}

bool sync_set_passed(struct sync_set *s, const char *cursor, int64_t *rev)
{
    struct id history;
    bool ours;

    if (!cursor_parse(cursor, &history, rev))
        return false;
    pthread_mutex_lock(&s->lock);
    ours = id_eq(&history, &s->history);
    pthread_mutex_unlock(&s->lock);
    return ours;
}

void sync_set_cursor(struct sync_set *s, char to[SYNC_CURSOR_MAX])
{
    pthread_mutex_lock(&s->lock);
    if (s->in_snapshot)
        cursor_text(to, &s->staging_history, s->staging_rev);
    else if (id_set(&s->history) && (s->ready || s->source))
        cursor_text(to, &s->history, s->next_rev);
    else
        to[0] = '\0';
    pthread_mutex_unlock(&s->lock);
}

void sync_set_restore(struct sync_set *s, const struct sync_object *o)
{
    struct body *body = o->deleted ? NULL : body_new(o->body);

    if (!o->deleted && !body)
        return;
    pthread_mutex_lock(&s->lock);
    store_put(&s->now, o, body);
    pthread_mutex_unlock(&s->lock);
}

void sync_set_restore_cursor(struct sync_set *s, const char *cursor, int64_t floor)
{
    struct id history;
    int64_t rev;

    if (!cursor_parse(cursor, &history, &rev))
        return;
    pthread_mutex_lock(&s->lock);
    s->history = history;
    s->next_rev = rev;
    s->floor = floor;
    s->ready = true;
    pthread_mutex_unlock(&s->lock);
}
