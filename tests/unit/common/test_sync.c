/* The sync set: what a page says, what a reader makes of it, and what can go wrong in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "common/base/json.h"
#include "common/sync/set.h"

static json_t *body(int n)
{
    return json_pack("{s:i}", "n", n);
}

/* Moves pages from one set to the other until nothing is new; returns the number of pages. */
static int drain(struct sync_set *from, const char *scope, struct sync_set *to,
                 const struct sync_apply *how)
{
    for (int pages = 1;; pages++) {
        struct err e = { 0 };
        char cursor[SYNC_CURSOR_MAX];
        json_auto_t *page = NULL;
        bool empty, more;

        sync_set_cursor(to, cursor);
        assert_int_equal(sync_set_page(from, scope, cursor, &page, &empty, &e), 0);
        json_object_set_new(page, "from", json_string(cursor));
        more = json_flag(page, "more", false);
        assert_int_equal(sync_set_apply(to, page, how, &e), 0);
        if (!more)
            return pages;
    }
}

struct diff {
    struct sync_set *other;
    int64_t n, wrong;
};

static void compare(void *arg, const struct sync_object *o)
{
    struct diff *d = arg;
    json_auto_t *there = sync_set_get(d->other, "", o->kind, &o->id);

    d->n++;
    d->wrong += !there || !json_equal(there, o->body);
}

static void assert_same(struct sync_set *a, struct sync_set *b)
{
    struct diff d = { .other = b };

    sync_set_each(a, NULL, compare, &d);
    assert_int_equal(d.wrong, 0);
    assert_int_equal(d.n, sync_set_count(b, NULL));
}

static void snapshot_of_many_pages_then_changes(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id ids[1200];

    (void)state;
    for (int i = 0; i < 1200; i++) {
        ids[i] = id_new();
        assert_true(sync_set_put(src, "", "thing", &ids[i], body(i)));
    }
    sync_set_ready(src);
    assert_int_equal(drain(src, "", dst, NULL), 3);
    assert_same(src, dst);
    assert_false(sync_set_put(src, "", "thing", &ids[7], body(7))); /* equal: no new revision */
    assert_true(sync_set_put(src, "", "thing", &ids[7], body(-7)));
    assert_true(sync_set_del(src, "", "thing", &ids[8]));
    assert_int_equal(drain(src, "", dst, NULL), 1);
    assert_same(src, dst);
    assert_null(sync_set_get(dst, "", "thing", &ids[8]));
    sync_set_free(src);
    sync_set_free(dst);
}

/* An object that cannot be read is refused alone: the snapshot that it is part of ends all the
 * same.
 */
static void a_refused_object_does_not_hold_up_a_snapshot(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id a = id_new(), b = id_new();
    struct err e = { 0 };
    json_auto_t *page = NULL;
    bool empty;

    (void)state;
    sync_set_put(src, "", "thing", &a, body(1));
    sync_set_put(src, "", "thing", &b, body(2));
    sync_set_ready(src);
    assert_int_equal(sync_set_page(src, "", "", &page, &empty, &e), 0);
    json_object_set_new(json_array_get(json_object_get(page, "objects"), 0), "kind",
                        json_integer(7));
    assert_int_equal(sync_set_apply(dst, page, NULL, &e), 0);
    assert_true(sync_set_is_ready(dst));
    assert_int_equal(sync_set_count(dst, NULL), 1);
    json_array_remove(json_object_get(page, "objects"), 0); /* but one that is not there does */
    assert_int_equal(sync_set_apply(dst, page, NULL, &e), -1);
    assert_int_equal(e.code, ERR_SYNC_RESEND);
    sync_set_free(src);
    sync_set_free(dst);
}

static void not_ready_is_never_an_empty_list(void **state)
{
    struct sync_set *relay = sync_set_new_replica(), *src = sync_set_new_source();
    struct err e = { 0 };
    json_t *page = NULL;
    bool empty;

    (void)state;
    assert_int_equal(sync_set_page(relay, "", "", &page, &empty, &e), -1);
    assert_int_equal(e.code, ERR_NOT_READY);
    e = (struct err){ 0 };
    assert_int_equal(sync_set_page(src, "", "", &page, &empty, &e), -1);
    assert_int_equal(e.code, ERR_NOT_READY);
    sync_set_free(relay);
    sync_set_free(src);
}

/* A relay serves its source's cursors: a reader may change relay without a snapshot. */
static void two_relays_serve_the_same_cursors(void **state)
{
    struct sync_set *src = sync_set_new_source(), *one = sync_set_new_replica(),
                    *two = sync_set_new_replica(), *end = sync_set_new_replica();
    struct id a = id_new(), b = id_new();
    char before[SYNC_CURSOR_MAX], after[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    json_auto_t *page = NULL;
    bool empty;

    (void)state;
    sync_set_put(src, "", "thing", &a, body(1));
    sync_set_ready(src);
    drain(src, NULL, one, NULL);
    drain(src, NULL, two, NULL);
    drain(one, "", end, NULL);
    sync_set_put(src, "", "thing", &b, body(2));
    drain(src, NULL, one, NULL);
    drain(one, "", end, NULL);
    /* two is behind what end has seen: nothing to tell, and no snapshot backwards */
    sync_set_cursor(end, before);
    assert_int_equal(sync_set_page(two, "", before, &page, &empty, &e), 0);
    assert_true(empty);
    assert_string_equal(json_str(page, "cursor"), before);
    drain(src, NULL, two, NULL);
    sync_set_cursor(two, after);
    assert_string_equal(before, after);
    assert_same(end, two);
    sync_set_free(src);
    sync_set_free(one);
    sync_set_free(two);
    sync_set_free(end);
}

static void a_scope_sees_its_own_and_everyones(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id mine = id_new(), other = id_new(), a = id_new(), b = id_new(), c = id_new();

    (void)state;
    sync_set_put(src, mine.s, "thing", &a, body(1));
    sync_set_put(src, other.s, "thing", &b, body(2));
    sync_set_put(src, "", "thing", &c, body(3));
    sync_set_ready(src);
    drain(src, mine.s, dst, NULL);
    assert_int_equal(sync_set_count(dst, NULL), 2);
    assert_null(sync_set_get(dst, "", "thing", &b));
    sync_set_free(src);
    sync_set_free(dst);
}

struct watch {
    int changed, gone, asked;
    bool hold;
};

static void on_change(void *arg, const struct sync_object *o)
{
    struct watch *w = arg;

    w->changed += !o->deleted;
    w->gone += o->deleted;
}

static bool on_hold(void *arg, const struct sync_object *absent, int64_t n, int64_t all)
{
    struct watch *w = arg;

    (void)absent;
    (void)all;
    w->asked = (int)n;
    return w->hold;
}

/* The source was restored to an older copy (another history) that lacks half of the objects. */
static void absence_in_a_snapshot_is_held_until_confirmed(void **state)
{
    struct sync_set *old = sync_set_new_source(), *new = sync_set_new_source(),
                    *dst = sync_set_new_replica();
    struct watch w = { .hold = true };
    struct sync_apply how = { on_hold, on_change, &w };

    (void)state;
    for (int i = 0; i < 10; i++) {
        struct id id = id_new();

        sync_set_put(old, "", "pool", &id, body(i));
        if (i < 5)
            sync_set_put(new, "", "pool", &id, body(i));
    }
    sync_set_ready(old);
    sync_set_ready(new);
    drain(old, "", dst, &how);
    assert_int_equal(w.changed, 10);
    drain(new, "", dst, &how);
    assert_int_equal(w.asked, 5);
    assert_int_equal(w.gone, 0);
    assert_int_equal(sync_set_count(dst, "pool"), 10); /* held ones still serve */
    w.hold = false; /* a person confirmed; the next snapshot asks again */
    sync_set_restore_cursor(dst, "", 0);
    {
        struct err e = { 0 };
        json_auto_t *page = NULL;
        bool empty;

        assert_int_equal(sync_set_page(new, "", NULL, &page, &empty, &e), 0);
        assert_int_equal(sync_set_apply(dst, page, &how, &e), 0);
    }
    assert_int_equal(w.gone, 5);
    assert_same(new, dst);
    sync_set_free(old);
    sync_set_free(new);
    sync_set_free(dst);
}

static void gaps_short_snapshots_and_rubbish_are_refused(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id a = id_new();
    struct err e = { 0 };
    bool empty;

    (void)state;
    sync_set_put(src, "", "thing", &a, body(1));
    sync_set_ready(src);
    drain(src, "", dst, NULL);
    {
        json_auto_t *page = NULL; /* says that it follows something that was never here */

        assert_int_equal(sync_set_page(src, "", NULL, &page, &empty, &e), 0);
        json_object_set_new(page, "snapshot", json_false());
        json_object_set_new(page, "from", json_sprintf("%s:%d", id_new().s, 9));
        assert_int_equal(sync_set_apply(dst, page, NULL, &e), -1);
        assert_int_equal(e.code, ERR_SYNC_RESEND);
    }
    {
        json_auto_t *page = NULL; /* claims more objects than it has */

        e = (struct err){ 0 };
        assert_int_equal(sync_set_page(src, "", NULL, &page, &empty, &e), 0);
        json_object_set_new(page, "count", json_integer(2));
        assert_int_equal(sync_set_apply(dst, page, NULL, &e), -1);
        assert_int_equal(e.code, ERR_SYNC_RESEND);
    }
    {
        json_auto_t *page = json_pack("{s:s, s:[]}", "history", "no", "objects");

        e = (struct err){ 0 };
        assert_int_equal(sync_set_apply(dst, page, NULL, &e), -1);
        assert_int_equal(e.code, ERR_PEER_PROTOCOL);
    }
    assert_int_equal(sync_set_count(dst, NULL), 1);
    sync_set_free(src);
    sync_set_free(dst);
}

/* A page of src, made to say that it goes on from where dst is. */
static json_t *continuation(struct sync_set *src, struct sync_set *dst, bool more)
{
    char cursor[SYNC_CURSOR_MAX];
    struct err e = { 0 };
    json_t *page;
    bool empty;

    sync_set_cursor(dst, cursor);
    assert_int_equal(sync_set_page(src, "", NULL, &page, &empty, &e), 0);
    json_object_set_new(page, "snapshot", json_false());
    json_object_set_new(page, "more", json_boolean(more));
    json_object_set_new(page, "from", json_string(cursor));
    return page;
}

/* The source was renewed between our question and its answer: what it says is no continuation. */
static void another_history_is_no_continuation(void **state)
{
    struct sync_set *old = sync_set_new_source(), *new = sync_set_new_source(),
                    *dst = sync_set_new_replica();
    struct id a = id_new(), b = id_new();
    char before[SYNC_CURSOR_MAX], after[SYNC_CURSOR_MAX];

    (void)state;
    sync_set_put(old, "", "thing", &a, body(1));
    sync_set_put(new, "", "thing", &b, body(2));
    sync_set_ready(old);
    sync_set_ready(new);
    for (int half = 0; half < 2; half++) { /* first in the middle of a snapshot, then after one */
        json_auto_t *page = NULL, *wrong = NULL;
        struct err e = { 0 }, again = { 0 };
        bool empty;

        assert_int_equal(sync_set_page(old, "", NULL, &page, &empty, &e), 0);
        json_object_set_new(page, "more", json_boolean(half == 0));
        assert_int_equal(sync_set_apply(dst, page, NULL, &e), 0);
        sync_set_cursor(dst, before);
        wrong = continuation(new, dst, false);
        assert_int_equal(sync_set_follows(dst, wrong, &again), -1);
        assert_int_equal(again.code, ERR_SYNC_RESEND);
        assert_int_equal(sync_set_apply(dst, wrong, NULL, &e), -1);
        assert_int_equal(e.code, ERR_SYNC_RESEND);
        sync_set_cursor(dst, after);
        assert_string_equal(before, after);
        assert_null(sync_set_get(dst, "", "thing", &b));
    }
    {
        json_auto_t *page = NULL; /* asked again from nothing */
        struct err e = { 0 };
        bool empty;

        assert_int_equal(sync_set_page(new, "", NULL, &page, &empty, &e), 0);
        assert_int_equal(sync_set_follows(dst, page, &e), 0);
        assert_int_equal(sync_set_apply(dst, page, NULL, &e), 0);
    }
    assert_same(new, dst);
    sync_set_free(old);
    sync_set_free(new);
    sync_set_free(dst);
}

/* What a cursor of ours says about one object. */
static void a_cursor_says_who_has_what(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id a = id_new(), b = id_new();
    char cursor[SYNC_CURSOR_MAX];
    int64_t rev;

    (void)state;
    sync_set_put(src, "", "thing", &a, body(1));
    sync_set_ready(src);
    drain(src, "", dst, NULL);
    sync_set_put(src, "", "thing", &b, body(2));
    sync_set_cursor(dst, cursor);
    assert_true(sync_set_passed(src, cursor, &rev));
    assert_true(sync_set_rev(src, "", "thing", &a) < rev);
    assert_true(sync_set_rev(src, "", "thing", &b) >= rev);
    sync_set_del(src, "", "thing", &a);
    assert_int_equal(sync_set_rev(src, "", "thing", &a), -1);
    snprintf(cursor, sizeof cursor, "%s:7", id_new().s);
    assert_false(sync_set_passed(src, cursor, &rev));
    assert_false(sync_set_passed(src, "", &rev));
    sync_set_free(src);
    sync_set_free(dst);
}

/* Readers that fell behind the kept tombstones get a snapshot, and end up right. */
static void behind_the_floor_means_snapshot(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id keep = id_new(), gone = id_new();
    struct watch w = { 0 };
    struct sync_apply how = { NULL, on_change, &w };

    (void)state;
    sync_set_put(src, "", "thing", &keep, body(1));
    sync_set_put(src, "", "thing", &gone, body(2));
    sync_set_ready(src);
    drain(src, "", dst, &how);
    sync_set_del(src, "", "thing", &gone);
    for (int i = 0; i < 10100; i++) {
        struct id id = id_new();

        sync_set_put(src, "", "thing", &id, body(i));
        sync_set_del(src, "", "thing", &id);
    }
    drain(src, "", dst, &how);
    assert_same(src, dst);
    assert_int_equal(sync_set_count(dst, NULL), 1);
    assert_int_equal(w.gone, 1);
    sync_set_free(src);
    sync_set_free(dst);
}

/* More live objects than a page holds, all older than the floor: the snapshot must still come to
 * its end. */
static void snapshots_end_although_the_floor_moved(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();

    (void)state;
    for (int i = 0; i < 1300; i++) {
        struct id id = id_new();

        sync_set_put(src, "", "thing", &id, body(i));
    }
    for (int i = 0; i < 10001; i++) {
        struct id id = id_new();

        sync_set_put(src, "", "thing", &id, body(i));
        sync_set_del(src, "", "thing", &id);
    }
    sync_set_ready(src);
    assert_in_range(drain(src, "", dst, NULL), 3, 40);
    assert_same(src, dst);
    sync_set_free(src);
    sync_set_free(dst);
}

/* Held objects all have revision 0: a page cannot end between two of them. */
static void many_objects_of_one_revision_fit_one_page(void **state)
{
    struct sync_set *old = sync_set_new_source(), *new = sync_set_new_source(),
                    *relay = sync_set_new_replica(), *end = sync_set_new_replica();
    struct watch w = { .hold = true };
    struct sync_apply how = { on_hold, on_change, &w };
    struct id id = id_new();

    (void)state;
    for (int i = 0; i < 1100; i++) {
        struct id other = id_new();

        sync_set_put(old, "", "pool", &other, body(i));
    }
    sync_set_put(new, "", "pool", &id, body(1));
    sync_set_ready(old);
    sync_set_ready(new);
    drain(old, "", relay, &how);
    drain(new, "", relay, &how);
    assert_int_equal(w.asked, 1100);
    assert_in_range(drain(relay, "", end, NULL), 1, 3);
    assert_int_equal(sync_set_count(end, NULL), 1101);
    sync_set_free(old);
    sync_set_free(new);
    sync_set_free(relay);
    sync_set_free(end);
}

struct writer {
    struct sync_set *set;
    struct id ids[50];
};

static void *write_much(void *arg)
{
    struct writer *w = arg;

    for (int i = 0; i < 4000; i++) {
        struct id *id = &w->ids[i % 50];

        if (i % 7 == 3)
            sync_set_del(w->set, "", "thing", id);
        else
            sync_set_put(w->set, "", "thing", id, body(i));
    }
    return NULL;
}

/* Four writers and a reader at once: no change is ever skipped. */
static void concurrent_writers_lose_nothing(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct writer w[4];
    pthread_t t[4];

    (void)state;
    sync_set_ready(src);
    for (int i = 0; i < 4; i++) {
        w[i].set = src;
        for (int k = 0; k < 50; k++)
            w[i].ids[k] = id_new();
        assert_int_equal(pthread_create(&t[i], NULL, write_much, &w[i]), 0);
    }
    for (int i = 0; i < 200; i++)
        drain(src, "", dst, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    drain(src, "", dst, NULL);
    assert_same(src, dst);
    sync_set_free(src);
    sync_set_free(dst);
}

static void restored_from_disk_goes_on_where_it_was(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id a = id_new(), b = id_new();
    char cursor[SYNC_CURSOR_MAX];
    struct sync_object o = { .kind = "thing", .id = a, .rev = 1 };
    struct err e = { 0 };
    json_auto_t *page = NULL;
    bool empty;

    (void)state;
    sync_set_put(src, "", "thing", &a, body(1));
    sync_set_ready(src);
    sync_set_cursor(src, cursor);
    o.body = body(1);
    sync_set_restore(dst, &o);
    json_decref(o.body);
    sync_set_restore_cursor(dst, cursor, 0);
    sync_set_put(src, "", "thing", &b, body(2));
    assert_int_equal(sync_set_page(src, "", cursor, &page, &empty, &e), 0);
    assert_false(json_flag(page, "snapshot", true));
    assert_int_equal(drain(src, "", dst, NULL), 1);
    assert_same(src, dst);
    sync_set_free(src);
    sync_set_free(dst);
}

/* The order of members is nothing; every other difference is one. What comes out is what went in.
 */
static void bodies_are_values(void **state)
{
    static const char *const texts[] = {
        "{\"a\":1,\"b\":[1.5,null,true,\"\\u0000\xea\xb0\x80\\\"\"]}",
        "{\"b\":[1.5,null,true,\"\\u0000\xea\xb0\x80\\\"\"],\"a\":1}",
        "{\"a\":1.0,\"b\":[1.5,null,true,\"\\u0000\xea\xb0\x80\\\"\"]}",
        "{\"a\":1}",
        "{\"a\":1,\"b\":null}",
        "{}"
    };
    struct sync_set *set = sync_set_new_source();
    struct id id = id_new();

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_auto_t *in = json_loads(texts[i], JSON_ALLOW_NUL, NULL), *out = NULL, *again = NULL;

        assert_non_null(in);
        assert_int_equal(sync_set_put(set, "", "thing", &id, json_incref(in)), i != 1);
        out = sync_set_get(set, "", "thing", &id);
        assert_true(json_equal(in, out));
        json_object_set_new(out, "mine", json_true()); /* the asker's own */
        again = sync_set_get(set, "", "thing", &id);
        assert_true(json_equal(in, again));
    }
    sync_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_values),
        cmocka_unit_test(snapshot_of_many_pages_then_changes),
        cmocka_unit_test(a_refused_object_does_not_hold_up_a_snapshot),
        cmocka_unit_test(not_ready_is_never_an_empty_list),
        cmocka_unit_test(two_relays_serve_the_same_cursors),
        cmocka_unit_test(a_scope_sees_its_own_and_everyones),
        cmocka_unit_test(absence_in_a_snapshot_is_held_until_confirmed),
        cmocka_unit_test(gaps_short_snapshots_and_rubbish_are_refused),
        cmocka_unit_test(another_history_is_no_continuation),
        cmocka_unit_test(a_cursor_says_who_has_what),
        cmocka_unit_test(behind_the_floor_means_snapshot),
        cmocka_unit_test(snapshots_end_although_the_floor_moved),
        cmocka_unit_test(many_objects_of_one_revision_fit_one_page),
        cmocka_unit_test(concurrent_writers_lose_nothing),
        cmocka_unit_test(restored_from_disk_goes_on_where_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
