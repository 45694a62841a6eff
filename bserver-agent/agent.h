/*
 * agent — the daemon: its configuration, its certificate, the host, the links to its bCenter, the
 * management and the display listeners, wired together.
 */
#ifndef BSERVER_AGENT_AGENT_H
#define BSERVER_AGENT_AGENT_H

#include "common/daemon/daemon.h"

struct agent_config {
    char *state_dir, *uri, *kind, *name, *module_url, *join_url, *join_token_file;
    char *management_listen, *management_url, *display_listen, *display_url;
    char *display_cert, *display_key, *accelerator;
    int64_t lanes, store_gib, memory_reserve_mib, recycle_s, bulk_mib_per_s;
    int64_t io_sample_s, io_model_boot, io_model_boot_s, io_model_idle, io_model_session;
    int64_t io_model_capacity, io_model_us;
};

extern const struct config_key agent_keys[];
int agent_start(struct daemon *d, void *config, void **app, struct err *e) MUSTCHECK;
void agent_stop(void *app);
bool agent_ready(void *app, char *why, size_t size);
json_t *agent_summary(void *app);

#endif
