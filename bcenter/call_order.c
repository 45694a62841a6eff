#include "bcenter/call_order.h"

static struct call_seen *find(struct call_orders *o, const struct id *key)
{
    for (int i = 0; i < CALL_ORDERS; i++)
        if (id_eq(&o->seen[i].key, key))
            return &o->seen[i];
    return NULL;
}

/* With the lock held. False: a later one came before. */
static bool take(struct call_orders *o, const struct id *key, int64_t attempt)
{
    struct call_seen *s = find(o, key);

    if (s && attempt < s->attempt)
        return false;
    if (!s && attempt > 0) {
        s = &o->seen[o->next];
        o->next = (o->next + 1) % CALL_ORDERS;
        s->key = *key;
    }
    if (s)
        s->attempt = attempt;
    return true;
}

int call_order_take(struct call_orders *o, const struct id *key, int64_t attempt, struct err *e)
{
    bool taken;

    if (!id_set(key))
        return 0;
    pthread_mutex_lock(&o->lock);
    taken = take(o, key, attempt);
    pthread_mutex_unlock(&o->lock);
    return taken ? 0 : err_set(e, ERR_SUPERSEDED, "this call has come again on another way");
}
