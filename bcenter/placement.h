/*
 * placement — which bServer gets a new desktop. Pure: no clock, no I/O, no memory taken; the same
 * inputs give the same answer, whatever the order of the candidates (docs/broker.md).
 *
 * A candidate that breaks a law is filtered with the law as its verdict. Among the rest: most free
 * I/O, in eighths of the host's limit (docs/iolaw.md), then most free slots, then most free memory,
 * then the rendezvous weight of (desktop, bServer). The same order is asked when a person is given
 * one of several spares.
 */
#ifndef BCENTER_PLACEMENT_H
#define BCENTER_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { PLACEMENT_LANES = 16, PLACEMENT_HOSTS = 16, PLACEMENT_OVERHEAD_MIB = 128 };
enum { PLACEMENT_LANE_MOST = 63, PLACEMENT_IO_UNIT = 1000 /* uio: thousandths of a request/s */ };
#define PLACEMENT_IO_MOST INT64_C(1000000000000)

enum verdict {
    VERDICT_FITS,
    VERDICT_STATE,
    VERDICT_CAPABILITY,
    VERDICT_SLOTS,
    VERDICT_LANES,
    VERDICT_MEMORY,
    VERDICT_STORAGE,
    VERDICT_VF,
    VERDICT_IO,
    VERDICT_COUNT
};

struct candidate {
    struct id bserver;
    bool up; /* heard of, and not in maintenance */
    bool format,
        user_net; /* can it run this image's format; has it a user-mode network without a VF */
    int free_slots[PLACEMENT_LANES], used_slots[PLACEMENT_LANES], lanes; /* ≤ LANE_MOST each */
    int64_t memory_free_mib;
    int64_t store_free_gib; /* -1: no store of its own, nothing to count */
    int free_vfs;
    /* In PLACEMENT_IO_UNITs, at most PLACEMENT_IO_MOST; total rounded up, limit down. limit -1:
     * placed before there was this law. */
    int64_t io_total, io_limit;
};
struct demand {
    struct id desktop;
    int64_t memory_mib; /* with overhead: placement_memory() */
    int64_t store_gib;  /* placement_store() */
    bool needs_vf;
};
struct placement {
    int candidate, lane;         /* indexes */
    bool user_net;               /* no VF was asked for: the host's own user network */
    int verdicts[VERDICT_COUNT]; /* how many candidates each law filtered */
};

/* RAM of the machine and what QEMU needs beside it. */
int64_t placement_memory(int64_t memory_mib);
/*
 * What a desktop may come to need in its host's store. A persistent disk is counted whole: it grows
 * for years. A floating one lives for a session, so a quarter of its size is kept for it, at least
 * 1 GiB.
 */
int64_t placement_store(int64_t disk_bytes, bool floating);

enum verdict placement_verdict(const struct candidate *c, const struct demand *d);
const char *placement_verdict_word(enum verdict v);
/* Of two that fit: whether a is to be taken before b. */
bool placement_better(const struct candidate *a, const struct candidate *b, const struct demand *d);
/* LAW_… and its numbers: the law that filtered the last candidates. */
int placement_choose(const struct candidate *c, int n, const struct demand *d,
                     struct placement *out, struct err *e) MUSTCHECK;
#endif
