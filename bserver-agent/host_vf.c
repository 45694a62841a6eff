/*
 * host_vf — the host's virtual functions: what they are, who uses them, and whether one that was
 * given back is clean (docs/vf.md). A question is read before the look that answers it, so that
 * no answer rests on what was before its question.
 */
#include <stdio.h>
#include <string.h>

#include "bserver-agent/host_state.h"
#include "bserver-agent/vf_reset.h"
#include "bserver-agent/vf_users.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { LOOK_MS = 60000, AGAIN_MS = 10000 };

#define SYSFS "/sys"
#define NO_MAC "00:00:00:00:00:00"

struct question {
    struct id check;
    char address[16], mac[18];
};
struct questions {
    struct question *all;
    int n;
};

static void add_question(void *arg, const struct sync_object *o)
{
    const char *address = json_str(o->body, "address"), *mac = json_str(o->body, "mac");
    struct questions *q = arg;
    struct question *to = &q->all[q->n];

    if (q->n >= INVENTORY_VFS || !address || !json_id(o->body, "check", &to->check))
        return;
    snprintf(to->address, sizeof to->address, "%s", address);
    snprintf(to->mac, sizeof to->mac, "%s", mac ? mac : "");
    q->n++;
}

static struct questions questions_of(struct host *h)
{
    struct questions q = { .n = 0 };

    if (h->wanted && sync_set_count(h->wanted, "vf") > 0)
        q.all = calloc(INVENTORY_VFS, sizeof *q.all);
    if (q.all)
        sync_set_each(h->wanted, "vf", add_question, &q);
    return q;
}

static struct inventory_vf *by_address(struct inventory *v, const char *address)
{
    for (int i = 0; i < v->nvfs; i++)
        if (strcmp(v->vfs[i].address, address) == 0)
            return &v->vfs[i];
    return NULL;
}

/* ---- what the kernel holds */

/* The VFs of one physical function lie side by side in the list. */
static void read_links(struct inventory *v)
{
    struct vf_link *all = calloc(INVENTORY_VFS, sizeof *all);
    struct err e = { 0 };

    for (int i = 0; all && i < v->nvfs; i++) {
        const struct inventory_vf *one = &v->vfs[i];

        if (i == 0 || strcmp(one->pf, v->vfs[i - 1].pf) != 0) {
            memset(all, 0, INVENTORY_VFS * sizeof *all);
            if (vf_link_read(one->pf, all, INVENTORY_VFS, &e) < 0)
                log_err("vf-link", &e);
        }
        if (one->index >= 0 && one->index < INVENTORY_VFS)
            v->vfs[i].link = all[one->index];
        v->vf_links = v->vf_links || v->vfs[i].link.known;
    }
    free(all);
}

static bool resets(const struct inventory *v)
{
    for (int i = 0; i < v->nvfs; i++)
        if (!vf_reset_there(SYSFS, v->vfs[i].address))
            return false;
    return v->nvfs > 0;
}

/* ---- setting */

static void set(const struct inventory_vf *v, const struct vf_link_wish *w, const char *what)
{
    struct err e = { 0 };

    if (vf_link_set(v->pf, w, &e) < 0)
        log_err("vf-set", &e);
    else
        log_notice("event=vf-set vf=%s what=%s", v->address, what);
}

/* What has to be set anew; false: nothing. */
static bool differs(const struct vf_link *is, const struct wanted *want, struct vf_link_wish *w)
{
    const char *mac = want->vf.mac[0] ? want->vf.mac : want->mac;

    if (mac[0] && strcasecmp(mac, is->mac) != 0)
        w->mac = mac;
    if (is->vlan >= 0 && is->vlan != want->vf.vlan)
        w->vlan = (int)want->vf.vlan;
    if (is->spoof_check == 0)
        w->spoof_check = 1;
    return w->mac || w->vlan >= 0 || w->spoof_check >= 0;
}

/* Its owner runs on it: what the ledger says is set anew where the kernel holds something else. */
static void repair(struct host *h, const struct inventory_vf *v)
{
    json_auto_t *body = sync_set_get(h->wanted, h->spec.bserver.s, "desktop", &v->user);
    struct vf_link_wish w = { .index = v->index, .vlan = -1, .spoof_check = -1, .rate_mbps = -1 };
    struct wanted want;
    struct err e = { 0 };

    if (!v->link.known || !v->ours || !body || wanted_read(&v->user, body, &want, &e) < 0 ||
        !want.has_vf || strcmp(want.vf.address, v->address) != 0)
        return;
    if (differs(&v->link, &want, &w))
        set(v, &w, "as the ledger says");
}

/* Nothing of its last owner is left, as far as it can be seen. */
static bool neutral(const struct inventory_vf *v, const char *was)
{
    const char *mac = v->link.mac[0] ? v->link.mac : v->mac;

    return (!was[0] || strcasecmp(mac, was) != 0) && (!v->link.known || v->link.vlan <= 0);
}

static void neutralize(struct inventory_vf *v, const char *was)
{
    const struct vf_link_wish w = {
        .index = v->index, .mac = NO_MAC, .vlan = 0, .spoof_check = 1, .rate_mbps = 0
    };
    struct vf_link *all;
    struct err e = { 0 };

    /* Spoof check and rate are set right for the next owner, where the driver takes them. */
    if (!v->link.known || (neutral(v, was) && v->link.spoof_check != 0 && v->link.rate_mbps <= 0))
        return;
    set(v, &w, "neutral");
    all = calloc(INVENTORY_VFS, sizeof *all);
    if (all && vf_link_read(v->pf, all, INVENTORY_VFS, &e) == 0)
        v->link = all[v->index];
    free(all);
}

static void answer(struct host *h, struct inventory *inv, const struct question *q)
{
    bool simulated = hypervisor_abilities(h->hypervisor)->kind == HYPERVISOR_SIMULATED;
    struct inventory_vf *v = by_address(inv, q->address);
    struct err e = { 0 };

    if (!v)
        return;
    v->check = q->check;
    v->clean = false;
    v->why = "in-use";
    if (v->used)
        return;
    v->why = "reset-failed";
    if (!simulated && inv->vf_resets && vf_reset(SYSFS, v->address, &e) < 0) {
        log_err("vf-reset", &e);
        return;
    }
    v->why = "settings-left";
    neutralize(v, q->mac);
    if (!neutral(v, q->mac))
        return;
    v->clean = true;
    v->why = NULL;
}

/* ---- looking */

static void take_users(struct inventory *v, const struct vf_users *users)
{
    for (int i = 0; i < v->nvfs; i++) {
        const struct vf_user *u = vf_users_of(users, v->vfs[i].address);

        v->vfs[i].used = u != NULL;
        if (!u)
            continue;
        v->vfs[i].ours = u->ours;
        v->vfs[i].user = u->user;
        v->vfs[i].run = u->run;
    }
}

int host_vf_look(struct host *h, struct inventory *out, struct err *e)
{
    bool simulated = hypervisor_abilities(h->hypervisor)->kind == HYPERVISOR_SIMULATED;
    struct questions q = questions_of(h); /* first: see above */
    struct vf_users users = { 0 };
    struct inventory fresh = { 0 };
    int rc = inventory_take(h->hypervisor, SYSFS, &fresh, e);

    if (rc == 0 && fresh.nvfs > 0 && (rc = vf_users_take(h->hypervisor, &users, e)) < 0)
        inventory_free(&fresh);
    if (rc == 0 && !simulated) {
        fresh.vf_resets = resets(&fresh);
        read_links(&fresh);
    }
    if (rc == 0) {
        take_users(&fresh, &users);
        for (int i = 0; h->wanted && !simulated && i < fresh.nvfs; i++)
            if (fresh.vfs[i].used)
                repair(h, &fresh.vfs[i]);
        for (int i = 0; i < q.n; i++)
            answer(h, &fresh, &q.all[i]);
        *out = fresh;
    }
    vf_users_free(&users);
    free(q.all);
    return rc;
}

/* Is there a question without an answer, or one whose answer is not "clean"? */
static void open_questions(struct host *h, bool *unanswered, bool *unclean)
{
    struct questions q = questions_of(h);

    *unanswered = *unclean = false;
    pthread_mutex_lock(&h->lock);
    for (int i = 0; i < q.n; i++) {
        const struct inventory_vf *v = by_address(&h->inventory, q.all[i].address);

        if (v && !id_eq(&v->check, &q.all[i].check))
            *unanswered = true;
        else if (v && !v->clean)
            *unclean = true;
    }
    pthread_mutex_unlock(&h->lock);
    free(q.all);
}

void host_vf_keep(struct host *h, int64_t now)
{
    int64_t since = now - h->vf_looked_ms;
    bool unanswered, unclean;
    struct inventory fresh;
    struct err e = { 0 };

    open_questions(h, &unanswered, &unclean);
    if (!unanswered && since < (unclean ? AGAIN_MS : LOOK_MS))
        return;
    h->vf_looked_ms = now;
    if (host_vf_look(h, &fresh, &e) < 0) {
        log_err("inventory", &e);
        return;
    }
    pthread_mutex_lock(&h->lock);
    inventory_free(&h->inventory);
    h->inventory = fresh;
    pthread_mutex_unlock(&h->lock);
}
