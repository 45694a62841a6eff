#include "common/sync/seen.h"

#include <stdlib.h>

bool seen_add(struct seen_list *l, const struct sync_object *o, struct body *body)
{
    if (l->n == l->room) {
        size_t room = l->room ? l->room * 2 : 64;
        struct seen *more = reallocarray(l->items, room, sizeof *more);

        if (!more)
            return false;
        l->items = more;
        l->room = room;
    }
    l->items[l->n] = (struct seen){ *o, body_keep(body) };
    l->items[l->n++].o.body = NULL;
    return true;
}

bool seen_entry(struct seen_list *l, const struct entry *en)
{
    struct sync_object o;

    store_view(en, &o);
    return seen_add(l, &o, en->body);
}

bool seen_open(struct seen *one)
{
    if (one->body && !one->o.body)
        one->o.body = body_tree(one->body);
    return one->o.body || !one->body;
}

void seen_close(struct seen *one)
{
    json_decref(one->o.body);
    one->o.body = NULL;
    body_drop(one->body);
    one->body = NULL;
}

void seen_clear(struct seen_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        seen_close(&l->items[i]);
    free(l->items);
    *l = (struct seen_list){ 0 };
}
