#include "ccc/pool_preview.h"

enum { OVERHEAD_MIB = 128 }; /* what QEMU needs beside a desktop's memory: bcenter/placement.h */

struct pool_demand pool_demand_of(int64_t memory_mib, int64_t disk_bytes, bool floating,
                                  bool needs_vf)
{
    int64_t gib = (disk_bytes + (1LL << 30) - 1) >> 30;

    if (floating) /* lives for a session: a quarter of its size is kept for it */
        gib = (gib + 3) / 4;
    return (struct pool_demand){ memory_mib + OVERHEAD_MIB, gib < 1 ? 1 : gib, needs_vf };
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* How many fit by one law alone, and by all of them; each desktop lies in one host. */
struct fits {
    int64_t slots, memory, storage, vfs, all;
    bool store_counts;
};

static void add_host(struct fits *f, const struct pool_host *h, const struct pool_demand *d)
{
    int64_t memory = h->memory_mib / d->memory_mib, all = least(h->slots, memory);

    f->slots += h->slots;
    f->memory += memory;
    if (h->storage_gib >= 0) {
        f->storage += h->storage_gib / d->storage_gib;
        all = least(all, h->storage_gib / d->storage_gib);
    } else {
        f->storage += h->slots; /* no store of its own: its places are the limit */
    }
    if (d->needs_vf) {
        f->vfs += h->vfs;
        all = least(all, h->vfs);
    }
    f->all += all;
}

/* What other pools' shares may still take is not free. */
static void take_promised(struct fits *f, const struct pool_resources *p,
                          const struct pool_demand *d)
{
    f->slots -= p->slots;
    f->memory -= ceil_div(p->memory_mib, d->memory_mib);
    if (f->store_counts)
        f->storage -= ceil_div(p->storage_gib, d->storage_gib);
    f->vfs -= p->vfs;
    f->all = least(f->all, least(f->slots, f->memory));
    if (f->store_counts)
        f->all = least(f->all, f->storage);
    if (d->needs_vf)
        f->all = least(f->all, f->vfs);
    f->all = f->all < 0 ? 0 : f->all;
}

/* The law that breaks: in the order in which placement asks them, then the tightest. */
static enum err_code law_of(const struct fits *f, const struct pool_demand *d, int64_t add)
{
    int64_t tightest = f->slots;
    enum err_code law = ERR_LAW_SLOTS;

    if (f->all >= add)
        return ERR_NONE;
    if (f->slots < add)
        return ERR_LAW_SLOTS;
    if (f->memory < tightest) {
        tightest = f->memory;
        law = ERR_LAW_MEMORY;
    }
    if (f->store_counts && f->storage < tightest) {
        tightest = f->storage;
        law = ERR_LAW_STORAGE;
    }
    if (d->needs_vf && f->vfs < tightest)
        law = ERR_LAW_VF;
    return law;
}

static void sum_hosts(const struct pool_module_facts *m, const struct pool_demand *d,
                      struct fits *f, struct pool_verdict *v, int *runs)
{
    for (int i = 0; i < m->nhosts; i++) {
        const struct pool_host *h = &m->hosts[i];

        if (!h->up)
            continue;
        v->up++;
        if (!h->runs)
            continue;
        (*runs)++;
        f->store_counts = f->store_counts || h->storage_gib >= 0;
        v->free.slots += h->slots;
        v->free.memory_mib += h->memory_mib;
        v->free.storage_gib += h->storage_gib > 0 ? h->storage_gib : 0;
        v->free.vfs += h->vfs;
        add_host(f, h, d);
    }
}

static int64_t rest(int64_t free, int64_t promised)
{
    return free > promised ? free - promised : 0;
}

void pool_preview(const struct pool_module_facts *m, const struct pool_demand *d,
                  struct pool_verdict *out)
{
    struct pool_verdict v = { .add = m->size > m->made ? m->size - m->made : 0 };
    struct fits f = { 0 };
    int runs = 0;

    sum_hosts(m, d, &f, &v, &runs);
    take_promised(&f, &m->promised, d);
    v.needs = (struct pool_resources){ v.add, v.add * d->memory_mib,
                                       f.store_counts ? v.add * d->storage_gib : 0,
                                       d->needs_vf ? v.add : 0 };
    v.free = (struct pool_resources){ rest(v.free.slots, m->promised.slots),
                                      rest(v.free.memory_mib, m->promised.memory_mib),
                                      rest(v.free.storage_gib, m->promised.storage_gib),
                                      rest(v.free.vfs, m->promised.vfs) };
    v.room = least(f.all, v.add);
    v.wanted = m->others + m->size;
    v.limit = POOL_PREVIEW_MODULE_MAX;
    if (v.add > 0 && v.wanted > v.limit)
        v.law = ERR_LAW_MODULE;
    else if (v.add > 0 && v.up > 0 && runs == 0)
        v.law = ERR_LAW_CAPABILITY;
    else if (v.add > 0)
        v.law = law_of(&f, d, v.add);
    *out = v;
}
