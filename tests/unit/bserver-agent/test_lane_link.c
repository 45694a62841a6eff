/* A lane's network as the interfaces show it: the loopback of this machine, and of an empty one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bserver-agent/lane_link.h"

static bool up(const char *address)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return lane_link_up((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return lane_link_up((const struct sockaddr *)&v6);
}

static void addresses(void **state)
{
    (void)state;
    assert_true(up("127.0.0.1"));
    assert_true(up("127.3.2.1")); /* the loopback's too */
    assert_true(up("0.0.0.0"));
    assert_true(up("::"));
    assert_false(up("192.0.2.1")); /* RFC 5737: nobody's */
    assert_false(up("2001:db8::1"));
}

/* In a network namespace of its own the loopback is down until somebody sets it up. */
static void an_interface_that_is_down(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
            _exit(77);
        _exit(up("127.0.0.1") ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip(); /* this machine lets nobody make one */
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(an_interface_that_is_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
