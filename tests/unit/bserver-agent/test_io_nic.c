#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bserver-agent/io_nic.h"
#include "bserver-agent/program.h"

static char sys[] = "/tmp/bic-nic-XXXXXX";

static void dir(const char *path)
{
    char whole[256];

    snprintf(whole, sizeof whole, "%s/%s", sys, path);
    assert_int_equal(mkdir(whole, 0755), 0);
}

static void file(const char *nic, const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof path, "%s/class/net/%s/statistics/%s", sys, nic, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void card(const char *name, const char *missed, const char *fifo, const char *tx)
{
    char path[64];

    snprintf(path, sizeof path, "class/net/%s", name);
    dir(path);
    snprintf(path, sizeof path, "class/net/%s/statistics", name);
    dir(path);
    file(name, "rx_missed_errors", missed);
    file(name, "rx_fifo_errors", fifo);
    file(name, "tx_dropped", tx);
    file(name, "rx_dropped", "5000\n"); /* frames nobody asked for */
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(sys));
    dir("class");
    dir("class/net");
    card("eth0", "1\n", "20\n", "300\n");
    card("eth1", "0\n", "0\n", "18446744073709551615\n");
    card("bond0", "0\n", "0\n", "4000\n");
    card("br0", "0\n", "0\n", "0\n");
    dir("class/net/bond0/lower_eth0");
    dir("class/net/br0/lower_bond0");
    dir("class/net/br0/upper_vlan5");
    return 0;
}

static int teardown(void **state)
{
    const struct program p = { .argv = (const char *const[]){ "rm", "-rf", sys, NULL },
                               .deadline_ms = 60000 };
    struct err e = { 0 };
    int status;

    (void)state;
    return program_run(&p, &status, NULL, 0, &e);
}

static void adds_up_what_was_dropped(void **state)
{
    struct io_nics nics = { .n = 0 };
    uint64_t none, one, two;

    (void)state;
    assert_int_equal(io_nic_dropped(&nics, sys, &none), 0);
    io_nic_add(&nics, "eth0");
    io_nic_add(&nics, "eth0");
    assert_int_equal(io_nic_dropped(&nics, sys, &one), 321);
    io_nic_add(&nics, "gone0");
    assert_int_equal(io_nic_dropped(&nics, sys, &two), 321);
    assert_true(none != one && one != two);
}

static void what_lies_below_counts_too(void **state)
{
    struct io_nics nics = { .n = 0 };
    uint64_t which;

    (void)state;
    io_nic_add(&nics, "br0");
    io_nic_below(&nics, sys);
    assert_int_equal(nics.n, 3);
    assert_string_equal(nics.name[1], "bond0");
    assert_string_equal(nics.name[2], "eth0");
    assert_int_equal(io_nic_dropped(&nics, sys, &which), 4321);
}

static void names_that_are_none(void **state)
{
    struct io_nics nics = { .n = 0 };
    char name[16];

    (void)state;
    io_nic_add(&nics, "");
    io_nic_add(&nics, "..");
    io_nic_add(&nics, "../../etc");
    io_nic_add(&nics, "0000:01:10.0-and-more");
    assert_int_equal(nics.n, 0);
    for (int i = 0; i < 2 * IO_NIC_MAX; i++) {
        snprintf(name, sizeof name, "v%d", i);
        io_nic_add(&nics, name);
    }
    assert_int_equal(nics.n, IO_NIC_MAX);
}

static void the_card_of_a_listener(void **state)
{
    static const char *const none[] = { "",        "127.0.0.1", "localhost:80",  ":80",
                                        "[::1:80", "[]:80",     "203.0.113.7:80" };
    struct io_nics nics = { .n = 0 };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        io_nic_of_listener(&nics, none[i]);
    assert_int_equal(nics.n, 0);
    io_nic_of_listener(&nics, "127.0.0.1:443");
    assert_int_equal(nics.n, 1);
    assert_string_equal(nics.name[0], "lo");
    nics.n = 0;
    io_nic_of_listener(&nics, "0.0.0.0:443");
    for (int i = 0; i < nics.n; i++)
        assert_string_not_equal(nics.name[i], "lo");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_up_what_was_dropped),
        cmocka_unit_test(what_lies_below_counts_too),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(the_card_of_a_listener),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
