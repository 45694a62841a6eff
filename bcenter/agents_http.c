/* agents_http — the sync link of the bServers' agents, and their images. */
#include <string.h>
#include <unistd.h>

#include "bcenter/agent_observed.h"
#include "bcenter/publish.h"
#include "bcenter/ticket_issue.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/sync/serve.h"

/* Of one agent: 1,000 desktops, 1,024 VFs, orders and screens, and room for what comes later. */
enum { GATHER_MS = 15, OBJECTS_MAX = 16384 };

static const char *park_key(const struct id *agent, char to[48])
{
    snprintf(to, 48, "agent/%.*s", ID_LEN, agent->s);
    return to;
}

/* Those that are gone for good are not told: the place of who asked longest ago is taken when all
 * are, and a module has far fewer bServers than places. */
static void remember(struct bcenter *bc, const struct id *agent)
{
    const int places = sizeof bc->agent_ids / sizeof *bc->agent_ids;
    int at = 0;

    pthread_mutex_lock(&bc->agents_lock);
    while (at < bc->nagents && !id_eq(&bc->agent_ids[at], agent))
        at++;
    if (at == bc->nagents && at < places)
        bc->nagents++;
    if (at == places) {
        at = 0;
        for (int i = 1; i < places; i++)
            if (bc->agent_seen[i] < bc->agent_seen[at])
                at = i;
    }
    bc->agent_ids[at] = *agent;
    bc->agent_seen[at] = ++bc->agents_seen;
    pthread_mutex_unlock(&bc->agents_lock);
}

/* A busy moment changes many desktops of a host: its agent is told of all of them at once. */
void agents_changed(void *arg, const char *scope)
{
    struct bcenter *bc = arg;
    bool due = false;

    pthread_mutex_lock(&bc->agents_lock);
    for (int i = 0; i < bc->nagents; i++)
        if (!bc->agent_due[i] && (!scope || !scope[0] || strcmp(scope, bc->agent_ids[i].s) == 0))
            due = bc->agent_due[i] = true;
    pthread_mutex_unlock(&bc->agents_lock);
    if (due)
        bcenter_wake_telling(bc);
}

void agents_tell(void *arg)
{
    struct bcenter *bc = arg;
    struct id ids[64];
    bool due[64];
    char key[48];
    int n;

    usleep(GATHER_MS * 1000);
    pthread_mutex_lock(&bc->agents_lock);
    n = bc->nagents;
    memcpy(ids, bc->agent_ids, sizeof ids);
    memcpy(due, bc->agent_due, sizeof due);
    memset(bc->agent_due, 0, sizeof bc->agent_due);
    pthread_mutex_unlock(&bc->agents_lock);
    for (int i = 0; i < n; i++)
        if (due[i])
            bcenter_wake_management(bc, park_key(&ids[i], key));
}

/* NOT_READY until the CCC's list is here; what module_admit refuses. */
static int admit(struct bcenter *bc, const struct id *agent, struct sync_set **set, struct err *e)
{
    struct bserver *b = NULL;
    int rc;

    module_lock(&bc->m);
    if (!bc->loaded || !id_set(&bc->m.id)) {
        module_unlock(&bc->m);
        return err_set(e, ERR_NOT_READY,
                       "this bCenter has not heard yet which bServers are its own");
    }
    rc = module_admit(&bc->m, agent, &b, e);
    if (rc == 0 && !b->set && (b->set = sync_set_new_replica()))
        sync_set_bound(b->set, OBJECTS_MAX);
    *set = rc == 0 ? b->set : NULL;
    module_unlock(&bc->m);
    if (rc < 0)
        return -1;
    if (!*set)
        return err_set(e, ERR_INTERNAL, "out of memory");
    remember(bc, agent);
    return 0;
}

static int get_wanted(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    static _Thread_local char key[48];
    struct sync_set *set;

    if (admit(bc, &rq->caller.id, &set, e) < 0)
        return -1;
    ticket_known_by(bc, &rq->caller.id, http_query(rq, "after"));
    return sync_serve_wanted(rq, rp, bc->agents, rq->caller.id.s, park_key(&rq->caller.id, key),
                             bc->m.epoch, e);
}

static void heard(struct bcenter *bc, const struct id *agent)
{
    int64_t now = clock_boot_ms();
    struct bserver *b;
    bool back;

    module_lock(&bc->m);
    b = module_bserver(&bc->m, agent);
    back = !bserver_up(b, now);
    b->heard_ms = now;
    b->heard_wall = clock_wall_ms();
    module_unlock(&bc->m);
    if (back)
        bcenter_poke(bc);
}

static int post_observed(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    struct agent_source from = { .bc = bc, .bserver = rq->caller.id };
    struct sync_apply how = { .change = agent_observed, .arg = &from };
    const char *source = json_str(json_object_get(rq->body, "about"), "source");
    struct sync_set *set;

    if (admit(bc, &rq->caller.id, &set, e) < 0)
        return -1;
    if (source && strcmp(source, rq->caller.id.s) != 0)
        return err_set(e, ERR_PEER_IDENTITY, "the report is about another bServer");
    if (sync_serve_observed(rq, rp, set, &how, bc->m.epoch, e) < 0)
        return -1;
    /* Only a complete picture counts as having been heard: what is not in it would look missing. */
    if (sync_set_is_ready(set))
        heard(bc, &rq->caller.id);
    if (json_array_size(json_object_get(rq->body, "objects")) > 0)
        bcenter_poke(bc);
    return 0;
}

/* The size that the wanted object of an image says; 0 if no desktop here may stand on it. Lock
 * held. */
static int64_t image_size(struct module *m, const char *sha256)
{
    struct image_version *v, *vn;
    struct desktop *d, *dn;

    HASH_ITER(hh, m->images, v, vn)
    {
        if (json_str(v->body, "sha256") && strcmp(json_str(v->body, "sha256"), sha256) == 0)
            return json_num(v->body, "size", 0);
    }
    HASH_ITER(hh, m->desktops, d, dn)
    {
        if (json_str(d->row.image, "sha256") &&
            strcmp(json_str(d->row.image, "sha256"), sha256) == 0)
            return json_num(d->row.image, "size", 0);
    }
    return 0;
}

static void add_image(json_t *into, const json_t *image)
{
    const char *sha256 = json_str(image, "sha256");

    if (sha256)
        json_object_set_new(into, sha256, json_true());
}

bool agents_images(void *arg, json_t *into)
{
    struct bcenter *bc = arg;
    struct image_version *v, *vn;
    struct desktop *d, *dn;

    if (!__atomic_load_n(&bc->settled, __ATOMIC_ACQUIRE))
        return false;
    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.images, v, vn)
    {
        add_image(into, v->body);
    }
    HASH_ITER(hh, bc->m.desktops, d, dn)
    {
        add_image(into, d->row.image);
    }
    module_unlock(&bc->m);
    return true;
}

static int get_blob(const struct request *rq, struct reply *rp, struct err *e)
{
    struct bcenter *bc = rq->app;
    struct sync_set *set;
    int64_t size;

    if (admit(bc, &rq->caller.id, &set, e) < 0)
        return -1;
    module_lock(&bc->m);
    size = image_size(&bc->m, rq->path_word);
    module_unlock(&bc->m);
    if (size <= 0)
        return err_set(e, ERR_NOT_FOUND, "no desktop of this module stands on this image");
    return blob_relay_serve(bc->relay, rq->path_word, size, rp, e);
}

const struct route agents_routes[] = {
    { "GET", "/sync/v1/wanted", "node:bserver", get_wanted, HTTP_NO_TRACE_LOG },
    { "POST", "/sync/v1/observed", "node:bserver", post_observed, HTTP_NO_TRACE_LOG | HTTP_LARGE },
    { "GET", "/blobs/v1/{word}", "node:bserver", get_blob, 0 },
    { 0 },
};
