#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs the ones above first */
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bserver-agent/embedded.h"
#include "bserver-agent/vf_users.h"

#define OURS "11111111-0000-4000-8000-000000000001"
#define RUN "22222222-0000-4000-8000-000000000001"
#define THEIRS "33333333-0000-4000-8000-000000000001"

static const char *const ours =
    "<domain type='kvm'><name>bic-" OURS "</name><uuid>" OURS "</uuid>"
    "<metadata><bic:desktop xmlns:bic='urn:bic:1' id='" OURS "' run='" RUN "'/></metadata><devices>"
    "<interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' "
    "bus='0x01' "
    "slot='0x10' function='0x3'/></source></interface>"
    "<interface type='user'><mac address='52:54:00:00:00:01'/></interface></devices></domain>";
static const char *const theirs =
    "<domain type='kvm'><name>%s</name><uuid>" THEIRS "</uuid>%s<devices>"
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' "
    "bus='0x01' "
    "slot='0x10' function='0x%d'/></source></hostdev>"
    "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
    "</devices></domain>";

static void add_theirs(struct vf_users *u, const char *name, const char *metadata, int function)
{
    char xml[1024];

    snprintf(xml, sizeof xml, theirs, name, metadata, function);
    assert_true(vf_users_add_xml(u, xml));
}

static void who_uses_what(void **state)
{
    struct vf_users u = { 0 };
    const struct vf_user *one;

    (void)state;
    assert_true(vf_users_add_xml(&u, ours));
    add_theirs(&u, "web-1", "", 4);
    assert_int_equal(u.n, 2);
    one = vf_users_of(&u, "0000:01:10.3");
    assert_non_null(one);
    assert_true(one->ours);
    assert_string_equal(one->user.s, OURS);
    assert_string_equal(one->run.s, RUN);
    one = vf_users_of(&u, "0000:01:10.4");
    assert_non_null(one);
    assert_false(one->ours);
    assert_string_equal(one->user.s, THEIRS);
    assert_null(vf_users_of(&u, "0000:01:10.5"));
    /* A stranger's definition of what is ours is not overlooked. */
    add_theirs(&u, "web-2", "", 3);
    assert_false(vf_users_of(&u, "0000:01:10.3")->ours);
    vf_users_free(&u);
}

/* A name and a word of metadata do not make a machine ours. */
static void who_only_looks_like_ours(void **state)
{
    static const char *const said[] = {
        "",
        "<metadata><bic:desktop xmlns:bic='urn:bic:1' id='" OURS "' run='" RUN "'/></metadata>",
        "<metadata><x:desktop xmlns:x='urn:other:1' id='" THEIRS "' run='" RUN "'/></metadata>",
    };
    struct vf_users u = { 0 };

    (void)state;
    for (int i = 0; i < 3; i++)
        add_theirs(&u, "bic-" THEIRS, said[i], i);
    add_theirs(&u, "mine",
               "<metadata><bic:desktop xmlns:bic='urn:bic:1' id='" THEIRS "' run='" RUN
               "'/></metadata>",
               3);
    assert_int_equal(u.n, 4);
    for (int i = 0; i < u.n; i++)
        assert_false(u.all[i].ours);
    vf_users_free(&u);
    assert_false(vf_users_add_xml(&u, "<domain"));
}

static void more_than_can_be(void **state)
{
    struct vf_users u = { 0 };

    (void)state;
    for (int i = 0; i < VF_USERS_MAX; i++)
        assert_true(vf_users_add_xml(&u, ours));
    assert_false(vf_users_add_xml(&u, ours));
    assert_int_equal(u.n, VF_USERS_MAX);
    vf_users_free(&u);
}

struct found {
    int n;
    struct id id;
};

static void found_one(void *arg, const char *address, const struct id *desktop)
{
    struct found *f = arg;

    if (strcmp(address, "0000:0f:1e.5") != 0)
        return;
    f->n++;
    f->id = *desktop;
}

/* A process with a QEMU's arguments that no libvirt knows of. */
static void a_process_holds_it(void **state)
{
    struct found f = { 0 };
    int ends[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[0], 0); /* nothing ever comes: it stays until it is ended */
        execl("/bin/sh", "qemu-system-x86_64", "-c", "read x; exit 0", "-uuid", THEIRS, "-device",
              "{\"driver\":\"vfio-pci\",\"host\":\"0000:0f:1e.5\",\"id\":\"hostdev0\"}",
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && f.n == 0; i++) {
        f = (struct found){ 0 };
        embedded_each_pci(found_one, &f);
        usleep(20000);
    }
    assert_int_equal(f.n, 1);
    assert_string_equal(f.id.s, THEIRS);
    kill(pid, SIGKILL);
    close(ends[0]);
    close(ends[1]);
    waitpid(pid, NULL, 0);
    f = (struct found){ 0 };
    embedded_each_pci(found_one, &f);
    assert_int_equal(f.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_uses_what),
        cmocka_unit_test(who_only_looks_like_ours),
        cmocka_unit_test(more_than_can_be),
        cmocka_unit_test(a_process_holds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
