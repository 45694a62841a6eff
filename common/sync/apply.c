#include <string.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/sync/seen.h"
#include "common/sync/set_state.h"

/* What a page did, told to the owner after the lock is released. One that there is no memory for is
 * a hint that the owner misses, not the fact: the next sweep sees the set. */
static void tell(struct seen_list *h, const struct sync_apply *how)
{
    for (size_t i = 0; i < h->n; i++) {
        if (how && how->change && seen_open(&h->items[i]))
            how->change(how->arg, &h->items[i].o);
        seen_close(&h->items[i]);
    }
}

/* Unknown members are ignored; an object without kind, id or revision is refused alone. */
static bool read_object(const json_t *v, struct sync_object *o)
{
    const char *scope = json_str(v, "scope"), *kind = json_str(v, "kind");

    *o = (struct sync_object){ .rev = json_num(v, "rev", -1) };
    o->deleted = json_flag(v, "deleted", false);
    o->body = o->deleted ? NULL : json_object_get(v, "body");
    if (!kind || !kind[0] || strlen(kind) >= sizeof o->kind || o->rev < 0 ||
        !json_id(v, "id", &o->id) || (scope && scope[0] && !id_valid(scope)) ||
        (!o->deleted && !json_is_object(o->body)))
        return false;
    snprintf(o->kind, sizeof o->kind, "%s", kind);
    snprintf(o->scope, sizeof o->scope, "%s", scope ? scope : "");
    return true;
}

/* False: out of memory. */
static bool take_object(struct store *st, const struct sync_object *o, struct seen_list *h)
{
    struct body *body = o->deleted ? NULL : body_new(o->body);
    struct entry *en = store_find(st, o->scope, o->kind, &o->id);
    bool same = en && body_same(en->body, body);

    if (!body && !o->deleted)
        return false;
    en = store_put(st, o, body);
    if (h && en && !same)
        seen_entry(h, en);
    return en;
}

/* How many live ones were refused. */
static int64_t take_objects(struct store *st, const json_t *page, struct seen_list *h)
{
    const json_t *list = json_object_get(page, "objects");
    struct sync_object o;
    int64_t refused = 0;

    for (size_t i = 0; i < json_array_size(list); i++)
        if (!read_object(json_array_get(list, i), &o) || !take_object(st, &o, h)) {
            log_warn("sync_refused=object");
            refused += !o.deleted;
        }
    return refused;
}

/* Those that the finished snapshot does not name. The array is the caller's to free. */
static struct sync_object *absent_ones(struct sync_set *s, int64_t *n)
{
    struct sync_object *list = calloc((size_t)s->now.live + 1, sizeof *list);

    *n = 0;
    for (struct entry *en = s->now.head; list && en; en = en->next) {
        struct entry *new = store_find(&s->staging, en->key.scope, en->key.kind, &en->key.id);

        if (en->body && !new)
            store_view(en, &list[(*n)++]);
    }
    return list;
}

static void keep(struct sync_set *s, const struct sync_object *absent, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const struct sync_object *o = &absent[i];
        const struct entry *en = store_find(&s->now, o->scope, o->kind, &o->id);

        store_hold(&s->staging, o, body_keep(en->body));
    }
}

static void hear_changes(struct sync_set *s, struct seen_list *h)
{
    for (struct entry *en = s->staging.head; en; en = en->next) {
        struct entry *old = store_find(&s->now, en->key.scope, en->key.kind, &en->key.id);

        if (!body_same(old ? old->body : NULL, en->body))
            seen_entry(h, en);
    }
}

static void finish_snapshot(struct sync_set *s, struct seen_list *h, struct sync_object *absent,
                            int64_t n, bool held)
{
    hear_changes(s, h);
    if (held) {
        keep(s, absent, n);
    } else {
        for (int64_t i = 0; i < n; i++) {
            struct sync_object gone = absent[i];

            gone.deleted = true;
            seen_add(h, &gone, NULL);
        }
    }
    store_clear(&s->now);
    s->now = s->staging;
    s->staging = (struct store){ 0 };
    s->history = s->staging_history;
    s->next_rev = s->staging_rev;
    s->floor = s->staging_floor;
    s->epoch = s->staging_epoch;
    s->in_snapshot = false;
    s->ready = true;
}

struct page_head {
    struct id history;
    int64_t rev, floor, count, epoch;
    int64_t head; /* -1: a sender of the version before does not say */
    bool snapshot, more;
    const char *from;
};

static int read_head(const json_t *page, struct page_head *hd, struct err *e)
{
    struct id history;

    if (!json_id(page, "history", &hd->history) ||
        !cursor_parse(json_str(page, "cursor"), &history, &hd->rev) ||
        !id_eq(&history, &hd->history) || !json_is_array(json_object_get(page, "objects")))
        return err_set(e, ERR_PEER_PROTOCOL, "this is not a page of objects");
    hd->floor = json_num(page, "floor", 0);
    hd->count = json_num(page, "count", -1);
    hd->head = json_num(page, "head", -1);
    hd->epoch = json_num(page, "epoch", 0);
    hd->snapshot = json_flag(page, "snapshot", false);
    hd->more = json_flag(page, "more", false);
    hd->from = json_str(page, "from");
    return 0;
}

/* Two relays of one source are not equally fresh. Pages of a snapshot that are read from views of
 * which a later one is older lack what moved between them; a whole one from an older view would
 * take back what is held. */
static bool behind(const struct sync_set *s, const struct page_head *hd)
{
    if (hd->head < 0)
        return false;
    if (hd->snapshot)
        return s->ready && id_eq(&hd->history, &s->history) && hd->head < s->next_rev;
    return s->in_snapshot && hd->head < s->staging_head;
}

/* The page must go on exactly where we are, in the same history; else both sides would believe in
 * a gap that neither sees: a source may have been renewed between our question and its answer. */
static bool follows(const struct sync_set *s, const struct page_head *hd)
{
    const struct id *held = s->in_snapshot ? &s->staging_history : &s->history;
    struct id history;
    int64_t rev;

    if (behind(s, hd))
        return false;
    if (hd->snapshot)
        return true;
    if (!cursor_parse(hd->from, &history, &rev) || !id_eq(&history, held) ||
        !id_eq(&hd->history, held))
        return false;
    return s->in_snapshot ? rev == s->staging_rev : s->ready && rev == s->next_rev;
}

static int refuse(struct err *e)
{
    return err_set(e, ERR_SYNC_RESEND, "the page does not follow what is held");
}

int sync_set_follows(struct sync_set *s, const json_t *page, struct err *e)
{
    struct page_head hd = { 0 };
    bool ok;

    if (read_head(page, &hd, e) < 0)
        return -1;
    pthread_mutex_lock(&s->lock);
    ok = follows(s, &hd);
    pthread_mutex_unlock(&s->lock);
    return ok ? 0 : refuse(e);
}

static void begin_snapshot(struct sync_set *s, const struct page_head *hd)
{
    store_clear(&s->staging);
    s->staging_refused = 0;
    s->in_snapshot = true;
    s->staging_history = hd->history;
    s->staging_head = -1;
}

/* With the lock held. What there is of the snapshot is of no use any more. */
static int too_many(struct sync_set *s, struct err *e)
{
    store_clear(&s->staging);
    s->in_snapshot = false;
    return err_set(e, ERR_PEER_PROTOCOL, "this source tells of more than %lld objects",
                   (long long)s->bound);
}

/* With the lock held. Leaves *absent for the caller when a snapshot is complete. */
static int apply_locked(struct sync_set *s, const json_t *page, const struct page_head *hd,
                        struct seen_list *h, struct sync_object **absent, int64_t *n, struct err *e)
{
    if (!follows(s, hd))
        return refuse(e);
    if (hd->snapshot)
        begin_snapshot(s, hd);
    if (s->bound && (s->in_snapshot ? s->staging.live : s->now.live) > s->bound)
        return too_many(s, e);
    if (!s->in_snapshot) {
        take_objects(&s->now, page, h);
        s->next_rev = hd->rev;
        s->floor = hd->floor > s->floor ? hd->floor : s->floor;
        s->epoch = hd->epoch > 0 ? hd->epoch : s->epoch;
        return 0;
    }
    s->staging_refused += take_objects(&s->staging, page, NULL);
    s->staging_rev = hd->rev;
    s->staging_floor = hd->floor;
    s->staging_epoch = hd->epoch;
    s->staging_head = hd->head > s->staging_head ? hd->head : s->staging_head;
    if (hd->more)
        return 0;
    if (hd->count >= 0 && s->staging.live + s->staging_refused < hd->count) {
        store_clear(&s->staging);
        s->in_snapshot = false;
        return err_set(e, ERR_SYNC_RESEND, "the snapshot is short of objects");
    }
    *absent = absent_ones(s, n);
    return *absent ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

int sync_set_apply(struct sync_set *s, const json_t *page, const struct sync_apply *how,
                   struct err *e)
{
    struct page_head hd = { 0 };
    struct seen_list h = { 0 };
    struct sync_object *absent = NULL;
    int64_t n = 0;
    int rc;

    if (read_head(page, &hd, e) < 0)
        return -1;
    pthread_mutex_lock(&s->lock);
    rc = apply_locked(s, page, &hd, &h, &absent, &n, e);
    if (rc == 0 && absent) {
        /* A pure question on what is here: asked under the lock, so that nothing moves meanwhile.
         */
        bool held = n > 0 && how && how->hold && how->hold(how->arg, absent, n, s->now.live);

        finish_snapshot(s, &h, absent, n, held);
    }
    pthread_mutex_unlock(&s->lock);
    free(absent);
    tell(&h, how);
    if (rc == 0 && s->changed && (h.n > 0 || hd.snapshot))
        s->changed(s->changed_arg, NULL);
    seen_clear(&h);
    return rc;
}
