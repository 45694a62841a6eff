#include <string.h>

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

static json_t *object_json(const struct entry *en, bool with_scope)
{
    json_t *o = json_object();

    if (with_scope && en->scope[0])
        json_object_set_new(o, "scope", json_string(en->scope));
    json_object_set_new(o, "kind", json_string(en->kind));
    json_object_set_new(o, "id", json_string(en->id.s));
    json_object_set_new(o, "rev", json_integer(en->rev));
    if (en->body)
        json_object_set(o, "body", en->body);
    else
        json_object_set_new(o, "deleted", json_true());
    return o;
}

struct reading {
    const char *scope;
    int64_t from, next; /* revisions */
    bool snapshot, more;
    json_t *objects;
};

static void collect(const struct sync_set *s, struct reading *r)
{
    int64_t last = -1;

    r->objects = json_array();
    r->next = s->next_rev > r->from ? s->next_rev : r->from;
    for (const struct entry *en = first_from(&s->now, r->from); en; en = en->next) {
        if (!store_in_scope(en, r->scope))
            continue;
        /* A page ends between two revisions: its cursor is one, and must get the reader further. */
        if (json_array_size(r->objects) >= SYNC_PAGE_OBJECTS && en->rev > last) {
            r->next = en->rev;
            r->more = true;
            return;
        }
        json_array_append_new(r->objects, object_json(en, !r->scope));
        last = en->rev;
    }
}

static json_t *page_json(const struct sync_set *s, const struct reading *r)
{
    char cursor[SYNC_CURSOR_MAX];
    json_t *p = json_object();

    cursor_text(cursor, &s->history, r->next);
    json_object_set_new(p, "history", json_string(s->history.s));
    json_object_set_new(p, "cursor", json_string(cursor));
    json_object_set_new(p, "floor", json_integer(s->floor));
    json_object_set_new(p, "snapshot", json_boolean(r->snapshot));
    json_object_set_new(p, "more", json_boolean(r->more));
    /* Counting walks the set: only the end of a snapshot needs it, and only the reader knows that.
     */
    if (!r->more && (r->snapshot || json_array_size(r->objects) > 0))
        json_object_set_new(p, "count", json_integer(store_count(&s->now, r->scope, NULL)));
    json_object_set_new(p, "objects", r->objects);
    return p;
}

int sync_set_page(struct sync_set *s, const char *scope, const char *cursor, json_t **page,
                  bool *empty, struct err *e)
{
    struct reading r = { .scope = scope };
    json_t *p;

    pthread_mutex_lock(&s->lock);
    if (!s->ready) {
        pthread_mutex_unlock(&s->lock);
        return err_set(e, ERR_NOT_READY, "this tier does not hold a complete copy yet");
    }
    r.from = start_of(s, cursor, &r.snapshot);
    collect(s, &r);
    *empty = !r.snapshot && json_array_size(r.objects) == 0;
    p = page_json(s, &r);
    pthread_mutex_unlock(&s->lock);
    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    *page = p;
    return 0;
}
