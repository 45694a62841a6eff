#include "bserver-agent/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/pack_state.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/daemon/heap.h"

static int start_server(struct pack *p, const struct node *n, struct err *e)
{
    static const struct route *const routes[] = { daemon_routes, NULL };
    const struct agent_config *c = p->config;
    struct http_spec spec = { .self = p->self,
                              .address = c->management_listen,
                              .routes = routes,
                              .workers = 2,
                              .connections_max = 64,
                              .app = p };

    snprintf(p->self, sizeof p->self, "%s", n->self);
    p->cert = strdup(n->cert);
    p->key = strdup(n->key);
    p->ca = strdup(n->ca);
    if (!p->cert || !p->key || !p->ca)
        return err_set(e, ERR_INTERNAL, "out of memory");
    spec.cert_pem = p->cert;
    spec.key_pem = p->key;
    spec.ca_pem = p->ca;
    if (http_start(&spec, &p->server, e) < 0)
        return -1;
    p->url = node_url(c->management_url, c->management_listen, http_port(p->server));
    return p->url ? 0 : err_set(e, ERR_INTERNAL, "out of memory");
}

static void stop_server(struct pack *p)
{
    http_stop(p->server);
    free(p->url);
    free(p->cert);
    free(p->key);
    free(p->ca);
    p->server = NULL;
    p->url = p->cert = p->key = p->ca = NULL;
}

/* Called by openers. Only the first waits for more than the lock. */
static int listen_once(void *arg, const struct node *n, const char **url, struct err *e)
{
    struct pack *p = arg;
    int rc = 0;

    pthread_mutex_lock(&p->listen_lock);
    if (!p->url) {
        rc = start_server(p, n, e);
        if (rc < 0)
            stop_server(p);
    }
    if (rc == 0)
        *url = p->url;
    pthread_mutex_unlock(&p->listen_lock);
    return rc;
}

static void look(void *arg)
{
    pack_look(arg);
}

static int start_one(struct daemon *d, struct pack *p, struct err *e)
{
    json_t *told, *value;
    const char *key;

    if (!p->config->display_listen[0])
        heap_frugal(); /* only screens have threads that would wait for each other's memory */
    if (agent_open(p->config, &p->place, &p->only, e) < 0)
        return -1;
    told = agent_published(p->only);
    json_object_foreach(told, key, value) daemon_publish(d, key, json_incref(value));
    json_decref(told);
    return 0;
}

static int start_several(struct daemon *d, struct pack *p, struct err *e)
{
    struct ticker *t;

    daemon_publish(d, "kind", json_string("bserver"));
    if (!pack_has_screens(p))
        heap_frugal();
    if (ticker_start("hosts", PACK_LOOK_MS, look, p, &t, e) < 0)
        return -1;
    pthread_mutex_lock(&p->lock);
    p->ticker = t;
    pthread_mutex_unlock(&p->lock);
    return 0;
}

int pack_start(struct daemon *d, void *config, void **app, struct err *e)
{
    struct pack *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->config = config;
    p->place = (struct agent_place){ .alone = !p->config->hosts[0],
                                     .management_listen = p->config->management_listen,
                                     .listen = listen_once,
                                     .arg = p };
    pthread_mutex_init(&p->listen_lock, NULL);
    pthread_mutex_init(&p->lock, NULL);
    rc = p->place.alone ? start_one(d, p, e) : start_several(d, p, e);
    if (rc < 0) {
        pack_stop(p);
        return -1;
    }
    *app = p;
    return 0;
}

void pack_stop(void *app)
{
    struct pack *p = app;
    struct ticker *t;

    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    t = p->ticker;
    p->ticker = NULL; /* openers wake it no more */
    pthread_mutex_unlock(&p->lock);
    ticker_stop(t);
    pack_close_slots(p);
    agent_close(p->only);
    stop_server(p);
    pthread_mutex_destroy(&p->listen_lock);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* With the lock held: why it is not ready, or false. */
static bool lacks(const struct slot *s, char *why, size_t size)
{
    char own[128] = "";

    if (s->state == SLOT_FAILED)
        snprintf(why, size, "%s: %s", s->file, s->error.detail);
    else if (s->state != SLOT_OPEN)
        snprintf(why, size, "%s is being opened", s->file);
    else if (!agent_ready(s->agent, own, sizeof own))
        snprintf(why, size, "%s: %s", s->file, own);
    else
        return false;
    return true;
}

bool pack_ready(void *app, char *why, size_t size)
{
    struct pack *p = app;
    bool ready = true;

    if (p->only)
        return agent_ready(p->only, why, size);
    pthread_mutex_lock(&p->lock);
    if (!p->slots) {
        snprintf(why, size, "no host is configured");
        ready = false;
    }
    for (const struct slot *s = p->slots; s && ready; s = s->next)
        ready = !lacks(s, why, size);
    pthread_mutex_unlock(&p->lock);
    return ready;
}

static json_t *slot_summary(const struct slot *s)
{
    static const char *const words[] = { [SLOT_WAITING] = "opening",
                                         [SLOT_OPENING] = "opening",
                                         [SLOT_OPEN] = "open",
                                         [SLOT_FAILED] = "failed" };
    json_t *o = s->agent ? agent_summary(s->agent) : json_object(), *problem;

    json_put_str(o, "file", s->file);
    json_put_str(o, "state", words[s->state]);
    if (!s->agent && s->error.code != ERR_NONE) {
        problem = json_object();
        json_put_str(problem, "slug", err_slug(s->error.code));
        json_put_str(problem, "detail", s->error.detail);
        json_object_set_new(o, "problem", problem);
    }
    return o;
}

json_t *pack_summary(void *app)
{
    struct pack *p = app;
    json_t *o, *hosts;

    if (p->only)
        return agent_summary(p->only);
    o = json_object();
    hosts = json_array();
    pthread_mutex_lock(&p->lock);
    for (const struct slot *s = p->slots; s; s = s->next)
        json_array_append_new(hosts, slot_summary(s));
    pthread_mutex_unlock(&p->lock);
    json_object_set_new(o, "hosts", hosts);
    return o;
}
