#include "bcenter/publish_vf.h"

#include "bcenter/vf_ledger.h"
#include "common/base/json.h"

static void put_known(json_t *o, const char *key, int value)
{
    json_object_set_new(o, key, value >= 0 ? json_integer(value) : json_null());
}

static void put_tristate(json_t *o, const char *key, int value)
{
    json_object_set_new(o, key, value >= 0 ? json_boolean(value) : json_null());
}

/* Is this one clean? Asked as long as the question is open. */
static void publish_question(struct bcenter *bc, const struct vf *v)
{
    json_t *o;

    if (!vf_ledger_asks(v)) {
        sync_set_del(bc->agents, v->bserver->id.s, "vf", &v->id);
        return;
    }
    o = json_object();
    json_put_str(o, "id", v->id.s);
    json_put_str(o, "pf", v->pf);
    json_put_str(o, "address", v->address);
    json_put_str(o, "check", v->check.s);
    json_put_str(o, "mac", v->mac[0] ? v->mac : NULL);
    sync_set_put(bc->agents, v->bserver->id.s, "vf", &v->id, o);
}

void publish_vf(struct bcenter *bc, const struct vf *v)
{
    json_t *o = json_object();

    json_put_str(o, "id", v->id.s);
    json_put_str(o, "bserver_id", v->bserver->id.s);
    json_put_str(o, "pf", v->pf);
    json_put_str(o, "address", v->address);
    json_put_int(o, "index", v->index);
    json_put_str(o, "mac", v->desktop ? v->desktop->row.mac : NULL);
    json_object_set_new(o, "vlan", v->vlan ? json_integer(v->vlan) : json_null());
    json_put_str(o, "state", vf_state_word(v->state));
    json_put_str(o, "reason", vf_state_reason(v));
    if (v->since)
        json_put_time(o, "since", v->since);
    json_put_str(o, "desktop_id", v->desktop ? v->desktop->row.id.s : NULL);
    json_put_str(o, "run", v->run.s);
    json_put_str(o, "drift", vf_drift_word(vf_ledger_drift(v)));
    put_tristate(o, "spoof_check", v->seen.spoof_check);
    put_known(o, "rate_mbps", v->seen.rate_mbps);
    put_tristate(o, "link", v->seen.link);
    sync_set_put(bc->observed, "", "vf", &v->id, o);
    publish_question(bc, v);
}

void publish_vf_gone(struct bcenter *bc, const struct vf *v)
{
    sync_set_del(bc->observed, "", "vf", &v->id);
    sync_set_del(bc->agents, v->bserver->id.s, "vf", &v->id);
}

void publish_vf_counts(struct bcenter *bc, const struct bserver *b, json_t *o)
{
    int n[VF_LOST + 1] = { 0 };
    struct vf *v, *next;

    HASH_ITER(hh, bc->m.vfs, v, next)
    {
        n[v->state] += v->bserver == b;
    }
    json_put_int(o, "vfs", n[VF_FREE] + n[VF_ASSIGNED] + n[VF_QUARANTINE] + n[VF_LOST]);
    json_put_int(o, "vfs_used", n[VF_ASSIGNED] + n[VF_QUARANTINE] + n[VF_LOST]);
    json_put_int(o, "vfs_free", n[VF_FREE]);
    json_put_int(o, "vfs_quarantine", n[VF_QUARANTINE]);
    json_put_int(o, "vfs_lost", n[VF_LOST]);
}
