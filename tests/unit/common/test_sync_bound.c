/* A source that tells of more than its reader can hold: refused, and nothing of it kept. */
#include "tests/unit/common/unit.h"

#include <string.h>

#include "common/base/json.h"
#include "common/sync/set.h"

enum { MANY = 1200, BOUND = 600 };

/* The next page; false: refused. *more: another one follows. */
static bool page(struct sync_set *from, struct sync_set *to, bool *more, struct err *e)
{
    char cursor[SYNC_CURSOR_MAX];
    json_auto_t *p = NULL;
    bool empty;

    sync_set_cursor(to, cursor);
    assert_ok(sync_set_page(from, "", cursor, &p, &empty, e), e);
    json_object_set_new(p, "from", json_string(cursor));
    *more = json_flag(p, "more", false);
    return sync_set_apply(to, p, NULL, e) == 0;
}

static bool all(struct sync_set *from, struct sync_set *to, struct err *e)
{
    bool more = true, taken = true;

    while (more && taken)
        taken = page(from, to, &more, e);
    return taken;
}

static void put(struct sync_set *s, const struct id *ids, int first, int n, bool there)
{
    for (int i = first; i < first + n; i++) {
        if (there)
            sync_set_put(s, "", "thing", &ids[i], json_pack("{s:i}", "n", i));
        else
            sync_set_del(s, "", "thing", &ids[i]);
    }
}

static void a_source_without_measure_is_refused(void **state)
{
    struct sync_set *src = sync_set_new_source(), *dst = sync_set_new_replica();
    struct id ids[MANY];
    struct err e = { 0 };

    (void)state;
    for (int i = 0; i < MANY; i++)
        ids[i] = id_new();
    sync_set_bound(dst, BOUND);
    put(src, ids, 0, MANY, true);
    sync_set_ready(src);
    assert_false(all(src, dst, &e));
    assert_int_equal(e.code, ERR_PEER_PROTOCOL);
    assert_non_null(strstr(e.detail, "600"));
    assert_int_equal(sync_set_count(dst, NULL), 0);
    put(src, ids, 400, MANY - 400, false); /* it comes to its senses */
    assert_true(all(src, dst, &e));
    assert_int_equal(sync_set_count(dst, NULL), 400);
    /* And loses them again: what is held stays, and no more comes in. */
    put(src, ids, 400, MANY - 400, true);
    assert_false(all(src, dst, &e));
    assert_true(sync_set_count(dst, NULL) <= BOUND + SYNC_PAGE_OBJECTS);
    sync_set_free(src);
    sync_set_free(dst);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_source_without_measure_is_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
