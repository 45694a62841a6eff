/* Two relays of one source, not equally fresh: who reads now from one and now from the other never
 * goes back and loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/sync/set.h"

enum { MANY = 700 }; /* two pages */

static struct id ids[MANY];
static struct sync_set *source, *fresh, *late, *end;

static void put(int i, int n)
{
    sync_set_put(source, "", "thing", &ids[i], json_pack("{s:i}", "n", n));
}

/* One page from there to here; false: refused. */
static bool step(struct sync_set *from, struct sync_set *to, bool from_nothing, bool *more)
{
    char cursor[SYNC_CURSOR_MAX];
    json_auto_t *page = NULL;
    struct err e = { 0 };
    bool empty;
    int rc;

    sync_set_cursor(to, cursor);
    if (from_nothing)
        cursor[0] = '\0';
    assert_int_equal(sync_set_page(from, NULL, cursor, &page, &empty, &e), 0);
    json_object_set_new(page, "from", json_string(cursor));
    *more = json_flag(page, "more", false);
    rc = sync_set_apply(to, page, NULL, &e);
    assert_true(rc == 0 || e.code == ERR_SYNC_RESEND);
    return rc == 0;
}

static void drain(struct sync_set *from, struct sync_set *to)
{
    bool more = true;

    while (more)
        assert_true(step(from, to, false, &more));
}

static int at(struct sync_set *s, int i)
{
    json_auto_t *o = sync_set_get(s, "", "thing", &ids[i]);

    return o ? (int)json_num(o, "n", -1) : -1;
}

/* fresh has seen 10 move and 11 appear, late has not. */
static int setup(void **state)
{
    (void)state;
    source = sync_set_new_source();
    fresh = sync_set_new_replica();
    late = sync_set_new_replica();
    end = sync_set_new_replica();
    sync_set_led(source, 7);
    sync_set_ready(source);
    for (int i = 0; i < MANY; i++) {
        ids[i] = id_new();
        if (i != 11)
            put(i, 1);
    }
    drain(source, fresh);
    drain(source, late);
    put(10, 2);
    put(11, 2);
    drain(source, fresh);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sync_set_free(source);
    sync_set_free(fresh);
    sync_set_free(late);
    sync_set_free(end);
    return 0;
}

/* The first page of the fresher view lacks what has moved behind; the rest of the older one too. */
static void a_snapshot_does_not_go_on_with_an_older_view(void **state)
{
    bool more;

    (void)state;
    assert_true(step(fresh, end, false, &more));
    assert_true(more);
    assert_false(step(late, end, false, &more));
    assert_false(sync_set_is_ready(end));
    drain(source, late); /* it has caught up: now it may */
    drain(late, end);
    assert_int_equal(at(end, 10), 2);
    assert_int_equal(at(end, 11), 2);
    assert_int_equal(sync_set_count(end, NULL), MANY);
}

static void a_snapshot_may_go_on_with_a_newer_view(void **state)
{
    bool more;

    (void)state;
    assert_true(step(late, end, false, &more));
    drain(fresh, end);
    assert_int_equal(sync_set_count(end, NULL), MANY);
    assert_int_equal(at(end, 10), 2);
}

static void a_whole_older_snapshot_takes_nothing_back(void **state)
{
    bool more;

    (void)state;
    drain(fresh, end);
    assert_false(step(late, end, true, &more));
    assert_int_equal(at(end, 11), 2);
    drain(late, end); /* from where it is there is just nothing new */
    assert_int_equal(at(end, 10), 2);
    put(12, 3);
    drain(source, late);
    drain(late, end);
    assert_int_equal(at(end, 12), 3);
}

/* The leader's epoch travels with its history, through relays and into the next one. */
static void the_epoch_travels_with_the_history(void **state)
{
    struct sync_set *next = sync_set_new_source();
    json_auto_t *page = NULL, *first = NULL, *after = NULL;
    struct err e = { 0 };
    bool empty, more;

    (void)state;
    assert_int_equal(sync_set_page(fresh, NULL, "", &page, &empty, &e), 0);
    assert_int_equal(json_num(page, "epoch", -1), 7);
    sync_set_led(next, 8);
    for (int i = 0; i < MANY; i++)
        sync_set_put(next, "", "thing", &ids[i], json_pack("{s:i}", "n", 9));
    sync_set_ready(next);
    assert_true(step(next, fresh, false, &more));
    assert_true(more);
    assert_int_equal(sync_set_page(fresh, NULL, "", &first, &empty, &e), 0);
    assert_int_equal(json_num(first, "epoch", -1),
                     7); /* what is served until then is the old one's */
    drain(next, fresh);
    assert_int_equal(sync_set_page(fresh, NULL, "", &after, &empty, &e), 0);
    assert_int_equal(json_num(after, "epoch", -1), 8);
    sync_set_free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_snapshot_does_not_go_on_with_an_older_view, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_may_go_on_with_a_newer_view, setup, teardown),
        cmocka_unit_test_setup_teardown(a_whole_older_snapshot_takes_nothing_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_epoch_travels_with_the_history, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
