#include "xcenter/xcenter.h"

#include <stddef.h>
#include <stdlib.h>

#include "xcenter/call_http.h"
#include "xcenter/sync_http.h"

#define KEY(member) offsetof(struct xcenter_config, member)
const struct config_key xcenter_keys[] = {
    NODE_KEYS(struct xcenter_config),
    NODE_JOIN_KEYS(struct xcenter_config),
    { "ccc_url", CONFIG_TEXT, NULL, 0, 0, KEY(ccc_url),
      "Management addresses of the CCC, comma separated." },
    { "bulk_mib_per_s", CONFIG_INT, "4", 0, 10240, KEY(bulk_mib_per_s),
      "Most MiB a second at which images come from the CCC; 0 = no limit." },
    { 0 },
};

static void wake_wanted(void *arg)
{
    struct xcenter *x = arg;

    http_wake(x->server, XCENTER_WANTED_KEY);
}

static int start_blobs(struct xcenter *x, struct err *e)
{
    char dir[4096];
    struct blob_relay_spec spec = { .self = &x->node.identity,
                                    .urls = (const char *const *)x->ccc_urls,
                                    .kind = "ccc",
                                    .bytes_per_s = x->config->bulk_mib_per_s << 20,
                                    .needed = relay_blobs,
                                    .arg = x->relay };

    snprintf(dir, sizeof dir, "%s/blobs", x->config->state_dir);
    if (blob_store_open(dir, &x->blobs, e) < 0)
        return -1;
    spec.store = x->blobs;
    return blob_relay_start(&spec, &x->blob_relay, e);
}

static int start_server(struct xcenter *x, struct err *e)
{
    static const struct route *const routes[] = { daemon_routes, xcenter_sync_routes,
                                                  xcenter_call_routes, NULL };
    struct http_spec spec = { .self = x->node.self,
                              .address = x->config->management_listen,
                              .routes = routes,
                              .cert_pem = x->node.cert,
                              .key_pem = x->node.key,
                              .ca_pem = x->node.ca,
                              .app = x,
                              .worker_start = xcenter_worker_start,
                              .worker_stop = xcenter_worker_stop };

    return http_start(&spec, &x->server, e);
}

static int open_relay(struct xcenter *x, struct err *e)
{
    struct relay_spec spec = { .self = &x->node.identity,
                               .ccc_urls = (const char *const *)x->ccc_urls,
                               .wanted_changed = wake_wanted,
                               .arg = x };

    return relay_open(&spec, &x->relay, e);
}

/* The links start when it is known where we can be called. */
static int run(struct daemon *d, struct xcenter *x, struct err *e)
{
    char *url =
        node_url(x->config->management_url, x->config->management_listen, http_port(x->server));
    int rc;

    if (!url)
        return err_set(e, ERR_INTERNAL, "out of memory");
    node_publish(d, &x->node, url);
    rc = relay_run(x->relay, url, e);
    free(url);
    return rc;
}

int xcenter_start(struct daemon *d, void *config, void **app, struct err *e)
{
    struct xcenter *x = calloc(1, sizeof *x);
    const struct xcenter_config *c = config;
    struct node_spec node = { "xcenter", c->state_dir, c->management_listen, c->join_url,
                              c->join_token_file };

    if (!x)
        return err_set(e, ERR_INTERNAL, "out of memory");
    x->config = c;
    x->ccc_urls = daemon_list(c->ccc_url);
    if (!x->ccc_urls || !x->ccc_urls[0]) {
        xcenter_stop(x);
        return err_set(e, ERR_INVALID_REQUEST, "ccc_url names no address");
    }
    if (node_open(&node, &x->node, e) < 0 || open_relay(x, e) < 0 || start_blobs(x, e) < 0 ||
        start_server(x, e) < 0 || run(d, x, e) < 0) {
        xcenter_stop(x);
        return -1;
    }
    *app = x;
    return 0;
}

void xcenter_stop(void *app)
{
    struct xcenter *x = app;

    if (!x)
        return;
    relay_quiet(x->relay);
    http_stop(x->server);
    blob_relay_stop(x->blob_relay);
    relay_close(x->relay);
    blob_store_close(x->blobs);
    node_close(&x->node);
    free(x->ccc_urls);
    free(x);
}

bool xcenter_ready(void *app, char *why, size_t size)
{
    struct xcenter *x = app;

    if (relay_ready(x->relay))
        return true;
    snprintf(why, size, "no complete copy of what the CCC wants yet");
    return false;
}

json_t *xcenter_summary(void *app)
{
    struct xcenter *x = app;

    return relay_summary(x->relay);
}
