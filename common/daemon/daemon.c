#include "common/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/daemon/config.h"
#include "common/daemon/heap.h"
#include "common/daemon/process.h"
#include "common/daemon/state.h"
#include "common/daemon/supervisor.h"

#ifndef BIC_VERSION
#define BIC_VERSION "0.1.0"
#endif

enum { COMMANDS_MAX = 16, EXIT_USAGE = 2 };

/* Readers (management routes) may still run while the main thread starts or stops the daemon. */
static pthread_rwlock_t process_lock = PTHREAD_RWLOCK_INITIALIZER;
static const struct daemon *process;

static _Atomic int quit_fd = -1;
static _Atomic int quit_code;

const struct daemon *process_enter(void)
{
    pthread_rwlock_rdlock(&process_lock);
    return process;
}

void process_leave(void)
{
    pthread_rwlock_unlock(&process_lock);
}

static void process_set(const struct daemon *d)
{
    pthread_rwlock_wrlock(&process_lock);
    process = d;
    pthread_rwlock_unlock(&process_lock);
}

void daemon_quit(int code)
{
    uint64_t one = 1;
    int fd = quit_fd;

    quit_code = code;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        log_error("cannot ask the main loop to stop: %s", strerror(errno));
}

void daemon_publish(struct daemon *d, const char *key, json_t *value)
{
    json_object_set_new(d->published, key, value);
}

char **daemon_list(const char *text)
{
    size_t n = 2, bytes = strlen(text) + 1;
    char **list, *to;

    for (const char *p = text; *p; p++)
        n += *p == ',';
    list = malloc(n * sizeof *list + bytes);
    if (!list)
        return NULL;
    to = (char *)(list + n);
    n = 0;
    for (const char *p = text; *p;) {
        size_t len, keep;

        p += strspn(p, ", \t");
        len = strcspn(p, ",");
        for (keep = len; keep > 0 && strchr(" \t", p[keep - 1]); keep--)
            ;
        if (keep > 0) {
            list[n++] = memcpy(to, p, keep);
            to[keep] = '\0';
            to += keep + 1;
        }
        p += len;
    }
    list[n] = NULL;
    return list;
}

struct options {
    const char *config;
    bool check, print;
    const struct daemon_command *command;
    const char *argument;
};

static void usage(const struct daemon_spec *spec, FILE *to)
{
    fprintf(to, "usage: %s --config FILE [--check-config | --print-config | --version]\n",
            spec->name);
    for (const struct daemon_command *c = spec->commands; c && c->option; c++)
        fprintf(to, "       %s --config FILE --%s%s%s   %s\n", spec->name, c->option,
                c->argument ? " " : "", c->argument ? c->argument : "", c->help);
}

static const struct option fixed_options[] = {
    { "config", required_argument, NULL, 'c' }, { "check-config", no_argument, NULL, 'k' },
    { "print-config", no_argument, NULL, 'p' }, { "version", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
};
enum { FIXED = sizeof fixed_options / sizeof *fixed_options, FIRST_COMMAND = 1000 };

/* ≥ 0: exit with it; -1: go on. */
static int read_options(int argc, char **argv, const struct daemon_spec *spec, struct options *o)
{
    struct option list[FIXED + COMMANDS_MAX + 1] = { { 0 } };
    int n = FIXED, got;

    memcpy(list, fixed_options, sizeof fixed_options);
    for (int i = 0; spec->commands && spec->commands[i].option && i < COMMANDS_MAX; i++)
        list[n++] = (struct option){ spec->commands[i].option,
                                     spec->commands[i].argument ? required_argument : no_argument,
                                     NULL, FIRST_COMMAND + i };
    optind = 1;
    while ((got = getopt_long(argc, argv, "", list, NULL)) != -1) {
        switch (got) {
        case 'c': o->config = optarg; break;
        case 'k': o->check = true; break;
        case 'p': o->print = true; break;
        case 'v': return printf("%s %s\n", spec->name, BIC_VERSION) < 0;
        case 'h': return usage(spec, stdout), 0;
        default:
            if (got < FIRST_COMMAND)
                return usage(spec, stderr), EXIT_USAGE;
            o->command = &spec->commands[got - FIRST_COMMAND];
            o->argument = optarg;
        }
    }
    if (!o->config || optind != argc)
        return usage(spec, stderr), EXIT_USAGE;
    return -1;
}

static int wait_for_end(const sigset_t *signals, struct err *e)
{
    struct pollfd p[2] = { { signalfd(-1, signals, SFD_CLOEXEC), POLLIN, 0 },
                           { quit_fd, POLLIN, 0 } };
    struct signalfd_siginfo got;

    if (p[0].fd < 0) {
        err_set(e, ERR_INTERNAL, "cannot receive signals");
        return err_cause(e, "signalfd: %s", strerror(errno));
    }
    for (;;) {
        int n = poll(p, 2, HEAP_REST_MS);

        if (n < 0 && errno != EINTR)
            break;
        if (n == 0)
            heap_rest();
        if (p[1].revents)
            break;
        if (p[0].revents && read(p[0].fd, &got, sizeof got) == (ssize_t)sizeof got &&
            got.ssi_signo != SIGHUP) {
            log_notice("stopping signal=%u", got.ssi_signo);
            break;
        }
    }
    close(p[0].fd);
    return 0;
}

static int serve(struct daemon *d, const struct config *c, const sigset_t *signals, struct err *e)
{
    const char *ready = config_text(c, "ready_file");
    int rc = 0;

    process_set(d);
    if (ready && ready[0])
        rc = state_ready(ready, d->published, e);
    if (rc == 0) {
        log_notice("serving name=%s version=%s pid=%d", d->spec->name, BIC_VERSION, (int)getpid());
        supervisor_tell("READY=1");
        rc = wait_for_end(signals, e);
    }
    supervisor_tell("STOPPING=1");
    if (ready && ready[0])
        unlink(ready);
    process_set(NULL);
    return rc;
}

/* Signals are blocked before any thread exists, so that only the main loop hears them. */
static int run(const struct daemon_spec *spec, const struct config *c, struct err *e)
{
    struct daemon d = { .spec = spec, .config = c->values };
    sigset_t signals;
    int rc;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d.published = json_pack("{s:i, s:s}", "pid", (int)getpid(), "kind", spec->name);
    if (quit_fd < 0 || !d.published) {
        json_decref(d.published);
        return err_set(e, ERR_INTERNAL, "no descriptor or memory left");
    }
    rc = spec->start(&d, c->values, &d.app, e);
    if (rc == 0) {
        rc = serve(&d, c, &signals, e);
        spec->stop(d.app);
    }
    json_decref(d.published);
    close(quit_fd);
    quit_fd = -1;
    return rc;
}

static int prepare(const struct config *c, struct err *e)
{
    const char *level = config_text(c, "log_level"), *dir = config_text(c, "state_dir");
    enum log_level least = LOG_LEVEL_INFO;

    if (level && level[0] && !log_level_from(level, &least))
        return err_set(e, ERR_INVALID_REQUEST,
                       "log_level must be debug, info, notice, warn or error");
    log_level_set(least);
    return dir && dir[0] ? state_make(dir, e) : 0;
}

static int configured(const struct daemon_spec *spec, const struct options *o, struct config *c)
{
    struct err e = { 0 };

    if (config_read(c, o->config, &e) < 0) {
        fprintf(stderr, "%s: %s: %s\n", spec->name, o->config, e.detail);
        return EXIT_USAGE;
    }
    if (o->print)
        config_print(c, stdout);
    if (o->print || o->check)
        return 0;
    if (prepare(c, &e) < 0) {
        fprintf(stderr, "%s: %s: %s\n", spec->name, o->config, e.detail);
        return EXIT_USAGE;
    }
    if (o->command)
        return o->command->run(c->values, o->argument);
    if (run(spec, c, &e) < 0) {
        log_err(spec->name, &e);
        return EXIT_FAILURE;
    }
    return quit_code;
}

int daemon_main(int argc, char **argv, const struct daemon_spec *spec)
{
    struct options o = { 0 };
    struct config c = { .keys = spec->keys };
    int rc = read_options(argc, argv, spec, &o);

    if (rc >= 0)
        return rc;
    umask(077);
    heap_start();
    signal(SIGPIPE, SIG_IGN);
    c.values = calloc(1, spec->config_size);
    if (!c.values)
        return EXIT_FAILURE;
    rc = configured(spec, &o, &c);
    config_release(&c);
    free(c.values);
    return rc;
}
