#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bserver-agent/program.h"
#include "bserver-agent/vf_reset.h"

#define ONE "0000:01:10.0"

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
    if (!mkdtemp(root))
        return -1;
    sh("mkdir -p $1/bus/pci/devices/" ONE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sh("rm -rf \"$1\"");
    return 0;
}

static void a_reset_is_written(void **state)
{
    char path[160], text[8] = "";
    struct err e = { 0 };
    int fd;

    (void)state;
    assert_false(vf_reset_there(root, ONE)); /* not every function has one */
    assert_int_equal(vf_reset(root, ONE, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
    sh(">$1/bus/pci/devices/" ONE "/reset");
    assert_true(vf_reset_there(root, ONE));
    e = (struct err){ 0 };
    assert_int_equal(vf_reset(root, ONE, &e), 0);
    snprintf(path, sizeof path, "%s/bus/pci/devices/" ONE "/reset", root);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof text - 1), 1);
    assert_string_equal(text, "1");
    close(fd);
}

/* The kernel takes the write and says no, as a device does that does not come back. */
static void a_reset_that_fails_is_said(void **state)
{
    struct err e = { 0 };

    (void)state;
    sh("ln -s /dev/full $1/bus/pci/devices/" ONE "/reset");
    assert_int_equal(vf_reset(root, ONE, &e), -1);
    assert_int_equal(e.code, ERR_PRECONDITION);
    assert_non_null(strstr(e.detail, ONE));
    assert_non_null(strstr(e.cause, "errno 28"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reset_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_that_fails_is_said, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
