/*
 * config — a daemon's configuration file against its table of keys. Only common/daemon/ includes
 * it.
 *
 * Lines are "key = value" without sections. Two keys are known to every daemon, whether its table
 * has them or not: ready_file and log_level.
 */
#ifndef COMMON_DAEMON_CONFIG_H
#define COMMON_DAEMON_CONFIG_H

#include <stdio.h>

#include "common/daemon/daemon.h"

struct config {
    const struct config_key *keys;
    void *values; /* the daemon's own struct: texts in it are owned */
    char *ready_file, *log_level;
};

/* INVALID_REQUEST: the detail names line and key. c->values is filled, also partly on failure. */
int config_read(struct config *c, const char *path, struct err *e) MUSTCHECK;
/* The same from memory, as `path` in what it says. */
int config_parse(struct config *c, const char *text, struct err *e) MUSTCHECK;
void config_release(struct config *c);
void config_print(const struct config *c, FILE *to); /* secrets as "…" */
/* A text key of the table, or NULL if there is no such key. */
const char *config_text(const struct config *c, const char *name);

#endif
