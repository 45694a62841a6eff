/* Deadlines from outside: calls that never return, on libvirt's test driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/hypervisor.h"
#include "common/base/clock.h"
#include "common/base/log.h"

static struct hypervisor *h;
static int told;
static sem_t gate, released;

static void exhausted(void *arg)
{
    (void)arg;
    told++;
}

static int setup(void **state)
{
    const struct hypervisor_spec spec = { .uri = "test:///default",
                                          .kind = HYPERVISOR_SIMULATED,
                                          .accelerator = "auto",
                                          .exhausted = exhausted };
    struct err e = { 0 };

    (void)state;
    log_level_set(LOG_LEVEL_ERROR);
    sem_init(&gate, 0, 0);
    sem_init(&released, 0, 0);
    return hypervisor_open(&spec, &h, &e);
}

static int teardown(void **state)
{
    (void)state;
    hypervisor_close(h);
    return 0;
}

struct data {
    char *text;
    int n;
};

static int answer(virConnectPtr conn, void *arg, struct err *e)
{
    struct data *d = arg;

    (void)e;
    d->n = virConnectNumOfDomains(conn);
    free(d->text);
    d->text = strdup("theirs");
    return 0;
}

static int hang(virConnectPtr conn, void *arg, struct err *e)
{
    struct data *d = arg;

    (void)conn;
    (void)e;
    sem_wait(&gate);
    d->n += (int)strlen(d->text); /* still there */
    return 0;
}

static int refuse(virConnectPtr conn, void *arg, struct err *e)
{
    auto_domain virDomainPtr dom = virDomainLookupByName(conn, "nobody");

    (void)arg;
    return dom ? 0 : virt_fail(e, "looking");
}

static void release(void *arg)
{
    struct data *d = arg;

    free(d->text);
    sem_post(&released);
}

static void an_op_in_time_gives_everything_back(void **state)
{
    const struct virt_op op = { "answer", 5000, sizeof(struct data), answer, release };
    struct data d = { .text = strdup("mine") };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(hypervisor_do(h, &op, &d, &e), 0);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.text, "theirs");
    free(d.text);
    assert_int_equal(hypervisor_lost(h), 0);
}

static void an_error_comes_back_translated(void **state)
{
    const struct virt_op op = { "looking", 5000, sizeof(struct data), refuse, release };
    struct data d = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(hypervisor_do(h, &op, &d, &e), -1);
    assert_int_equal(e.code, ERR_VM_MISSING);
    assert_true(e.cause[0] && !strstr(e.detail, "nobody"));
}

static void one_that_hangs_costs_its_thread_only(void **state)
{
    const struct virt_op op = { "hang", 100, sizeof(struct data), hang, release };
    struct data d = { .text = strdup("mine") };
    struct err e = { 0 };
    int64_t began = clock_boot_ms();

    (void)state;
    assert_int_equal(hypervisor_do(h, &op, &d, &e), -1);
    assert_int_equal(e.code, ERR_DEADLINE);
    assert_true(clock_boot_ms() - began >= 95);
    assert_null(d.text); /* it belongs to the op now */
    assert_int_equal(hypervisor_lost(h), 1);
    sem_post(&gate);
    sem_wait(&released);
    for (int i = 0; i < 3000 && hypervisor_lost(h); i++)
        usleep(10000);
    assert_int_equal(hypervisor_lost(h), 0);
    assert_int_equal(told, 0);
}

static void eight_lost_are_told(void **state)
{
    const struct virt_op op = { "hang", 20, sizeof(struct data), hang, release };

    (void)state;
    for (int i = 0; i < VIRT_LOST_MAX; i++) {
        struct data d = { .text = strdup("mine") };
        struct err e = { 0 };

        assert_int_equal(told, 0);
        assert_int_equal(hypervisor_do(h, &op, &d, &e), -1);
    }
    assert_int_equal(told, 1);
    for (int i = 0; i < VIRT_LOST_MAX; i++)
        sem_post(&gate);
    for (int i = 0; i < VIRT_LOST_MAX; i++)
        sem_wait(&released);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_op_in_time_gives_everything_back),
        cmocka_unit_test(an_error_comes_back_translated),
        cmocka_unit_test(one_that_hangs_costs_its_thread_only),
        cmocka_unit_test(eight_lost_are_told),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
