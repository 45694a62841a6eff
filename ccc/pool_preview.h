/*
 * pool_preview — what a pool would need of a module and what is free there. Pure: figures of the
 * mirror in, a verdict with its numbers out. The bCenter's placement has the last word when a
 * desktop is made: it knows lanes and each free function; the preview knows what was said last.
 */
#ifndef CCC_POOL_PREVIEW_H
#define CCC_POOL_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum { POOL_PREVIEW_MODULE_MAX = 1000 };

/* Of one desktop, as bcenter/placement.h counts it. */
struct pool_demand {
    int64_t memory_mib, storage_gib;
    bool needs_vf;
};
struct pool_host {
    bool up;   /* heard of and in service */
    bool runs; /* has the image's format and a network for such a desktop */
    int64_t slots, memory_mib, storage_gib, vfs; /* free; storage -1: nothing to count */
};
struct pool_resources {
    int64_t slots, memory_mib, storage_gib, vfs;
};
struct pool_module_facts {
    const struct pool_host *hosts;
    int nhosts;
    int64_t size, made;             /* what the share asks for, and what is there of it */
    int64_t others;                 /* shares of other pools here */
    struct pool_resources promised; /* what other pools' shares may still take */
};
struct pool_verdict {
    int64_t add, room; /* desktops to be made, and how many of them fit */
    struct pool_resources needs, free;
    int up;                /* hosts in service */
    enum err_code law;     /* ERR_NONE: it fits; else the law that breaks */
    int64_t wanted, limit; /* LAW_MODULE: its numbers */
};

struct pool_demand pool_demand_of(int64_t memory_mib, int64_t disk_bytes, bool floating,
                                  bool needs_vf);
void pool_preview(const struct pool_module_facts *m, const struct pool_demand *d,
                  struct pool_verdict *out);

#endif
