/*
 * xcenter — a block's relay: it holds copies of what the CCC wants and of what its two modules
 * observe, in memory only, and passes calls to the right bCenter. It owns no fact; all of it can be
 * asked for again, so two of them can stand side by side and any of them may be killed.
 */
#ifndef XCENTER_XCENTER_H
#define XCENTER_XCENTER_H

#include "common/daemon/daemon.h"
#include "common/daemon/node.h"
#include "common/peer/blob_relay.h"
#include "common/peer/peer.h"
#include "xcenter/relay.h"

struct xcenter_config {
    char *state_dir, *management_listen, *management_url, *join_url, *join_token_file, *ccc_url;
    int64_t bulk_mib_per_s;
};

struct xcenter {
    const struct xcenter_config *config;
    struct node node;
    char **ccc_urls;
    struct blob_store *blobs;
    struct blob_relay *blob_relay;
    struct relay *relay;
    struct http_server *server;
};

extern const struct config_key xcenter_keys[];
int xcenter_start(struct daemon *d, void *config, void **app, struct err *e) MUSTCHECK;
void xcenter_stop(void *app);
bool xcenter_ready(void *app, char *why, size_t size);
json_t *xcenter_summary(void *app);

#endif
