#include "bcenter/vf_ledger.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"

enum { LOST_KEEP_MS = 3600000, ADDRESS_LEN = 12, RATE_MAX = 1000000 };

/* ---- reading a report */

static int refuse(struct err *e, const char *member)
{
    return err_set(e, ERR_INVALID_REQUEST, "a virtual function's %s is not one", member);
}

static bool shaped(const char *s, const char *shape)
{
    for (; *shape; s++, shape++) {
        bool fits = *shape == 'x' ? *s && strchr("0123456789abcdef", *s) : *s == *shape;

        if (!fits)
            return false;
    }
    return *s == '\0';
}

/* "0000:01:10.7": lower case, four, two, two digits, a function from 0 to 7. */
static bool address_ok(const char *s)
{
    return s && shaped(s, "xxxx:xx:xx.x") && s[ADDRESS_LEN - 1] >= '0' && s[ADDRESS_LEN - 1] <= '7';
}

static bool name_ok(const char *s)
{
    if (!s || !s[0] || strlen(s) >= sizeof((struct vf *)0)->pf)
        return false;
    for (; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-", *s))
            return false;
    return true;
}

/* Absent or null: `unknown`. False: there, and no number within its bounds. */
static bool number(const json_t *o, const char *key, int64_t max, int unknown, int *to)
{
    const json_t *v = json_object_get(o, key);

    *to = unknown;
    if (!v || json_is_null(v))
        return true;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return false;
    *to = (int)json_integer_value(v);
    return true;
}

static bool tristate(const json_t *o, const char *key, int *to)
{
    const json_t *v = json_object_get(o, key);

    *to = json_is_true(v) ? 1 : json_is_false(v) ? 0 : -1;
    return !v || json_is_null(v) || json_is_boolean(v);
}

static enum vf_unclean why_from(const char *word)
{
    if (!word)
        return VF_UNCLEAN_UNSAID;
    if (strcmp(word, "in-use") == 0)
        return VF_UNCLEAN_USED;
    return strcmp(word, "reset-failed") == 0 ? VF_UNCLEAN_RESET : VF_UNCLEAN_LEFT;
}

static int read_use(const json_t *used, struct vf_seen *s, struct err *e)
{
    if (!used || json_is_null(used))
        return 0;
    if (!json_is_object(used))
        return refuse(e, "used_by");
    s->used = true;
    s->ours = json_flag(used, "ours", false);
    json_id(used, "id", &s->user);
    json_id(used, "run", &s->user_run);
    return 0;
}

static int read_seen(const json_t *body, struct vf_seen *s, struct err *e)
{
    const char *mac = json_str(body, "mac");

    if (mac && !shaped(mac, "xx:xx:xx:xx:xx:xx"))
        return refuse(e, "mac");
    snprintf(s->mac, sizeof s->mac, "%s", mac ? mac : "");
    if (!number(body, "vlan", 4094, -1, &s->vlan))
        return refuse(e, "vlan");
    if (!number(body, "rate_mbps", RATE_MAX, -1, &s->rate_mbps))
        return refuse(e, "rate_mbps");
    if (!tristate(body, "spoof_check", &s->spoof_check) || !tristate(body, "link", &s->link))
        return refuse(e, "spoof_check or link");
    if (read_use(json_object_get(body, "used_by"), s, e) < 0)
        return -1;
    s->clean = json_id(body, "check", &s->check) && json_flag(body, "clean", false);
    s->why = s->clean || !id_set(&s->check) ? VF_UNCLEAN_NONE : why_from(json_str(body, "why"));
    return 0;
}

int vf_ledger_read(const struct id *bserver, const struct id *id, const json_t *body, struct vf *v,
                   struct err *e)
{
    const char *pf = json_str(body, "pf"), *address = json_str(body, "address");
    struct vf_seen seen = { 0 };
    struct id own;
    int index;

    if (!address_ok(address))
        return refuse(e, "address");
    own = id_v5(bserver->s, address);
    if (!id_eq(&own, id))
        return err_set(e, ERR_INVALID_REQUEST, "the virtual function is not one of this bServer");
    if (!name_ok(pf))
        return refuse(e, "pf");
    if (!number(body, "index", VF_INDEX_MAX, 0, &index))
        return refuse(e, "index");
    if (read_seen(body, &seen, e) < 0)
        return -1;
    snprintf(v->pf, sizeof v->pf, "%s", pf);
    snprintf(v->address, sizeof v->address, "%s", address);
    v->index = index;
    v->seen = seen;
    return 0;
}

/* ---- deciding */

static bool used_by_owner(const struct vf *v)
{
    return v->seen.used && v->seen.ours && v->desktop && id_eq(&v->seen.user, &v->desktop->row.id);
}

bool vf_ledger_usable(const struct vf *v)
{
    return v->state == VF_FREE && v->stored && v->heard && !v->desktop && !v->seen.used;
}

bool vf_ledger_asks(const struct vf *v)
{
    return v->state == VF_QUARANTINE && v->heard && id_set(&v->check);
}

enum vf_step vf_ledger_next(const struct vf *v, int64_t now_ms)
{
    if (v->state == VF_LOST)
        return !v->desktop && !v->heard && now_ms - v->since >= LOST_KEEP_MS ? VF_STEP_FORGET
                                                                             : VF_STEP_NONE;
    if (!v->heard)
        return VF_STEP_NONE;
    if (v->state == VF_FREE && v->seen.used)
        return VF_STEP_SUSPECT;
    if (vf_ledger_asks(v) && id_eq(&v->check, &v->seen.check) && v->seen.clean && !v->seen.used)
        return VF_STEP_CLEAN;
    return VF_STEP_NONE;
}

static enum vf_drift settings(const struct vf *v)
{
    const struct vf_seen *s = &v->seen;

    if (s->mac[0] && strcasecmp(s->mac, v->desktop->row.mac) != 0)
        return VF_DRIFT_MAC;
    if (s->vlan >= 0 && s->vlan != v->vlan)
        return VF_DRIFT_VLAN;
    return s->spoof_check == 0 ? VF_DRIFT_SPOOF : VF_DRIFT_NONE;
}

static enum vf_drift unclean(const struct vf *v)
{
    if (!id_eq(&v->check, &v->seen.check) || v->seen.clean)
        return strcmp(v->reason, "new") == 0 ? VF_DRIFT_NEW : VF_DRIFT_NONE;
    switch (v->seen.why) {
    case VF_UNCLEAN_RESET: return VF_DRIFT_RESET;
    case VF_UNCLEAN_LEFT:
    case VF_UNCLEAN_UNSAID: return VF_DRIFT_UNCLEAN;
    case VF_UNCLEAN_USED:
    case VF_UNCLEAN_NONE: break;
    }
    return VF_DRIFT_NONE;
}

enum vf_drift vf_ledger_drift(const struct vf *v)
{
    if (v->state == VF_LOST)
        return v->desktop ? VF_DRIFT_VANISHED : VF_DRIFT_NONE;
    if (!v->heard)
        return VF_DRIFT_NONE;
    if (v->seen.used && !used_by_owner(v))
        return v->seen.ours ? VF_DRIFT_MISUSED : VF_DRIFT_FOREIGN;
    if (used_by_owner(v))
        return settings(v);
    return v->state == VF_QUARANTINE ? unclean(v) : VF_DRIFT_NONE;
}

const char *vf_drift_word(enum vf_drift d)
{
    static const char *const words[VF_DRIFTS] = {
        [VF_DRIFT_FOREIGN] = "vf-foreign",
        [VF_DRIFT_MISUSED] = "vf-misused",
        [VF_DRIFT_VANISHED] = "vf-vanished",
        [VF_DRIFT_MAC] = "vf-mac",
        [VF_DRIFT_VLAN] = "vf-vlan",
        [VF_DRIFT_SPOOF] = "vf-spoof",
        [VF_DRIFT_RESET] = "vf-reset-failed",
        [VF_DRIFT_UNCLEAN] = "vf-unclean",
        [VF_DRIFT_NEW] = "vf-new",
    };

    return words[d];
}

const char *vf_state_reason(const struct vf *v)
{
    return v->reason[0] ? v->reason : NULL;
}
