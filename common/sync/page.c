#include <string.h>

#include "common/sync/seen.h"
#include "common/sync/set_state.h"

void cursor_text(char to[SYNC_CURSOR_MAX], const struct id *history, int64_t rev)
{
    snprintf(to, SYNC_CURSOR_MAX, "%s:%lld", history->s, (long long)rev);
}

bool cursor_parse(const char *text, struct id *history, int64_t *rev)
{
    char id[ID_LEN + 1], *end;
    long long n;

    if (!text || strlen(text) < ID_LEN + 2 || text[ID_LEN] != ':')
        return false;
    memcpy(id, text, ID_LEN);
    id[ID_LEN] = '\0';
    n = strtoll(text + ID_LEN + 1, &end, 10);
    if (*end || n < 0 || !id_parse(id, history))
        return false;
    *rev = n;
    return true;
}

/* Where reading goes on: the revision in the cursor, or 0 and *snapshot. */
static int64_t start_of(const struct sync_set *s, const char *cursor, bool *snapshot)
{
    struct id history;
    int64_t rev;

    *snapshot = true;
    if (!cursor_parse(cursor, &history, &rev) || !id_eq(&history, &s->history) || rev < s->floor)
        return 0;
    /* Another relay of the same source may be ahead of us: then there is just nothing new here. */
    if (rev > s->next_rev && s->source)
        return 0;
    *snapshot = false;
    return rev;
}

static const struct entry *first_from(const struct store *st, int64_t rev)
{
    const struct entry *en = st->tail, *first = NULL;

    if (rev == 0)
        return st->head;
    for (; en && en->rev >= rev; en = en == st->head ? NULL : en->prev)
        first = en;
    return first;
}

static json_t *object_json(const struct sync_object *in, bool with_scope)
{
    json_t *o = json_object();

    if (with_scope && in->scope[0])
        json_object_set_new(o, "scope", json_string(in->scope));
    json_object_set_new(o, "kind", json_string(in->kind));
    json_object_set_new(o, "id", json_string(in->id.s));
    json_object_set_new(o, "rev", json_integer(in->rev));
    if (in->deleted)
        json_object_set_new(o, "deleted", json_true());
    else
        json_object_set(o, "body", in->body);
    return o;
}

/* What is read under the lock; the page is made of it afterwards. */
struct reading {
    const char *scope;
    struct id history;
    int64_t from, next, floor, head; /* revisions */
    int64_t epoch;                   /* 0: not said */
    int64_t count;                   /* of the live ones; -1: not said */
    bool snapshot, more;
    struct seen_list objects;
};

/* False: out of memory. */
static bool collect(const struct sync_set *s, struct reading *r)
{
    int64_t last = -1;

    r->next = s->next_rev > r->from ? s->next_rev : r->from;
    for (const struct entry *en = first_from(&s->now, r->from); en; en = en->next) {
        if (!store_in_scope(en, r->scope))
            continue;
        /* A page ends between two revisions: its cursor is one, and must get the reader further. */
        if (r->objects.n >= SYNC_PAGE_OBJECTS && en->rev > last) {
            r->next = en->rev;
            r->more = true;
            return true;
        }
        if (!seen_entry(&r->objects, en))
            return false;
        last = en->rev;
    }
    return true;
}

/* 1: read, 0: not ready, -1: out of memory */
static int read_locked(const struct sync_set *s, const char *cursor, struct reading *r)
{
    if (!s->ready)
        return 0;
    r->from = start_of(s, cursor, &r->snapshot);
    r->history = s->history;
    r->floor = s->floor;
    r->head = s->next_rev;
    r->epoch = s->epoch;
    r->count = -1;
    if (!collect(s, r))
        return -1;
    /* Counting walks the set: only the end of a snapshot needs it, and only the reader knows that.
     */
    if (!r->more && (r->snapshot || r->objects.n > 0))
        r->count = store_count(&s->now, r->scope, NULL);
    return 1;
}

static json_t *objects_json(struct reading *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->objects.n; i++) {
        struct seen *one = &r->objects.items[i];

        if (!seen_open(one) || json_array_append_new(list, object_json(&one->o, !r->scope)) < 0) {
            json_decref(list);
            return NULL;
        }
        seen_close(one);
    }
    return list;
}

static json_t *page_json(struct reading *r)
{
    char cursor[SYNC_CURSOR_MAX];
    json_t *objects = objects_json(r), *p = objects ? json_object() : NULL;

    if (!p) {
        json_decref(objects);
        return NULL;
    }
    cursor_text(cursor, &r->history, r->next);
    json_object_set_new(p, "history", json_string(r->history.s));
    json_object_set_new(p, "cursor", json_string(cursor));
    json_object_set_new(p, "floor", json_integer(r->floor));
    json_object_set_new(p, "head", json_integer(r->head));
    if (r->epoch > 0)
        json_object_set_new(p, "epoch", json_integer(r->epoch));
    json_object_set_new(p, "snapshot", json_boolean(r->snapshot));
    json_object_set_new(p, "more", json_boolean(r->more));
    if (r->count >= 0)
        json_object_set_new(p, "count", json_integer(r->count));
    json_object_set_new(p, "objects", objects);
    return p;
}

int sync_set_page(struct sync_set *s, const char *scope, const char *cursor, json_t **page,
                  bool *empty, struct err *e)
{
    struct reading r = { .scope = scope };
    json_t *p = NULL;
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = read_locked(s, cursor, &r);
    pthread_mutex_unlock(&s->lock);
    if (rc > 0) {
        *empty = !r.snapshot && r.objects.n == 0;
        p = page_json(&r);
    }
    seen_clear(&r.objects);
    if (rc == 0)
        return err_set(e, ERR_NOT_READY, "this tier does not hold a complete copy yet");
    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    *page = p;
    return 0;
}
