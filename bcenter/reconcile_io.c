/*
 * The I/O law between samples: administrators' figures take effect, what was learned is written,
 * the CCC is told.
 */
#include "bcenter/io_store.h"
#include "bcenter/publish.h"
#include "bcenter/publish_io.h"
#include "bcenter/reconcile.h"
#include "common/base/clock.h"
#include "common/base/log.h"

void reconcile_io(struct bcenter *bc)
{
    static int64_t next_ms;
    int64_t now = clock_boot_ms();
    struct bserver *b, *next;
    struct err e = { 0 };

    module_lock(&bc->m);
    HASH_ITER(hh, bc->m.bservers, b, next)
    {
        io_host_take_given(&bc->m, b, clock_wall_ms());
        if (publish_io_due(&bc->m, b, now))
            publish_bserver(bc, b);
    }
    publish_io_pools(bc);
    module_unlock(&bc->m);
    if (io_store_write(bc, bc->reconcile_db, now >= next_ms, &e) < 0)
        log_err("io-store", &e);
    else if (now >= next_ms)
        next_ms = now + IO_STORE_MS;
}
