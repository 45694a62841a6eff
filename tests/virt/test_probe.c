/* A QEMU that libvirt only asked what it can, left behind by an agent that was killed, is ended. */
#include "tests/virt/host_fixture.h"

#include "bserver-agent/embedded.h"

static struct fixture f;

static pid_t probe(const char *root)
{
    char socket[192], dir[128];
    pid_t pid;

    snprintf(dir, sizeof dir, "%s/lib/qemu/qmp-Ab12Cd", root);
    fx_run((const char *const[]){ "mkdir", "-p", dir, NULL });
    snprintf(socket, sizeof socket, "unix:%s/qmp.monitor,server=on,wait=off", dir);
    pid = fork();
    if (pid == 0) {
        execlp("qemu-system-x86_64", "qemu-system-x86_64", "-S", "-nodefaults", "-nographic",
               "-machine", "none,accel=tcg", "-qmp", socket, NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static bool is_qemu(pid_t pid)
{
    char path[64], text[64] = "";
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    in = fopen(path, "re");
    assert_non_null(in);
    if (fread(text, 1, sizeof text - 1, in) == 0)
        text[0] = '\0';
    fclose(in);
    return strncmp(text, "qemu", 4) == 0;
}

static void only_ours_is_ended(void **state)
{
    char other[96];
    pid_t mine, foreign;
    struct err e = { 0 };
    int status;

    (void)state;
    snprintf(other, sizeof other, "%s/other", f.dir);
    mine = probe(strstr(f.uri, "root=") + 5);
    foreign = probe(other);
    while (!is_qemu(mine) || !is_qemu(foreign))
        usleep(1000);
    assert_int_equal(embedded_prepare(f.uri, &e), 0);
    assert_int_equal(waitpid(mine, &status, 0), mine);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(waitpid(foreign, &status, WNOHANG), 0);
    kill(foreign, SIGKILL);
    assert_int_equal(waitpid(foreign, &status, 0), foreign);
}

static int setup(void **state)
{
    (void)state;
    fx_make(&f, true);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    fx_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(only_ours_is_ended) };

    return cmocka_run_group_tests(tests, setup, clean);
}
