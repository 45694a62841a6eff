/* The frame of a daemon: tickers and lists here, the whole of daemon_main in child processes. */
#include "common/daemon/daemon.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "tests/unit/common/client.h"
#include "tests/unit/common/pki.h"
#include "tests/unit/common/unit.h"

enum { PATIENCE_MS = 60000 }; /* shared machines are slow at times */

static void lists(void **state)
{
    char **l = daemon_list(" a, b ,,c d,");

    (void)state;
    assert_string_equal(l[0], "a");
    assert_string_equal(l[1], "b");
    assert_string_equal(l[2], "c d");
    assert_null(l[3]);
    free(l);
    l = daemon_list("");
    assert_null(l[0]);
    free(l);
    l = daemon_list(" , ");
    assert_null(l[0]);
    free(l);
}

static _Atomic int ticks;

static void tick(void *arg)
{
    (void)arg;
    ticks++;
}

static bool reached(int n)
{
    for (int64_t end = clock_boot_ms() + PATIENCE_MS; clock_boot_ms() < end; usleep(1000))
        if (ticks >= n)
            return true;
    return ticks >= n;
}

static void tickers(void **state)
{
    struct ticker *t = NULL;
    struct err e = { 0 };

    (void)state;
    ticks = 0;
    assert_ok(ticker_start("a-name-longer-than-15", 60000, tick, NULL, &t, &e), &e);
    assert_true(reached(1));
    for (int i = 2; i < 20; i++) {
        ticker_wake(t);
        assert_true(reached(i));
    }
    ticker_stop(t);
    ticks = 0;
    assert_ok(ticker_start("fast", 10, tick, NULL, &t, &e), &e);
    assert_true(reached(5));
    ticker_stop(t);
    int now = ticks;

    usleep(50000);
    assert_int_equal(ticks, now);
    ticker_stop(NULL);
}

static _Atomic bool entered, leave;

static void slow_tick(void *arg)
{
    (void)arg;
    ticks++;
    entered = true;
    while (!leave)
        usleep(1000);
}

static void wake_during_a_tick_is_kept(void **state)
{
    struct ticker *t = NULL;
    struct err e = { 0 };

    (void)state;
    ticks = 0;
    entered = leave = false;
    assert_ok(ticker_start("slow", 60000, slow_tick, NULL, &t, &e), &e);
    while (!entered)
        usleep(1000);
    ticker_wake(t);
    leave = true;
    assert_true(reached(2));
    ticker_stop(t);
}

/* A small daemon, run by children of this test. */
struct config {
    char *state_dir, *ready_file, *mode;
    int64_t size;
};
static const struct config_key keys[] = {
    { "state_dir", CONFIG_TEXT, NULL, 0, 0, offsetof(struct config, state_dir), "Where." },
    { "ready_file", CONFIG_TEXT, "", 0, 0, offsetof(struct config, ready_file), "Says ready." },
    { "mode", CONFIG_TEXT, "serve", 0, 0, offsetof(struct config, mode), "What to do." },
    { "size", CONFIG_INT, "5", 1, 9, offsetof(struct config, size), "How many." },
    { 0 },
};

struct app {
    struct http_server *http;
};

static char dir[64], config_path[96], ready_path[96];

static _Atomic bool caught_up;

static bool child_ready(void *app, char *why, size_t size)
{
    assert_non_null(app);
    if (!caught_up)
        snprintf(why, size, "still catching up");
    return atomic_exchange(&caught_up, true); /* the second time it is */
}

static json_t *child_summary(void *app)
{
    assert_non_null(app);
    return json_pack("{s:i}", "desktops", 3);
}

static int child_start(struct daemon *d, void *config, void **out, struct err *e)
{
    static const struct route *const tables[] = { daemon_routes, NULL };
    struct http_spec s = {
        .self = "x/1", .address = "127.0.0.1:0", .routes = tables, .workers = 1
    };
    struct config *c = config;
    struct app *app;
    char cert[96], key[96], ca[96];

    if (strcmp(c->mode, "fail") == 0)
        return err_set(e, ERR_DB_UNAVAILABLE, "no database");
    if (strcmp(c->mode, "tls") == 0) {
        snprintf(cert, sizeof cert, "%s/ccc.crt", dir);
        snprintf(key, sizeof key, "%s/ccc.key", dir);
        snprintf(ca, sizeof ca, "%s/ca.crt", dir);
        s.cert_pem = cert;
        s.key_pem = key;
        s.ca_pem = ca;
    }
    app = calloc(1, sizeof *app);
    if (http_start(&s, &app->http, e) < 0) {
        free(app);
        return -1;
    }
    daemon_publish(d, "management", json_integer(http_port(app->http)));
    if (strcmp(c->mode, "quit") == 0)
        daemon_quit(7);
    *out = app;
    return 0;
}

static void child_stop(void *arg)
{
    struct app *app = arg;

    http_stop(app->http);
    free(app);
}

static int make_thing(void *config, const char *argument)
{
    struct config *c = config;

    return strcmp(argument, "thing") == 0 && c->size == 5 ? 42 : 1;
}

static const struct daemon_command commands[] = { { "make-thing", "NAME", make_thing, "makes it" },
                                                  { 0 } };
static const struct daemon_spec child_spec = { .name = "child",
                                               .keys = keys,
                                               .commands = commands,
                                               .config_size = sizeof(struct config),
                                               .start = child_start,
                                               .stop = child_stop,
                                               .ready = child_ready,
                                               .summary = child_summary };

static void write_config(const char *more)
{
    FILE *f = fopen(config_path, "we");

    assert_non_null(f);
    fprintf(f, "state_dir = %s/a/b\nready_file = %s\n%s", dir, ready_path, more);
    fclose(f);
}

static pid_t spawn(const char *const args[])
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        char *argv[8] = { (char *)(uintptr_t) "child" };
        int n = 1, null = open("/dev/null", O_WRONLY);

        for (; args[n - 1]; n++)
            argv[n] = (char *)(uintptr_t)args[n - 1];
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        exit(daemon_main(n, argv, &child_spec));
    }
    return pid;
}

static int result(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
#define RUN(...) result(spawn((const char *const[]){ __VA_ARGS__, NULL }))

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    snprintf(dir, sizeof dir, "/tmp/daemon-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(config_path, sizeof config_path, "%s/config", dir);
    snprintf(ready_path, sizeof ready_path, "%s/ready", dir);
    write_config("");
    return 0;
}

static int teardown(void **state)
{
    static const char *const files[] = { "config",  "ready",   "notify",   "ca.crt",  "ca.key",
                                         "ccc.crt", "ccc.key", "node.crt", "node.key" };
    char path[96];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/a/b", dir);
    rmdir(path);
    snprintf(path, sizeof path, "%s/a", dir);
    rmdir(path);
    return rmdir(dir);
}

static void options(void **state)
{
    (void)state;
    assert_int_equal(RUN("--version"), 0);
    assert_int_equal(RUN("--help"), 0);
    assert_int_equal(RUN("--check-config"), 2);
    assert_int_equal(RUN("--nonsense"), 2);
    assert_int_equal(RUN("--config", config_path, "extra"), 2);
    assert_int_equal(RUN("--config", "/nowhere/at/all"), 2);
    assert_int_equal(RUN("--config", config_path, "--check-config"), 0);
    assert_int_equal(RUN("--config", config_path, "--print-config"), 0);
    assert_int_equal(RUN("--config", config_path, "--make-thing", "thing"), 42);
    assert_int_equal(RUN("--config", config_path, "--make-thing", "other"), 1);
    write_config("size = 10\n");
    assert_int_equal(RUN("--config", config_path, "--check-config"), 2);
    write_config("log_level = loud\n");
    assert_int_equal(RUN("--config", config_path), 2);
    write_config("mode = fail\n");
    assert_int_equal(RUN("--config", config_path), 1);
    write_config("mode = quit\n");
    assert_int_equal(RUN("--config", config_path), 7);
    assert_int_not_equal(access(ready_path, F_OK), 0);
}

/* A socket bound as a supervisor's. shown: how NOTIFY_SOCKET says its name. */
static int supervise(const char *shown)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    memcpy(a.sun_path, shown, strlen(shown));
    if (shown[0] == '@')
        a.sun_path[0] = '\0';
    assert_int_equal(
        bind(fd, (void *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(shown))),
        0);
    setenv("NOTIFY_SOCKET", shown, 1);
    return fd;
}

static void assert_told(int fd, const char *what)
{
    char got[32] = "";

    assert_true(recv(fd, got, sizeof got - 1, 0) > 0);
    assert_string_equal(got, what);
}

static void the_supervisor_is_told(void **state)
{
    char path[96], name[96];

    (void)state;
    snprintf(path, sizeof path, "%s/notify", dir);
    snprintf(name, sizeof name, "@%s", dir);
    write_config("mode = quit\n");
    for (int i = 0; i < 2; i++) {
        int fd = supervise(i ? name : path);

        assert_int_equal(RUN("--config", config_path), 7);
        assert_told(fd, "READY=1");
        assert_told(fd, "STOPPING=1");
        assert_true(recv(fd, path, sizeof path, 0) < 0);
        close(fd);
    }
    assert_int_equal(RUN("--config", config_path), 7); /* nobody listens any more */
    setenv("NOTIFY_SOCKET", "nonsense", 1);
    assert_int_equal(RUN("--config", config_path), 7);
    unsetenv("NOTIFY_SOCKET");
}

static json_t *wait_ready(void)
{
    for (int i = 0; i < 12000; i++, usleep(5000)) {
        json_t *o = json_load_file(ready_path, 0, NULL);

        if (o)
            return o;
    }
    fail_msg("no ready file");
    return NULL;
}

static void serves_until_told(void **state)
{
    struct stat st;
    pid_t pid;
    json_t *ready;
    char path[96];

    (void)state;
    write_config("");
    pid = spawn((const char *const[]){ "--config", config_path, NULL });
    ready = wait_ready();
    assert_int_equal(json_num(ready, "pid", 0), pid);
    assert_string_equal(json_str(ready, "kind"), "child");
    assert_true(json_num(ready, "management", 0) > 0);
    assert_int_equal(stat(ready_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/a/b", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    /* Without a node's certificate the management routes say nothing. */
    assert_int_equal(client_raw((int)json_num(ready, "management", 0),
                                "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
                     403);
    json_decref(ready);
    kill(pid, SIGHUP);
    usleep(50000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGTERM);
    assert_int_equal(result(pid), 0);
    assert_int_not_equal(access(ready_path, F_OK), 0);
}

static struct answer ask_node(int port, const char *path)
{
    char cert[96], key[96], ca[96];

    snprintf(cert, sizeof cert, "%s/node.crt", dir);
    snprintf(key, sizeof key, "%s/node.key", dir);
    snprintf(ca, sizeof ca, "%s/ca.crt", dir);
    return CALL(port, .scheme = "https", .path = path, .cert = cert, .key = key, .ca = ca);
}

static void management_routes(void **state)
{
    struct pki_pair ca = pki_ca(dir, "ca");
    json_t *ready;
    struct answer a;
    pid_t pid;
    int port;

    (void)state;
    pki_node(&ca, dir, "ccc", "bic:ccc:22222222-2222-4222-8222-222222222222", time(NULL) + 3600);
    pki_node(&ca, dir, "node", "bic:xcenter:11111111-1111-4111-8111-111111111111",
             time(NULL) + 3600);
    pki_free(&ca);
    write_config("mode = tls\n");
    pid = spawn((const char *const[]){ "--config", config_path, NULL });
    ready = wait_ready();
    port = (int)json_num(ready, "management", 0);
    json_decref(ready);
    a = ask_node(port, "/healthz");
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = ask_node(port, "/readyz");
    assert_int_equal(a.status, 503);
    assert_string_equal(json_str(a.json, "detail"), "still catching up");
    answer_free(&a);
    a = ask_node(port, "/readyz");
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = ask_node(port, "/summary");
    assert_int_equal(json_num(a.json, "desktops", 0), 3);
    assert_non_null(json_str(a.json, "as_of"));
    answer_free(&a);
    a = ask_node(port, "/metrics");
    assert_non_null(
        strstr(a.body, "# TYPE bic_http_requests_total counter\nbic_http_requests_total 4\n"));
    assert_string_equal(answer_header(&a, "Content-Type"),
                        "text/plain; version=0.0.4; charset=utf-8");
    answer_free(&a);
    kill(pid, SIGTERM);
    assert_int_equal(result(pid), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(options), /* forks: before there are threads */
        cmocka_unit_test(the_supervisor_is_told),
        cmocka_unit_test(serves_until_told),
        cmocka_unit_test(management_routes),
        cmocka_unit_test(tickers),
        cmocka_unit_test(wake_during_a_tick_is_kept),
    };

    return cmocka_run_group_tests_name("daemon", tests, setup, teardown);
}
