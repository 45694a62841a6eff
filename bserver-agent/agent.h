/*
 * agent — one bServer as its bCenter knows it: configuration, certificate, host, screens and links,
 * wired together. A process has one, or several (pack.h); nothing is shared between them but what
 * struct agent_place gives. Owned by the pack.
 */
#ifndef BSERVER_AGENT_AGENT_H
#define BSERVER_AGENT_AGENT_H

#include "common/daemon/daemon.h"
#include "common/daemon/node.h"

struct agent_config {
    char *state_dir, *uri, *kind, *name, *hosts, *module_url, *join_url, *join_token_file;
    char *management_listen, *management_url, *display_listen, *display_url;
    char *display_cert, *display_key, *accelerator;
    int64_t lanes, store_gib, memory_reserve_mib, recycle_s, bulk_mib_per_s;
    int64_t io_sample_s, io_model_boot, io_model_boot_s, io_model_idle, io_model_session;
    int64_t io_model_capacity, io_model_us;
};

extern const struct config_key agent_keys[];

struct agent;

/* What the process has for its agents. */
struct agent_place {
    bool alone;                    /* the process is this agent's, and ends with its hypervisor */
    const char *management_listen; /* of the process: its host goes into new certificates */
    /* The process's management URL, which stays as it is; who comes first lends the listener its
     * name and certificate. Thread safe. */
    int (*listen)(void *arg, const struct node *n, const char **url, struct err *e);
    void *arg;
};

/* Joins if it has not yet; takes as long as that and its hypervisor take. config outlives it.
 * Errors: those of node_open, of libvirt, INVALID_REQUEST for a configuration that cannot be. */
int agent_open(const struct agent_config *config, const struct agent_place *place,
               struct agent **out, struct err *e) MUSTCHECK;
void agent_close(struct agent *a); /* machines go on; NULL ok */

/* For the ready file: {"id", "kind", "management", "display"}. New reference. */
json_t *agent_published(const struct agent *a);
bool agent_ready(const struct agent *a, char *why, size_t size);
json_t *agent_summary(const struct agent *a);

#endif
