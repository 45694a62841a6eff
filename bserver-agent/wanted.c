#include "bserver-agent/wanted.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"

static int refuse(struct err *e, const char *key)
{
    err_set(e, ERR_INVALID_REQUEST, "a member of the wanted desktop is of the wrong kind");
    return err_pointer(e, "/%s", key);
}

static bool absent(const json_t *v)
{
    return !v || json_is_null(v);
}

/* Text of at most size - 1 bytes; absent or null leaves "". */
static int text(const json_t *o, const char *key, char *to, size_t size, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    to[0] = '\0';
    if (absent(v))
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= size ||
        strlen(json_string_value(v)) != json_string_length(v))
        return refuse(e, key);
    memcpy(to, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

static int whole(const json_t *o, const char *key, int64_t max, int64_t *to, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    *to = 0;
    if (absent(v))
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return refuse(e, key);
    *to = json_integer_value(v);
    return 0;
}

static int flag(const json_t *o, const char *key, bool *to, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    *to = false;
    if (absent(v))
        return 0;
    if (!json_is_boolean(v))
        return refuse(e, key);
    *to = json_is_true(v);
    return 0;
}

static int uuid(const json_t *o, const char *key, struct id *to, struct err *e)
{
    const json_t *v = json_object_get(o, key);

    to->s[0] = '\0';
    return absent(v) || id_parse(json_string_value(v), to) ? 0 : refuse(e, key);
}

static bool one_of(const char *const words[], const char *s)
{
    for (; *words; words++)
        if (strcmp(*words, s) == 0)
            return true;
    return false;
}

/* One of the words, the first one if absent. */
static int word(const json_t *o, const char *key, const char *const words[], char to[8],
                struct err *e)
{
    if (text(o, key, to, 8, e) < 0)
        return -1;
    if (!to[0])
        memcpy(to, words[0], strlen(words[0]) + 1);
    return one_of(words, to) ? 0 : refuse(e, key);
}

static int mac(const json_t *o, const char *key, char to[WANTED_MAC], struct err *e)
{
    if (text(o, key, to, WANTED_MAC, e) < 0)
        return -1;
    if (!to[0])
        return 0;
    for (int i = 0; i < WANTED_MAC - 1; i++) {
        bool fits = i % 3 == 2 ? to[i] == ':' : to[i] && strchr("0123456789abcdefABCDEF", to[i]);

        if (!fits)
            return refuse(e, key);
    }
    return 0;
}

/* [A-Za-z0-9._@-]: what a locale, a keyboard, an interface name may look like. */
static int token(const json_t *o, const char *key, char *to, size_t size, struct err *e)
{
    if (text(o, key, to, size, e) < 0)
        return -1;
    for (const char *s = to; *s; s++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@:-", *s))
            return refuse(e, key);
    return 0;
}

static int read_overlay(const json_t *o, struct wanted_overlay *to, struct err *e)
{
    static const char *const formats[] = { "qcow2", "raw", NULL };
    const json_t *image = json_object_get(o, "image");

    if (absent(o))
        return 0;
    if (!json_is_object(o) || !json_is_object(image))
        return refuse(e, "overlay");
    if (uuid(o, "id", &to->id, e) < 0 || whole(o, "disk_gib", 65536, &to->disk_gib, e) < 0 ||
        text(image, "sha256", to->sha256, sizeof to->sha256, e) < 0 ||
        whole(image, "size", INT64_MAX, &to->image_size, e) < 0 ||
        whole(image, "virtual_size", INT64_MAX, &to->virtual_size, e) < 0 ||
        word(image, "format", formats, to->format, e) < 0)
        return -1;
    if (!id_set(&to->id) || !text_hex(to->sha256, 64))
        return refuse(e, "overlay");
    return 0;
}

static int read_spec(const json_t *o, struct wanted *w, struct err *e)
{
    static const char *const firmware[] = { "bios", "uefi", NULL };
    static const char *const buses[] = { "virtio", "sata", "scsi", NULL };
    static const char *const nics[] = { "virtio", "e1000", NULL };
    static const char *const videos[] = { "virtio", "vga", "qxl", NULL };
    char fw[8];

    if (!json_is_object(o))
        return refuse(e, "spec");
    if (whole(o, "vcpus", 256, &w->vcpus, e) < 0 ||
        whole(o, "memory_mib", 16 << 20, &w->memory_mib, e) < 0 ||
        word(o, "firmware", firmware, fw, e) < 0 || flag(o, "tpm", &w->tpm, e) < 0 ||
        word(o, "disk_bus", buses, w->disk_bus, e) < 0 ||
        word(o, "nic_model", nics, w->nic_model, e) < 0 ||
        word(o, "video", videos, w->video, e) < 0)
        return -1;
    w->uefi = fw[0] == 'u';
    if (w->vcpus < 1 || w->memory_mib < 16)
        return refuse(e, "spec");
    return 0;
}

static int read_vf(const json_t *o, struct wanted *w, struct err *e)
{
    if (absent(o))
        return 0;
    if (!json_is_object(o))
        return refuse(e, "vf");
    if (uuid(o, "id", &w->vf.id, e) < 0 || token(o, "pf", w->vf.pf, sizeof w->vf.pf, e) < 0 ||
        token(o, "address", w->vf.address, sizeof w->vf.address, e) < 0 ||
        whole(o, "index", 4096, &w->vf.index, e) < 0 || mac(o, "mac", w->vf.mac, e) < 0 ||
        whole(o, "vlan", 4094, &w->vf.vlan, e) < 0)
        return -1;
    w->has_vf = true;
    return w->vf.address[0] ? 0 : refuse(e, "vf");
}

static int read_identity(const json_t *o, struct wanted *w, struct err *e)
{
    if (absent(o))
        return 0;
    if (!json_is_object(o))
        return refuse(e, "identity");
    if (text(o, "hostname", w->hostname, sizeof w->hostname, e) < 0 ||
        token(o, "locale", w->locale, sizeof w->locale, e) < 0 ||
        token(o, "keyboard", w->keyboard, sizeof w->keyboard, e) < 0)
        return -1;
    if (!text_hostname(w->hostname)) /* a desktop's name need not be one: then the guest chooses */
        w->hostname[0] = '\0';
    return 0;
}

static int read_orders(json_t *list, struct wanted *w, struct err *e)
{
    size_t i;
    json_t *o;

    if (absent(list))
        return 0;
    if (!json_is_array(list))
        return refuse(e, "orders");
    json_array_foreach(list, i, o)
    {
        struct wanted_order order = { 0 }, *to = &order;
        const char *verb = json_str(o, "verb"), *deadline = json_str(o, "deadline");

        if (!json_id(o, "id", &to->id) || !json_id(o, "run", &to->run) || !verb)
            return refuse(e, "orders");
        if ((strcmp(verb, "reset") && strcmp(verb, "reboot")) || w->norders == WANTED_ORDERS)
            continue;
        to->reset = strcmp(verb, "reset") == 0;
        if (deadline && !clock_parse(deadline, &to->deadline_ms))
            return refuse(e, "orders");
        w->orders[w->norders++] = order;
    }
    return 0;
}

/* What is no object of its own. */
static int read_plain(const json_t *body, struct wanted *w, struct err *e)
{
    char how[16];

    if (text(body, "name", w->name, sizeof w->name, e) < 0 ||
        whole(body, "generation", INT64_MAX, &w->generation, e) < 0 ||
        flag(body, "deleting", &w->deleting, e) < 0 || uuid(body, "run", &w->run, e) < 0 ||
        text(body, "stop_how", how, sizeof how, e) < 0 || mac(body, "mac", w->mac, e) < 0 ||
        flag(body, "user_net", &w->user_net, e) < 0 || whole(body, "lane", 255, &w->lane, e) < 0 ||
        text(body, "guest", w->guest, sizeof w->guest, e) < 0 ||
        whole(body, "session_floor", INT64_MAX, &w->session_floor, e) < 0 ||
        uuid(body, "live_session", &w->live_session, e) < 0)
        return -1;
    w->destroy = strcmp(how, "destroy") == 0;
    return 0;
}

int wanted_read(const struct id *id, const json_t *body, struct wanted *out, struct err *e)
{
    struct wanted w = { .id = *id };

    if (!json_is_object(body))
        return refuse(e, "");
    if (read_plain(body, &w, e) < 0 ||
        read_overlay(json_object_get(body, "overlay"), &w.overlay, e) < 0 ||
        read_spec(json_object_get(body, "spec"), &w, e) < 0 ||
        read_vf(json_object_get(body, "vf"), &w, e) < 0 ||
        read_identity(json_object_get(body, "identity"), &w, e) < 0 ||
        read_orders(json_object_get(body, "orders"), &w, e) < 0)
        return -1;
    *out = w;
    return 0;
}
