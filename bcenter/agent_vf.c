#include "bcenter/agent_vf.h"

#include <stdio.h>
#include <string.h>

#include "bcenter/publish_vf.h"
#include "bcenter/vf_ledger.h"
#include "common/base/json.h"

enum { NAMED = 4 }; /* addresses that a drift's detail names */

static int count(struct module *m, const struct bserver *b)
{
    struct vf *v, *next;
    int n = 0;

    HASH_ITER(hh, m->vfs, v, next)
    {
        n += v->bserver == b;
    }
    return n;
}

static void gone(struct bcenter *bc, struct bserver *b, const struct id *id)
{
    struct vf *v = module_vf(&bc->m, id);

    json_object_del(b->vf_refused, id->s);
    if (!v || v->bserver != b || !v->heard)
        return;
    v->heard = v->stored = b->stored = false;
    v->seen = (struct vf_seen){ .vlan = -1, .rate_mbps = -1, .spoof_check = -1, .link = -1 };
    publish_vf(bc, v);
}

static void refused(struct bserver *b, const struct id *id, const struct err *e)
{
    if (!b->vf_refused)
        b->vf_refused = json_object();
    if (json_object_size(b->vf_refused) < VF_LEDGER_MAX)
        json_object_set_new(b->vf_refused, id->s, json_string(e->detail));
}

/* A row in memory that the ledger does not have yet. */
static struct vf *make(struct bcenter *bc, struct bserver *b, const struct id *id, struct err *e)
{
    struct vf *v;

    if (count(&bc->m, b) >= VF_LEDGER_MAX) {
        err_set(e, ERR_INVALID_REQUEST, "a bServer has at most %d virtual functions",
                VF_LEDGER_MAX);
        return NULL;
    }
    v = calloc(1, sizeof *v);
    if (!v) {
        err_set(e, ERR_INTERNAL, "out of memory");
        return NULL;
    }
    v->id = *id;
    v->bserver = b;
    v->state = VF_LOST;
    HASH_ADD(hh, bc->m.vfs, id.s, ID_LEN, v);
    return v;
}

void agent_vf_take(struct bcenter *bc, struct bserver *b, const struct sync_object *o)
{
    struct vf said = { .bserver = b }, *v = module_vf(&bc->m, &o->id);
    struct err e = { 0 };

    if (o->deleted) {
        gone(bc, b, &o->id);
        return;
    }
    if (vf_ledger_read(&b->id, &o->id, o->body, &said, &e) < 0) {
        gone(bc, b, &o->id); /* what was said of it before is no longer said */
        refused(b, &o->id, &e);
        return;
    }
    if (!v && !(v = make(bc, b, &o->id, &e))) {
        refused(b, &o->id, &e);
        return;
    }
    json_object_del(b->vf_refused, o->id.s);
    if (!v->heard || strcmp(v->pf, said.pf) != 0 || v->index != said.index)
        v->stored = b->stored = false;
    v->bserver = b; /* its id says so */
    memcpy(v->pf, said.pf, sizeof v->pf);
    memcpy(v->address, said.address, sizeof v->address);
    v->index = said.index;
    v->seen = said.seen;
    v->heard = true;
    publish_vf(bc, v);
}

/* ---- drift */

static void append(json_t *drift, const char *kind, const char *detail)
{
    json_t *o = json_object();

    json_put_str(o, "kind", kind);
    json_put_str(o, "detail", detail);
    json_array_append_new(drift, o);
}

static void of_kind(struct module *m, const struct bserver *b, enum vf_drift kind, json_t *drift)
{
    char detail[160], names[96] = "";
    struct vf *v, *next;
    size_t used = 0;
    int n = 0;

    HASH_ITER(hh, m->vfs, v, next)
    {
        if (v->bserver != b || vf_ledger_drift(v) != kind)
            continue;
        if (n++ < NAMED)
            used += (size_t)snprintf(names + used, sizeof names - used, " %.15s", v->address);
    }
    if (n == 0)
        return;
    snprintf(detail, sizeof detail, "%d:%s%s", n, names, n > NAMED ? " …" : "");
    append(drift, vf_drift_word(kind), detail);
}

void agent_vf_drift(struct bcenter *bc, const struct bserver *b, json_t *drift)
{
    size_t refused_ones = json_object_size(b->vf_refused);
    const char *why;
    char detail[400];

    for (int k = VF_DRIFT_NONE + 1; k < VF_DRIFTS; k++)
        of_kind(&bc->m, b, (enum vf_drift)k, drift);
    if (refused_ones == 0)
        return;
    why = json_string_value(json_object_iter_value(json_object_iter(b->vf_refused)));
    snprintf(detail, sizeof detail, "%zu of %lld: %s", refused_ones,
             (long long)(b->set ? sync_set_count(b->set, "vf") : (int64_t)refused_ones),
             why ? why : "");
    append(drift, "vf-refused", detail);
}
