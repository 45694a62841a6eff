/*
 * pack — the process: its management listener and its agents (docs/agent.md, *Several hosts*).
 *
 * Without the key hosts it has one, told by its own configuration, and ends when that cannot be
 * opened. With it, each *.conf of that directory tells one. They are opened side by side, a thread
 * each while that lasts; one that cannot be is tried again (1 s … 60 s), a file that changes is
 * read again, one that goes closes its agent. None holds up or ends another.
 */
#ifndef BSERVER_AGENT_PACK_H
#define BSERVER_AGENT_PACK_H

#include "common/daemon/daemon.h"

int pack_start(struct daemon *d, void *config, void **app, struct err *e) MUSTCHECK;
void pack_stop(void *app);
/* Whether every host of the configuration is open and its hypervisor answers. */
bool pack_ready(void *app, char *why, size_t size);
/* One: its own. Several: {"hosts": [{"file", "state": "opening"|"open"|"failed", "problem", …}]} */
json_t *pack_summary(void *app);

#endif
