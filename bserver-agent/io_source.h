/*
 * io_source — where a host's I/O is counted: cumulative counters of its running desktops and of
 * what the host lost, taken outside of the guests (docs/iolaw.md).
 *
 * Two sources behind one interface: io_libvirt.c asks libvirt and the kernel, io_simulated.c lets a
 * model (io_model.h) stand for a host that counts nothing. A source belongs to one host and is used
 * by one thread at a time. A *reading* is a plain value; two of them make a sample (io_sample.h).
 */
#ifndef BSERVER_AGENT_IO_SOURCE_H
#define BSERVER_AGENT_IO_SOURCE_H

#include "bserver-agent/hypervisor.h"
#include "bserver-agent/io_model.h"

/* A desktop that runs, as the host knows it. */
struct io_desktop {
    struct id desktop, run;
    bool live;   /* a person's session is on it */
    char pf[32]; /* its virtual function's physical one; "" = it has none */
    int64_t vf;  /* … and which of it */
};

/* Of one run, since its devices are there. */
struct io_counters {
    struct id desktop, run;
    uint64_t block;    /* reads, writes, flushes */
    uint64_t block_ns; /* the time they took */
    uint64_t frames;   /* of its network cards, both directions */
    uint64_t devices;  /* another number: other devices, so the counters began anew */
};

struct io_reading {
    int64_t at_ms;           /* clock_boot_ms */
    struct io_counters *all; /* malloc'd; by desktop once sorted */
    int n, room;
    uint64_t dropped;      /* frames that the host's cards lost */
    uint64_t cards;        /* another number: other cards */
    uint64_t sent, resent; /* segments with data to screens, and those of them sent again */
    bool screens;          /* sent and resent mean something */
    bool vf_counters;      /* some driver counts for virtual functions */
};

/* A new row, zeroed but for its ids. NULL when out of memory. */
struct io_counters *io_reading_add(struct io_reading *r, const struct id *desktop,
                                   const struct id *run);
void io_reading_sort(struct io_reading *r);
struct io_counters *io_reading_find(const struct io_reading *r,
                                    const struct id *desktop); /* sorted */
void io_reading_free(struct io_reading *r);                    /* what it holds */

/* Folds text into a number that tells lists of names apart (FNV-1a); begin with 0. */
uint64_t io_fold(uint64_t so_far, const char *text);

struct io_source {
    const char *word; /* "libvirt", "model" */
    /* Fills at_ms, all and what else it knows of. Fails as the hypervisor does. May take 15 s. */
    int (*read)(struct io_source *s, const struct io_desktop *running, int n,
                struct io_reading *out, struct err *e);
    void (*close)(struct io_source *s);
};

/* For a hypervisor of QEMU's; h outlives it. */
int io_libvirt_open(struct hypervisor *h, struct io_source **out, struct err *e) MUSTCHECK;
/* For a simulated host; model is copied. */
int io_simulated_open(const struct io_model *model, struct io_source **out,
                      struct err *e) MUSTCHECK;
/* clock: the time in ms instead of clock_boot_ms, for replays; NULL ok. */
void io_simulated_clock(struct io_source *s, int64_t (*clock)(void));

#endif
