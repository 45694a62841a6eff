#include "common/sync/store.h"

#include <string.h>
#include <utlist.h>

static struct entry_key key_of(const char *scope, const char *kind, const struct id *id)
{
    struct entry_key k;

    memset(&k, 0, sizeof k);
    snprintf(k.scope, sizeof k.scope, "%s", scope);
    snprintf(k.kind, sizeof k.kind, "%s", kind);
    snprintf(k.id.s, sizeof k.id.s, "%s", id->s);
    return k;
}

struct entry *store_find(struct store *st, const char *scope, const char *kind, const struct id *id)
{
    struct entry_key k = key_of(scope, kind, id);
    struct entry *en;

    HASH_FIND(hh, st->by_key, &k, sizeof k, en);
    return en;
}

static struct entry *entry_new(struct store *st, const struct sync_object *o)
{
    struct entry *en = calloc(1, sizeof *en);

    if (!en)
        return NULL;
    en->key = key_of(o->scope, o->kind, &o->id);
    HASH_ADD(hh, st->by_key, key, sizeof en->key, en);
    return en;
}

static void account(struct store *st, const struct entry *en, int sign)
{
    if (en->body)
        st->live += sign;
    else
        st->tombstones += sign;
}

/* The entry for o, out of the order and without a body; new if there was none. */
static struct entry *take_out(struct store *st, const struct sync_object *o)
{
    struct entry *en = store_find(st, o->scope, o->kind, &o->id);

    if (!en)
        return entry_new(st, o);
    account(st, en, -1);
    DL_DELETE2(st->head, en, prev, next);
    body_drop(en->body);
    return en;
}

static struct entry *put_in(struct store *st, struct entry *en, int64_t rev, struct body *body)
{
    en->rev = rev;
    en->body = body;
    en->held = false;
    account(st, en, 1);
    return en;
}

struct entry *store_put(struct store *st, const struct sync_object *o, struct body *body)
{
    struct entry *en = take_out(st, o);

    if (!en) {
        body_drop(body);
        return NULL;
    }
    put_in(st, en, o->rev, body);
    DL_APPEND2(st->head, en, prev, next);
    st->tail = st->head->prev;
    return en;
}

struct entry *store_hold(struct store *st, const struct sync_object *o, struct body *body)
{
    struct entry *en = take_out(st, o);

    if (!en) {
        body_drop(body);
        return NULL;
    }
    put_in(st, en, 0, body)->held = true;
    DL_PREPEND2(st->head, en, prev, next);
    st->tail = st->head->prev;
    return en;
}

void store_drop(struct store *st, struct entry *en)
{
    account(st, en, -1);
    DL_DELETE2(st->head, en, prev, next);
    st->tail = st->head ? st->head->prev : NULL;
    HASH_DEL(st->by_key, en);
    body_drop(en->body);
    free(en);
}

void store_clear(struct store *st)
{
    struct entry *en, *tmp;

    HASH_ITER(hh, st->by_key, en, tmp)
    {
        HASH_DEL(st->by_key, en);
        body_drop(en->body);
        free(en);
    }
    *st = (struct store){ 0 };
}

bool store_in_scope(const struct entry *en, const char *scope)
{
    return !scope || !en->key.scope[0] || strcmp(en->key.scope, scope) == 0;
}

int64_t store_count(const struct store *st, const char *scope, const char *kind)
{
    int64_t n = 0;

    if (!scope && !kind)
        return st->live;
    for (const struct entry *en = st->head; en; en = en->next)
        n += en->body && store_in_scope(en, scope) && (!kind || strcmp(en->key.kind, kind) == 0);
    return n;
}

void store_view(const struct entry *en, struct sync_object *o)
{
    *o = (struct sync_object){ .id = en->key.id, .rev = en->rev, .deleted = !en->body };
    snprintf(o->scope, sizeof o->scope, "%s", en->key.scope);
    snprintf(o->kind, sizeof o->kind, "%s", en->key.kind);
}
