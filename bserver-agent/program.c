#include "bserver-agent/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"

static int spawn(const struct program *p, int err_fd, pid_t *pid)
{
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char locale[] = "LC_ALL=C";
    char *env[] = { path, locale, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawn_file_actions_init(&files);
    if (p->input)
        posix_spawn_file_actions_adddup2(&files, p->input, 0);
    else
        posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, err_fd, 2);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setpgroup(&attr, 0);
    rc = posix_spawnp(pid, p->argv[0], &files, &attr, (char *const *)(uintptr_t)p->argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* Set from here on the running child: posix_spawn has no word for limits. */
static void limit(const struct program *p, pid_t pid)
{
    struct rlimit memory = { (rlim_t)p->memory_max, (rlim_t)p->memory_max };
    struct rlimit cpu = { (rlim_t)p->cpu_max_s, (rlim_t)p->cpu_max_s };
    struct rlimit core = { 0, 0 };

    if (p->memory_max)
        prlimit(pid, RLIMIT_AS, &memory, NULL);
    if (p->cpu_max_s)
        prlimit(pid, RLIMIT_CPU, &cpu, NULL);
    prlimit(pid, RLIMIT_CORE, &core, NULL);
}

/* Reads what it says until it ends or the deadline passes. False: the deadline. */
static bool follow(int pidfd, int from, char *said, size_t size, int64_t until)
{
    struct pollfd watch[2] = { { .fd = pidfd, .events = POLLIN },
                               { .fd = from, .events = POLLIN } };
    size_t have = 0;
    char bin[512];

    for (;;) {
        int64_t left = until - clock_boot_ms();

        if (left <= 0)
            return false;
        if (poll(watch, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (watch[1].revents) {
            ssize_t n = read(from, bin, sizeof bin);

            if (n <= 0)
                watch[1].fd = -1;
            for (ssize_t i = 0; i < n && said && have + 1 < size; i++)
                said[have++] = bin[i];
            if (said && size)
                said[have] = '\0';
            continue;
        }
        if (watch[0].revents)
            return true;
    }
}

static int reap(pid_t pid)
{
    int raw = 0;

    while (waitpid(pid, &raw, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
}

int program_run(const struct program *p, int *status, char *said, size_t size, struct err *e)
{
    int64_t until = clock_boot_ms() + p->deadline_ms;
    int tube[2], pidfd, rc;
    bool ended;
    pid_t pid;

    if (said && size)
        said[0] = '\0';
    if (pipe2(tube, O_CLOEXEC) < 0)
        return err_set(e, ERR_INTERNAL, "no pipe for a program");
    rc = spawn(p, tube[1], &pid);
    close(tube[1]);
    if (rc != 0) {
        close(tube[0]);
        err_set(e, ERR_INTERNAL, "a program that is needed could not be started");
        return err_cause(e, "%s: errno %d", p->argv[0], rc);
    }
    limit(p, pid);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    ended = pidfd >= 0 && follow(pidfd, tube[0], said, size, until);
    if (!ended)
        kill(-pid, SIGKILL);
    rc = reap(pid);
    if (pidfd >= 0)
        close(pidfd);
    close(tube[0]);
    if (!ended) {
        err_set(e, ERR_DEADLINE, "a program did not end in time");
        return err_cause(e, "%s: %d ms", p->argv[0], p->deadline_ms);
    }
    *status = rc;
    return 0;
}
