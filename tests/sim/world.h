/*
 * world — unequal hosts with VMs that do one kind of job each, and a balancer that gives each job
 * to a VM: the setting of paper 002 (§3.2.1), as discrete events. Every job, its length and each of
 * its steps come from the seed alone, so all policies are asked for the same work.
 *
 * A job is many rounds of: some CPU, a batch of I/O requests, some time in which it asks for
 * nothing. CPU is shared equally among the jobs of a host that want it. I/O has CHANNELS servers
 * and one queue a host; what does not fit into the queue is dropped and sent again later (§3.1.2:
 * queue overflow, retransmission). A VM's request costs the host three times the CPU of a physical
 * one (§3.1.2).
 *
 * What the I/O law knows of it is what the daemon would know: a sample each 10 s of requests, time
 * per request and drops, per host and per VM; the daemon's own functions learn from it
 * (bcenter/io_*).
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "bcenter/io_limit.h"
#include "bcenter/io_mean.h"
#include "common/base/id.h"

enum { HOSTS = 16, VMS_HOST = 100, CHANNELS = 8, TASKS = VMS_HOST };
enum kind { KIND_IO, KIND_CPU, KIND_MIXED, KINDS };

struct host_spec {
    int cores, capacity; /* physical cores; I/O requests/s */
};
struct scenario {
    const char *name;
    const struct host_spec *hosts;
    int nhosts;
    int percent[KINDS];     /* of the VMs, and of the jobs */
    double calm, burst;     /* arrivals per second, in turns */
    double calm_s, burst_s; /* mean length of a turn */
};

struct vm {
    int host;
    enum kind kind;
    int job;           /* -1: free */
    int64_t requests;  /* since the last sample */
    int64_t sample_us; /* since when its job is on it */
    int64_t measured;  /* uio, of the last sample; -1: none */
};

struct task {
    int job;
    double end; /* in the host's virtual time */
};

struct host {
    struct host_spec spec;
    struct id id;
    int nvms, busy, busy_of[KINDS], vms_of[KINDS];
    struct task tasks[TASKS]; /* jobs that want CPU */
    int ntasks;
    double virtual_us;
    int64_t virtual_at;
    unsigned stamp;
    int64_t free_at[CHANNELS];
    /* since the last sample */
    int64_t requests, latency_us, dropped;
    double cpu_us;
    double cpu; /* of its cores, in the last sample, 0 … 1 */
    struct io_limit limit;
    bool given;
    /* what is told in the end */
    int64_t served, over_us, seen_us;
    double asked; /* requests/s that its jobs ask for when nothing slows them */
    int64_t slow_samples, samples, drops;
};

struct job {
    enum kind kind;
    uint64_t random;
    int64_t arrived, began, ended; /* -1: not yet */
    double solo_us;                /* what it would need on a host that is all its own */
    int rounds, vm, tries;
    int64_t asked_at; /* of the requests that are under way */
    bool refused;
};

struct event {
    int64_t at;
    uint64_t no;
    int type, what;
    unsigned stamp;
};

struct world;
/* A free VM of this kind, or -1: the job waits. */
typedef int (*policy_pick)(struct world *w, enum kind kind);

struct world {
    const struct scenario *scenario;
    policy_pick pick;
    int64_t now, end, warm; /* µs; counted is what arrives from `warm` on */
    uint64_t random, no;
    bool in_burst;
    struct event *events;
    int nevents, room;
    struct job *jobs;
    int njobs, jobs_room;
    int *waiting; /* oldest first */
    int nwaiting, waiting_room;
    struct host hosts[HOSTS];
    int nhosts;
    struct vm vms[HOSTS * VMS_HOST];
    int nvms;
    struct io_mean per_job[KINDS];
    int turn[KINDS];      /* round robin */
    int64_t stale[HOSTS]; /* totals of the last sample: for the policy that is wrong on purpose */
    int64_t dispatched, at_limit; /* jobs sent; of them to a host at its limit */
};

struct outcome {
    double p50_s, p95_s; /* response time, waiting included */
    double kind95_s[KINDS];
    double slowdown95;      /* response by what it would take alone */
    double waited, refused; /* shares of the jobs: longer than 1 s, for ever */
    double over, slow;      /* shares of the hosts' time */
    double drops;           /* of 1,000 requests */
    double used;            /* of the hosts' I/O capacity */
    double jain;            /* over the hosts' I/O by their capacity */
    int64_t jobs, dispatched, at_limit;
};

/* minutes: of them the first quarter is for learning and counts for nothing. given: an
 * administrator has set each limit to nine tenths of the capacity. */
void world_run(const struct scenario *s, policy_pick pick, bool given, uint64_t seed, int minutes,
               struct outcome *out);

/* As the law sees it now, uio. */
int64_t world_charge(const struct world *w, const struct vm *vm, int64_t load);
int64_t world_total(const struct world *w, int host);
/* The first free VM of the kind on a host; -1. */
int world_free_vm(const struct world *w, int host, enum kind kind);

#endif
