#include "bcenter/display.h"

#include <string.h>

#include "common/base/json.h"
#include "common/wire/ticket.h"

struct rank {
    int no, down, foreign, used;
};

static int used_slots(const struct bserver *b, int lane)
{
    int n = 0;

    for (int i = 0; i < b->nslots; i++)
        n += b->slots[i].lane == lane && b->slots[i].desktop;
    return n;
}

static bool before(const struct rank *a, const struct rank *b)
{
    if (a->down != b->down)
        return a->down < b->down;
    if (a->foreign != b->foreign)
        return a->foreign < b->foreign;
    if (a->used != b->used)
        return a->used < b->used;
    return a->no < b->no;
}

/* A handful: insertion keeps them in order. */
static int ranked(const struct bserver *b, int own, struct rank to[MODULE_LANES])
{
    int n = 0;

    for (int i = 0; i < b->nlanes && i < MODULE_LANES; i++) {
        struct rank r = { i, b->lane_down[i], i != own, used_slots(b, i) };
        int at = n;

        if (!b->lane_url[i][0])
            continue;
        for (; at > 0 && before(&r, &to[at - 1]); at--)
            to[at] = to[at - 1];
        to[at] = r;
        n++;
    }
    return n;
}

void display_of(const struct bserver *b, int lane, struct display *out)
{
    struct rank ranks[MODULE_LANES];
    int n = ranked(b, lane, ranks);

    out->n = n < DISPLAY_LANES ? n : DISPLAY_LANES;
    for (int i = 0; i < out->n; i++) {
        out->lane[i].no = ranks[i].no;
        memcpy(out->lane[i].url, b->lane_url[ranks[i].no], sizeof out->lane[i].url);
    }
}

json_t *display_json(const struct display *d, const char *ticket)
{
    json_t *o = json_object(), *protocols = json_array(), *others = json_array();

    json_array_append_new(protocols, json_string(TICKET_PROTOCOL));
    json_array_append_new(protocols, json_string(ticket));
    for (int i = 1; i < d->n; i++) {
        json_t *other = json_object();

        json_put_int(other, "lane", d->lane[i].no);
        json_put_str(other, "url", d->lane[i].url);
        json_array_append_new(others, other);
    }
    json_put_str(o, "url", d->lane[0].url);
    json_put_int(o, "lane", d->lane[0].no);
    json_object_set_new(o, "protocols", protocols);
    json_object_set_new(o, "others", others);
    return o;
}
