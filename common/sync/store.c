#include "common/sync/store.h"

#include <string.h>
#include <utlist.h>

static void make_key(char key[STORE_KEY_MAX], const char *scope, const char *kind,
                     const struct id *id)
{
    snprintf(key, STORE_KEY_MAX, "%s/%s/%s", scope, kind, id->s);
}

struct entry *store_find(struct store *st, const char *scope, const char *kind, const struct id *id)
{
    char key[STORE_KEY_MAX];
    struct entry *en;

    make_key(key, scope, kind, id);
    HASH_FIND_STR(st->by_key, key, en);
    return en;
}

static struct entry *entry_new(struct store *st, const struct sync_object *o)
{
    struct entry *en = calloc(1, sizeof *en);

    if (!en)
        return NULL;
    snprintf(en->scope, sizeof en->scope, "%s", o->scope);
    snprintf(en->kind, sizeof en->kind, "%s", o->kind);
    en->id = o->id;
    make_key(en->key, en->scope, en->kind, &en->id);
    HASH_ADD_STR(st->by_key, key, en);
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
    json_decref(en->body);
    return en;
}

static struct entry *put_in(struct store *st, struct entry *en, int64_t rev, json_t *body)
{
    en->rev = rev;
    en->body = body;
    en->held = false;
    account(st, en, 1);
    return en;
}

struct entry *store_put(struct store *st, const struct sync_object *o, json_t *body)
{
    struct entry *en = take_out(st, o);

    if (!en) {
        json_decref(body);
        return NULL;
    }
    put_in(st, en, o->rev, body);
    DL_APPEND2(st->head, en, prev, next);
    st->tail = st->head->prev;
    return en;
}

struct entry *store_hold(struct store *st, const struct sync_object *o, json_t *body)
{
    struct entry *en = take_out(st, o);

    if (!en) {
        json_decref(body);
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
    json_decref(en->body);
    free(en);
}

void store_clear(struct store *st)
{
    struct entry *en, *tmp;

    HASH_ITER(hh, st->by_key, en, tmp)
    {
        HASH_DEL(st->by_key, en);
        json_decref(en->body);
        free(en);
    }
    *st = (struct store){ 0 };
}

bool store_in_scope(const struct entry *en, const char *scope)
{
    return !scope || !en->scope[0] || strcmp(en->scope, scope) == 0;
}

int64_t store_count(const struct store *st, const char *scope, const char *kind)
{
    int64_t n = 0;

    if (!scope && !kind)
        return st->live;
    for (const struct entry *en = st->head; en; en = en->next)
        n += en->body && store_in_scope(en, scope) && (!kind || strcmp(en->kind, kind) == 0);
    return n;
}

void store_view(const struct entry *en, struct sync_object *o)
{
    *o = (struct sync_object){
        .id = en->id, .rev = en->rev, .deleted = !en->body, .body = en->body
    };
    snprintf(o->scope, sizeof o->scope, "%s", en->scope);
    snprintf(o->kind, sizeof o->kind, "%s", en->kind);
}
