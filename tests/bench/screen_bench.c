/*
 * screen_bench — what the display listener costs: MB/s of 1 and 50 screens over TLS beside `openssl
 * s_server` sending as much to the same client, in turns, the memory of an open screen, and the
 * time from a ticket to the first picture.
 *
 * Usage: screen_bench [SECONDS a run, 2] [ROUNDS, 3]. Prints one JSON object. The listener and the
 * client run in processes of their own, so that CPU time and memory are the listener's alone.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/base/log.h"
#include "tests/virt/screen_client.h"

extern char **environ;

enum { MANY = 50, ROUNDS_MAX = 16 };

static char dir[] = "/tmp/bic-bench-XXXXXX", cert[64], key[64];

/* What the two processes share. */
struct shared {
    struct agent a;
    atomic_int port;
    atomic_bool leave;
};
static struct shared *sh;

static long rss_of(pid_t pid)
{
    char path[64];
    long pages = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    f = fopen(path, "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A source with a small stack and nothing of its own, since it lives in the measured process. */
static void *pour(void *arg)
{
    static const uint8_t block[1 << 16];
    int fd = (int)(intptr_t)arg;

    if (sh->a.script == QEMU_DEAF)
        while (recv(fd, &(char){ 0 }, 1, 0) > 0)
            ;
    while (send(fd, block, sizeof block, MSG_NOSIGNAL) > 0)
        ;
    close(fd);
    return NULL;
}

static int source_open(void *arg, const struct id *desktop, const struct id *run, int *fd,
                       struct err *e)
{
    pthread_attr_t small;
    pthread_t t;
    int pair[2];

    if (sh->a.script == QEMU_RFB)
        return agent_open(arg, desktop, run, fd, e);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(e, ERR_VIRT_UNAVAILABLE, "no socket");
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 1 << 16);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_create(&t, &small, pour, (void *)(intptr_t)pair[1]);
    pthread_attr_destroy(&small);
    *fd = pair[0];
    return 0;
}

static pid_t start_listener(void)
{
    static const char *const lanes[] = { "127.0.0.1:0", NULL };
    struct screen_spec spec = { .listen = lanes,
                                .cert_pem = cert,
                                .key_pem = key,
                                .bserver = sh->a.bserver,
                                .host = &sh->a.host };
    struct err e = { 0 };
    struct screen *s;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    sh->a.host.open_graphics = source_open;
    if (screen_start(&spec, &s, &e) < 0)
        _exit(1);
    sh->port = screen_port(s, 0);
    while (!sh->leave)
        usleep(10000);
    sh->a.stopped = true;
    screen_stop(s);
    _exit(0);
}

/* It sends what comes on its input: the same endless bytes. */
static pid_t start_openssl(int port, int *feed)
{
    char accept[16];
    const char *argv[] = { "openssl", "s_server", "-quiet", "-tls1_3", "-accept", accept,
                           "-cert",   cert,       "-key",   key,       NULL };
    posix_spawn_file_actions_t fa;
    int pair[2];
    pid_t pid;

    snprintf(accept, sizeof accept, "%d", port);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, pair[1], 0);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, argv[0], &fa, NULL, (char **)(uintptr_t)argv, environ) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&fa);
    close(pair[1]);
    *feed = pair[0];
    return pid;
}

struct reader {
    struct client c;
    int64_t until_ms, bytes;
    pthread_t thread;
};

static void *drink(void *arg)
{
    struct reader *r = arg;
    uint8_t b[1 << 16];

    while (clock_boot_ms() < r->until_ms) {
        ssize_t n = client_read(&r->c, b, sizeof b);

        if (n <= 0)
            break;
        r->bytes += n;
    }
    return NULL;
}

/* MB/s over all readers. */
static double measure(struct reader *r, int n, double seconds)
{
    int64_t from = clock_boot_ms(), all = 0;

    for (int i = 0; i < n; i++) {
        r[i].bytes = 0;
        r[i].until_ms = from + (int64_t)(seconds * 1000);
        pthread_create(&r[i].thread, NULL, drink, &r[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(r[i].thread, NULL);
        all += r[i].bytes;
    }
    return (double)all / 1e3 / (double)(clock_boot_ms() - from);
}

static int enter(struct client *c)
{
    struct ticket t = agent_ticket(&sh->a);
    char text[TICKET_MAX], head[1024];
    struct err e = { 0 };

    t.desktop = id_new();
    if (ticket_sign(&sh->a.key, &t, text, &e) < 0 || client_open(c, sh->port, true) < 0)
        return -1;
    return client_upgrade(c, text, head) == 101 ? 0 : -1;
}

static double bic(int n, double seconds)
{
    struct reader *r = calloc((size_t)n, sizeof *r);
    double rate = -1;
    int i;

    for (i = 0; i < n; i++)
        if (enter(&r[i].c) < 0)
            break;
    if (i == n)
        rate = measure(r, n, seconds);
    while (i-- > 0)
        client_close(&r[i].c);
    free(r);
    usleep(300000);
    return rate;
}

static void *feed(void *arg)
{
    struct qemu *q = arg;

    qemu_flood(q);
    return NULL;
}

static int free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        return -1;
    close(fd);
    return ntohs(a.sin_port);
}

/* One s_server for each screen: it serves one connection at a time. */
static double openssl(int n, double seconds)
{
    struct reader *r = calloc((size_t)n, sizeof *r);
    struct qemu *q = calloc((size_t)n, sizeof *q);
    static struct agent counters;
    pthread_t feeders[MANY];
    pid_t pids[MANY];
    double rate = -1;
    int ok = 0;

    for (int i = 0; i < n; i++) {
        int port = free_port();

        q[i].a = &counters;
        pids[i] = start_openssl(port, &q[i].fd);
        for (int k = 0; k < 200 && client_open(&r[i].c, port, true) != 0; k++)
            usleep(20000);
        ok += r[i].c.fd >= 0;
        pthread_create(&feeders[i], NULL, feed, &q[i]);
    }
    if (ok == n)
        rate = measure(r, n, seconds);
    for (int i = 0; i < n; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
        pthread_join(feeders[i], NULL);
        close(q[i].fd);
        client_close(&r[i].c);
    }
    free(r);
    free(q);
    return rate;
}

static pid_t begin(void)
{
    pid_t pid;

    sh->port = 0;
    sh->leave = sh->a.stopped = false;
    pid = start_listener();
    for (int i = 0; i < 300 && !sh->port; i++)
        usleep(10000);
    usleep(20000); /* tickets from before the listener's start are refused */
    return pid;
}

static int finish(pid_t pid)
{
    int status = 0;

    sh->leave = true;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

/* Silent screens, or those that have sent all they can to a browser that does not read. KiB each.
 */
static long memory(enum script script)
{
    static struct client c[MANY];
    long before = 0, each = -1;
    pid_t pid = begin();
    int i;

    sh->a.script = (int)script;
    for (i = 0; i < MANY; i++) {
        if (enter(&c[i]) < 0)
            break;
        if (i > 0)
            continue;
        usleep(300000); /* the first one brings what all share */
        before = rss_of(pid);
    }
    sleep(1);
    if (i == MANY)
        each = (rss_of(pid) - before) / (MANY - 1);
    while (i-- > 0)
        client_close(&c[i]);
    sh->a.script = QEMU_FLOOD;
    finish(pid);
    return each;
}

static int by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

/* In turns, so that what else the machine does hits both; the middle one of the ratios. */
static void compare(int screens, double seconds, int rounds)
{
    double ratio[ROUNDS_MAX], ours = 0, theirs = 0;

    for (int i = 0; i < rounds; i++) {
        double a = bic(screens, seconds), b = openssl(screens, seconds);

        ours += a / rounds;
        theirs += b / rounds;
        ratio[i] = a / b;
    }
    qsort(ratio, (size_t)rounds, sizeof *ratio, by_value);
    printf("\"screens_%d\":{\"mb_s\":%.0f,\"openssl_mb_s\":%.0f,\"ratio\":%.2f},", screens, ours,
           theirs, ratio[rounds / 2]);
    fflush(stdout);
}

/* From the ticket to the first FramebufferUpdate, while others screens run at full speed. */
static int first_picture(int others)
{
    struct reader *r = calloc((size_t)others + 1, sizeof *r);
    static struct stream st;
    int64_t from, ms = -1;
    int i;

    for (i = 0; i < others && enter(&r[i].c) == 0; i++) {
        r[i].until_ms = INT64_MAX;
        pthread_create(&r[i].thread, NULL, drink, &r[i]);
    }
    usleep(500000);
    sh->a.script = QEMU_RFB;
    from = clock_boot_ms();
    st = (struct stream){ .c = &r[others].c };
    if (enter(&r[others].c) == 0 && client_rfb(&st))
        ms = clock_boot_ms() - from;
    sh->a.script = QEMU_FLOOD;
    client_close(&r[others].c);
    while (i-- > 0) {
        shutdown(r[i].c.fd, SHUT_RDWR);
        pthread_join(r[i].thread, NULL);
        client_close(&r[i].c);
    }
    free(r);
    return (int)ms;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3;
    long idle, full;
    pid_t pid;

    if (seconds <= 0 || rounds < 1 || rounds > ROUNDS_MAX || !mkdtemp(dir))
        return 2;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    snprintf(cert, sizeof cert, "%s/crt.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    make_certificate(cert, key);
    sh = mmap(NULL, sizeof *sh, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    agent_init(&sh->a);
    sh->a.any_desktop = true;
    sh->a.script = QEMU_FLOOD;
    printf("{");
    idle = memory(QEMU_DEAF);
    full = memory(QEMU_FLOOD);
    printf("\"memory_kib\":{\"idle\":%ld,\"slow_reader\":%ld},", idle, full);
    pid = begin();
    compare(1, seconds, rounds);
    compare(MANY, seconds, rounds);
    printf("\"first_picture_ms\":{\"alone\":%d", first_picture(0));
    printf(",\"beside_49\":%d},", first_picture(MANY - 1));
    printf("\"listener_exit\":%d}\n", finish(pid));
    unlink(cert);
    unlink(key);
    rmdir(dir);
    return 0;
}
