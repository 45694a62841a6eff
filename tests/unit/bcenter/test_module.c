/* Which bServers a module takes: its own, ten of them, those that were deleted not counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "bcenter/module.h"

#define MODULE "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static struct module m;

static struct node_info *node(const char *module)
{
    struct node_info *n = calloc(1, sizeof *n);

    assert_non_null(n);
    n->id = id_new();
    n->module = (struct id){ "" };
    assert_true(id_parse(module, &n->module));
    HASH_ADD(hh, m.nodes, id.s, ID_LEN, n);
    return n;
}

static enum err_code admit(const struct id *id, struct err *e)
{
    struct bserver *b = NULL;

    *e = (struct err){ 0 };
    if (module_admit(&m, id, &b, e) == 0)
        assert_true(id_eq(&b->id, id));
    return e->code;
}

static int setup(void **state)
{
    (void)state;
    module_init(&m);
    return id_parse(MODULE, &m.id) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    module_release(&m);
    return 0;
}

static void only_its_own(void **state)
{
    struct id stranger = id_new();
    struct err e;

    (void)state;
    assert_int_equal(admit(&stranger, &e), ERR_PEER_IDENTITY);
    assert_int_equal(admit(&node(OTHER)->id, &e), ERR_PEER_IDENTITY);
    assert_int_equal(HASH_COUNT(m.bservers), 0);
    assert_int_equal(admit(&node(MODULE)->id, &e), ERR_NONE);
    assert_int_equal(HASH_COUNT(m.bservers), 1);
}

static void ten_and_no_more(void **state)
{
    struct node_info *n[MODULE_BSERVERS], *eleventh = node(MODULE);
    struct err e;

    (void)state;
    for (int i = 0; i < MODULE_BSERVERS; i++) {
        n[i] = node(MODULE);
        assert_int_equal(admit(&n[i]->id, &e), ERR_NONE);
    }
    assert_int_equal(admit(&eleventh->id, &e), ERR_LAW_MODULE);
    assert_int_equal(e.numbers, 2);
    assert_string_equal(e.number[0].name, "bservers");
    assert_int_equal(e.number[0].value, MODULE_BSERVERS);
    assert_string_equal(e.number[1].name, "limit");
    assert_int_equal(e.number[1].value, MODULE_BSERVERS);
    assert_int_equal(HASH_COUNT(m.bservers), MODULE_BSERVERS);
    assert_int_equal(admit(&n[3]->id, &e), ERR_NONE); /* one of the ten goes on */
    /* Deleted at the CCC, and silent: its desktops may still be waited for, its place is free. */
    n[3]->revoked = true;
    assert_int_equal(admit(&eleventh->id, &e), ERR_NONE);
    assert_int_equal(admit(&n[3]->id, &e), ERR_PEER_IDENTITY);
    assert_int_equal(admit(&node(MODULE)->id, &e), ERR_LAW_MODULE);
    HASH_DEL(m.nodes, n[4]); /* gone from the list altogether */
    free(n[4]);
    assert_int_equal(admit(&node(MODULE)->id, &e), ERR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_and_no_more, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
