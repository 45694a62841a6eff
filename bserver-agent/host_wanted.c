#include <string.h>

#include "bserver-agent/host_state.h"
#include "common/base/json.h"
#include "common/base/log.h"

static void desktop_changed(struct host *h, const struct sync_object *o)
{
    struct id keep[WANTED_ORDERS];
    struct err e = { 0 };
    struct wanted w;

    if (o->deleted) {
        reconcile_want(h->reconcile, &o->id, NULL);
        return;
    }
    if (wanted_read(&o->id, o->body, &w, &e) < 0) {
        log_err("wanted desktop", &e);
        reconcile_refused(h->reconcile, &o->id, &e);
        return;
    }
    for (int i = 0; i < w.norders; i++)
        keep[i] = w.orders[i].id;
    intent_keep_orders(h->intents, &w.id, keep, w.norders);
    host_screen_floor(h, &w); /* an ended session loses its screen before anything else happens */
    reconcile_want(h->reconcile, &o->id, &w);
}

static void image_changed(struct host *h, const struct sync_object *o)
{
    const char *sha256 = json_str(o->body, "sha256");

    if (!o->deleted && sha256 && hypervisor_abilities(h->hypervisor)->disks)
        images_want(h->images, sha256, json_num(o->body, "size", 0), false);
}

/* ticket_key and config are looked up where they are needed. */
void host_changed(void *arg, const struct sync_object *o)
{
    struct host *h = arg;

    if (strcmp(o->kind, "desktop") == 0)
        desktop_changed(h, o);
    else if (strcmp(o->kind, "image") == 0)
        image_changed(h, o);
}

/* ---- which images have to stay */

static void add_image(json_t *into, const char *sha256)
{
    if (sha256)
        json_object_set_new(into, sha256, json_true());
}

static void add_wanted(void *arg, const struct sync_object *o)
{
    const json_t *overlay = json_object_get(o->body, "overlay");

    if (strcmp(o->kind, "image") == 0)
        add_image(arg, json_str(o->body, "sha256"));
    else if (strcmp(o->kind, "desktop") == 0)
        add_image(arg, json_str(json_object_get(overlay, "image"), "sha256"));
}

static void add_backing(void *arg, const char *path)
{
    const char *slash = strrchr(path, '/');

    add_image(arg, slash ? slash + 1 : path);
}

/* Disks first: what becomes wanted while they are looked through is seen afterwards. */
bool host_images(void *arg, json_t *into)
{
    struct host *h = arg;
    struct err e = { 0 };

    if (!sync_set_is_ready(h->wanted))
        return false;
    if (disk_backings(h->disks, add_backing, into, &e) < 0) {
        log_err("image-sweep", &e);
        return false;
    }
    sync_set_each(h->wanted, NULL, add_wanted, into);
    return true;
}
