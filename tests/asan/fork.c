/*
 * fork() for builds with AddressSanitizer (Makefile: SAN=address); never in any other build.
 *
 * libvirt allocates between fork and exec, which glibc allows (it takes its allocator's locks
 * around a fork). The sanitizer's allocator of gcc 12 does not: when another thread is inside it at
 * that moment, the child waits for ever for a lock that nobody will give back, and the call that
 * forked with it. So a child that cannot allocate is put away here, before anybody has seen it, and
 * another one is made.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZES = 80, LARGEST = 1 << 18, PATIENCE_MS = 5000 };

/* Each size class has a lock of its own. */
static void take_every_lock(void)
{
    void *taken[SIZES];
    int n = 0;

    for (size_t size = 8; size <= LARGEST && n < SIZES; size += size / 4 + 8)
        taken[n++] = malloc(size);
    while (n > 0)
        free(taken[--n]);
}

static int said_ok(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char ok;

    while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    return (p.revents & POLLIN) && read(fd, &ok, 1) == 1;
}

pid_t fork(void)
{
    pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork"), parent = getpid();

    for (;;) {
        int ends[2];
        pid_t pid;
        int ok;

        if (pipe2(ends, O_CLOEXEC) < 0)
            return -1;
        pid = real();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* its judge may be killed */
            if (getppid() != parent)
                _exit(127);
            take_every_lock();
            ok = write(ends[1], "", 1) == 1;
            close(ends[0]);
            close(ends[1]);
            prctl(PR_SET_PDEATHSIG, 0);
            if (!ok)
                _exit(127);
            return 0;
        }
        close(ends[1]);
        ok = pid < 0 || said_ok(ends[0]);
        close(ends[0]);
        if (ok)
            return pid;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
}
