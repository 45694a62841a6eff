#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bserver-agent/inventory.h"
#include "bserver-agent/program.h"

static char root[64];

static void sh(const char *script)
{
    const char *const argv[] = { "sh", "-ec", script, "sh", root, NULL };
    const struct program p = { .argv = argv, .deadline_ms = 20000 };
    struct err e = { 0 };
    char said[256];
    int status;

    assert_int_equal(program_run(&p, &status, said, sizeof said, &e), 0);
    if (status != 0)
        fail_msg("%s", said);
}

static int setup(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/bic-sys-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    sh("rm -rf \"$1\"");
    return 0;
}

/* Two packages of two cores, two threads each, and one processor that is offline. */
static void cores_are_physical(void **state)
{
    struct inventory v = { 0 };
    struct err e = { 0 };

    (void)state;
    sh("for n in 0 1 2 3 4 5 6 7; do d=$1/devices/system/cpu/cpu$n/topology; mkdir -p $d;"
       "echo $((n % 2)) >$d/core_id; echo $((n / 4)) >$d/physical_package_id; done;"
       "d=$1/devices/system/cpu; echo 1 >$d/cpu1/online; mkdir -p $d/cpu8/topology $d/cpufreq;"
       "echo 0 >$d/cpu8/online; echo 9 >$d/cpu8/topology/core_id");
    assert_int_equal(inventory_sysfs(root, &v, &e), 0);
    assert_int_equal(v.cores, 4);
    assert_int_equal(v.threads, 8);
}

static void no_processors_is_an_error(void **state)
{
    struct inventory v = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(inventory_sysfs(root, &v, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
}

/* A physical function with 7 VFs, one of them with a driver and so with an interface. */
static void functions_from_sysfs(void **state)
{
    struct inventory v = { 0 };
    struct err e = { 0 };

    (void)state;
    sh("cd $1; mkdir -p bus/pci/devices real/pf/net/enp1s0f0 real/plain; echo 7 "
       ">real/pf/sriov_numvfs;"
       "ln -s ../../../real/pf bus/pci/devices/0000:01:00.0; ln -s ../../../real/plain "
       "bus/pci/devices/0000:00:1f.0; for n in 0 1 2 3 4 5 6; do a=0000:01:10.$n; mkdir -p real/$a;"
       "ln -s ../$a real/pf/virtfn$n; ln -s ../../../real/$a bus/pci/devices/$a; done;"
       "mkdir -p real/0000:01:10.2/net/enp1s0f0v2; echo 52:54:00:00:00:02 "
       ">real/0000:01:10.2/net/enp1s0f0v2/address");
    assert_int_equal(inventory_sysfs_vfs(root, &v, &e), 0);
    assert_int_equal(v.nvfs, 7); /* as many as there are, whatever the number says */
    for (int i = 0; i < 7; i++) {
        char address[16];

        snprintf(address, sizeof address, "0000:01:10.%d", i);
        assert_string_equal(v.vfs[i].address, address);
        assert_string_equal(v.vfs[i].pf, "enp1s0f0");
        assert_int_equal(v.vfs[i].index, i);
    }
    assert_string_equal(v.vfs[2].mac, "52:54:00:00:00:02");
    assert_string_equal(v.vfs[3].mac, "");
    inventory_free(&v);
}

/* A number says nothing: as many as there are are told of, and of more than can be, the first. */
static void more_functions_than_can_be(void **state)
{
    struct inventory v = { 0 };
    struct err e = { 0 };

    (void)state;
    sh("cd $1; mkdir -p bus/pci/devices real/pf real/vf; echo 2147483648 >real/pf/sriov_numvfs;"
       "ln -s ../../../real/pf bus/pci/devices/0000:01:00.0; for n in 0 1 2 3 4 5 6; do "
       "ln -s ../vf real/pf/virtfn$n; done");
    assert_int_equal(inventory_sysfs_vfs(root, &v, &e), 0);
    assert_int_equal(v.nvfs, 7);
    assert_int_equal(v.more, 0);
    inventory_free(&v);
    v = (struct inventory){ 0 };
    sh("cd $1; n=7; while [ $n -lt 1030 ]; do ln -s ../vf real/pf/virtfn$n; n=$((n + 1)); done");
    assert_int_equal(inventory_sysfs_vfs(root, &v, &e), 0);
    assert_int_equal(v.nvfs, INVENTORY_VFS);
    assert_int_equal(v.more, 1030 - INVENTORY_VFS);
    inventory_free(&v);
}

static void functions_from_node_devices(void **state)
{
    static const char *const devices[] = {
        "<device><name>pci_0000_02_10_1</name><parent>x</parent><capability type='pci'><domain>0"
        "</domain><bus>2</bus><slot>16</slot><function>1</function><capability "
        "type='phys_function'><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/>"
        "</capability></capability></device>",
        "<device><name>pf</name><parent>computer</parent><capability type='pci'><domain>0</domain>"
        "<bus>2</bus><slot>0</slot><function>0</function><capability type='virt_functions'>"
        "<address domain='0x0000' bus='0x02' slot='0x10' function='0x0'/></capability>"
        "</capability></device>",
        "<device><name>net_a</name><parent>pf</parent><capability type='net'><interface>enp2s0"
        "</interface><address>52:54:00:00:00:aa</address></capability></device>",
        "<device><name>net_b</name><parent>pci_0000_02_10_1</parent><capability type='net'>"
        "<interface>vf1</interface><address>52:54:00:00:00:b1</address></capability></device>",
        "<device><name>disk</name><parent>x</parent><capability type='storage'/></device>",
        "not XML",
        NULL,
    };
    struct inventory v = { 0 };
    struct err e = { 0 };

    (void)state;
    assert_int_equal(inventory_devices(devices, &v, &e), 0);
    assert_int_equal(v.nvfs, 2); /* one listed by its function, one that says whose it is */
    assert_string_equal(v.vfs[0].address, "0000:02:10.0");
    assert_string_equal(v.vfs[1].address, "0000:02:10.1");
    assert_string_equal(v.vfs[1].pf, "enp2s0");
    assert_string_equal(v.vfs[1].mac, "52:54:00:00:00:b1");
    assert_int_equal(v.vfs[1].index, 1);
    inventory_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cores_are_physical, setup, teardown),
        cmocka_unit_test_setup_teardown(no_processors_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_from_sysfs, setup, teardown),
        cmocka_unit_test_setup_teardown(more_functions_than_can_be, setup, teardown),
        cmocka_unit_test(functions_from_node_devices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
