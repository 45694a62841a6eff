/*
 * daemon — what the four main.c have in common: options, configuration, signals, readiness, and the
 * management listener with /healthz, /readyz, /metrics and /summary.
 *
 * Usage: NAME --config FILE [--check-config | --print-config | --version]. The file is "key =
 * value" lines (inih). Every key is a row of the daemon's table; unknown keys, bad values: exit 2
 * with the line. SIGTERM, SIGINT: orderly stop. Says READY=1 to systemd (supervisor.h) and writes
 * the ready file (key ready_file, optional: JSON {"pid", "management": port, … what daemon_publish
 * added}) by rename.
 */
#ifndef COMMON_DAEMON_DAEMON_H
#define COMMON_DAEMON_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/err.h"
#include "common/http/http.h"

enum config_type { CONFIG_TEXT, CONFIG_INT, CONFIG_BOOL, CONFIG_SECRET /* never printed */ };
struct config_key {
    const char *name;
    enum config_type type;
    const char *fallback; /* NULL: must be given */
    int64_t min, max;     /* CONFIG_INT; CONFIG_TEXT: max length (0 = 4,096) */
    size_t offset;        /* offsetof(struct …_config, member): char * (owned), int64_t or bool */
    const char *help;     /* one sentence, with its unit */
};

/* "--make-admin NAME": done instead of serving; the result is the exit status. */
struct daemon_command {
    const char *option;   /* "make-admin" */
    const char *argument; /* "NAME" as the usage says it; NULL: it takes none */
    int (*run)(void *config, const char *argument);
    const char *help;
};

struct daemon;
struct daemon_spec {
    const char *name;                      /* "bcenter" */
    const struct config_key *keys;         /* ends with { 0 } */
    const struct daemon_command *commands; /* NULL, or ends with { 0 } */
    size_t config_size; /* bytes of the config struct, zeroed and filled before start */
    int (*start)(struct daemon *d, void *config, void **app, struct err *e);
    void (*stop)(void *app);
    bool (*ready)(void *app, char *why, size_t size); /* /readyz */
    json_t *(*summary)(void *app);                    /* /summary: with "as_of" */
    void (*metrics)(void *app, FILE *page); /* NULL, or writes what has labels below the others */
};

int daemon_main(int argc, char **argv, const struct daemon_spec *spec);

/* For start(): adds a member to the ready file ("portal": port, …). */
void daemon_publish(struct daemon *d, const char *key, json_t *value);
/* The routes /healthz, /readyz, /metrics, /summary, for the daemon's management listener. rq->app
 * of them is not used: give them through this. */
extern const struct route daemon_routes[];
/* Asks the main loop to stop, from any thread; code becomes the exit status. */
void daemon_quit(int code);

/* Splits "a, b ,c" into a NULL-ended, malloc'd list (one free() frees all). */
char **daemon_list(const char *text);

/* A thread that runs tick every period_ms until stopped; tick runs once at the start and whenever
 * it is woken. */
struct ticker;
int ticker_start(const char *name, int64_t period_ms, void (*tick)(void *arg), void *arg,
                 struct ticker **out, struct err *e) MUSTCHECK;
void ticker_wake(struct ticker *t);
void ticker_stop(struct ticker *t); /* joins; NULL ok */

#endif
