#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/intent.h"
#include "bserver-agent/program.h"

static char dir[64], file[96];
static struct intent *t;

static struct intent *reopen(bool desktops_known)
{
    struct err e = { 0 };

    intent_close(t);
    t = NULL;
    assert_int_equal(intent_open(dir, desktops_known, &t, &e), 0);
    return t;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bic-intent-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/state.json", dir);
    reopen(false);
    return 0;
}

static int teardown(void **state)
{
    const char *const argv[] = { "rm", "-rf", dir, NULL };
    const struct program p = { .argv = argv, .deadline_ms = 10000 };
    struct err e = { 0 };
    int status;

    (void)state;
    intent_close(t);
    t = NULL;
    return program_run(&p, &status, NULL, 0, &e);
}

static void runs_survive(void **state)
{
    struct id desktop = id_new(), a = id_new(), b = id_new();
    struct intent_run r = { .run = a, .state = INTENT_STARTING };
    struct err e = { 0 };

    (void)state;
    assert_false(intent_lost(t));
    assert_false(intent_knows(t, &desktop));
    assert_int_equal(intent_set_run(t, &desktop, &r, &e), 0);
    reopen(true);
    assert_false(intent_lost(t));
    intent_run(t, &desktop, &r);
    assert_true(id_eq(&r.run, &a) && r.state == INTENT_STARTING);
    r = (struct intent_run){
        .run = b, .state = INTENT_ENDED, .crashed = true, .code = ERR_VM_FAILED
    };
    snprintf(r.detail, sizeof r.detail, "it was so");
    assert_int_equal(intent_set_run(t, &desktop, &r, &e), 0);
    reopen(true);
    intent_run(t, &desktop, &r);
    assert_true(id_eq(&r.run, &b) && r.state == INTENT_ENDED && r.crashed);
    assert_int_equal(r.code, ERR_VM_FAILED);
    assert_string_equal(r.detail, "it was so");
    assert_true(intent_used(t, &desktop, &a) && intent_used(t, &desktop, &b));
    assert_int_equal(intent_forget(t, &desktop, &e), 0);
    assert_false(intent_used(t, &desktop, &a));
}

static void epochs_only_rise(void **state)
{
    struct err e = { 0 };

    (void)state;
    assert_int_equal(intent_obey(t, 5, &e), 0);
    assert_int_equal(intent_obey(t, 5, &e), 0);
    reopen(true);
    assert_int_equal(intent_epoch(t), 5);
    assert_int_equal(intent_obey(t, 4, &e), -1);
    assert_int_equal(e.code, ERR_EPOCH_STALE);
}

static void begun_orders_become_unknown(void **state)
{
    struct id desktop = id_new(), a = id_new(), b = id_new();
    struct err e = { 0 }, why = { 0 };
    enum err_code code;
    char detail[160];

    (void)state;
    err_set(&why, ERR_DEADLINE, "too late");
    assert_int_equal(intent_set_order(t, &a, &desktop, INTENT_ORDER_BEGUN, NULL, &e), 0);
    assert_int_equal(intent_set_order(t, &b, &desktop, INTENT_ORDER_FAILED, &why, &e), 0);
    reopen(true);
    assert_int_equal(intent_order(t, &a, &code, detail), INTENT_ORDER_UNKNOWN);
    assert_int_equal(intent_order(t, &b, &code, detail), INTENT_ORDER_FAILED);
    assert_int_equal(code, ERR_DEADLINE);
    assert_string_equal(detail, "too late");
    intent_keep_orders(t, &desktop, &b, 1);
    assert_int_equal(intent_order(t, &a, &code, detail), INTENT_ORDER_NONE);
    assert_int_equal(intent_order(t, &b, &code, detail), INTENT_ORDER_FAILED);
}

static void lost_is_noticed(void **state)
{
    struct id desktop = id_new();
    struct intent_run r = { .run = id_new(), .state = INTENT_RUNNING };
    struct err e = { 0 };
    char found[160];
    const char *const argv[] = { "sh", "-c", found, NULL };
    const struct program p = { .argv = argv, .deadline_ms = 10000 };
    int status;

    (void)state;
    assert_int_equal(intent_set_run(t, &desktop, &r, &e), 0);
    assert_int_equal(truncate(file, 30), 0);
    reopen(false);
    assert_true(intent_lost(t));
    assert_false(intent_knows(t, &desktop));
    snprintf(found, sizeof found, "ls %s/state.json.bad.*", dir); /* kept for people */
    assert_int_equal(program_run(&p, &status, NULL, 0, &e), 0);
    assert_int_equal(status, 0);
    reopen(true);
    assert_false(intent_lost(t));
    assert_int_equal(unlink(file), 0);
    reopen(true);
    assert_true(intent_lost(t)); /* desktops were here, the file is not */
    assert_int_equal(unlink(file), 0);
    reopen(false);
    assert_false(intent_lost(t)); /* a new host */
}

static void a_directory_that_refuses_is_an_error(void **state)
{
    struct intent *other = NULL;
    struct err e = { 0 };

    (void)state;
    assert_int_equal(intent_open("/proc/nowhere", false, &other, &e), -1);
    assert_int_equal(e.code, ERR_STORAGE_FAILED);
}

static void *writer(void *arg)
{
    struct id *desktop = arg;
    struct err e = { 0 };

    for (int i = 0; i < 20; i++) {
        struct intent_run r = { .run = id_new(), .state = INTENT_RUNNING };

        if (intent_set_run(t, desktop, &r, &e) < 0 || !intent_used(t, desktop, &r.run))
            return arg;
    }
    return NULL;
}

static void many_writers_lose_nothing(void **state)
{
    struct id desktops[8];
    pthread_t threads[8];
    void *failed;

    (void)state;
    for (int i = 0; i < 8; i++) {
        desktops[i] = id_new();
        assert_int_equal(pthread_create(&threads[i], NULL, writer, &desktops[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    reopen(true);
    for (int i = 0; i < 8; i++)
        assert_true(intent_knows(t, &desktops[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_survive, setup, teardown),
        cmocka_unit_test_setup_teardown(epochs_only_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(begun_orders_become_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_refuses_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(many_writers_lose_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
