#include "bcenter/broker_turn.h"

#include "bcenter/publish.h"

static bool served(const struct module *m, const struct holding *key)
{
    const struct asking *a = m->asking;

    while (a && !(id_eq(&a->key.pool, &key->pool) && id_eq(&a->key.who, &key->who)))
        a = a->next;
    return a != NULL;
}

int broker_turn_take(struct bcenter *bc, const struct broker_ask *ask, int64_t until,
                     struct asking *a, struct err *e)
{
    struct desktop *d;
    bool mine;

    module_lock(&bc->m);
    d = id_set(&ask->desktop) ? module_desktop(&bc->m, &ask->desktop) : NULL;
    a->key = (struct holding){ d ? d->row.pool : ask->pool, ask->person };
    a->share_generation = 0;
    while (served(&bc->m, &a->key) && module_wait(&bc->m, until)) {
    }
    mine = !served(&bc->m, &a->key);
    if (mine) {
        struct pool *p = module_pool(&bc->m, &a->key.pool);

        a->share_generation = p ? p->share_generation : 0;
        a->next = bc->m.asking;
        bc->m.asking = a;
    }
    module_unlock(&bc->m);
    return mine ? 0
                : err_set(e, ERR_TX_CONFLICT, "you are being connected by another request already");
}

void broker_turn_end(struct bcenter *bc, struct asking *a)
{
    struct asking **at = &bc->m.asking;
    struct pool *p;

    module_lock(&bc->m);
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    if ((p = module_pool(&bc->m, &a->key.pool)))
        publish_share(bc, p);
    pthread_cond_broadcast(&bc->m.changed);
    module_unlock(&bc->m);
}
