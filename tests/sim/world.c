#include "tests/sim/world.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)
enum { SAMPLE_S = 10, QUEUE = 256, PATIENCE_S = 300, RETRY_MS = 200, RETRIES = 4 };
/* CPU that a host spends on one physical request, and how many times that for a VM's (§3.1.2). */
enum { REQUEST_CPU_US = 100, VM_TIMES = 3 };

enum { ARRIVAL, TURN, CPU, REQUESTS, AGAIN, THOUGHT, SAMPLE, PATIENCE };

static const struct {
    double cpu_us, think_us;
    int requests, rounds;
} kinds[KINDS] = {
    [KIND_IO] = { 8000, 120000, 8, 500 },
    [KIND_CPU] = { 150000, 100000, 2, 300 },
    [KIND_MIXED] = { 40000, 100000, 4, 400 },
};

/* splitmix64 (Steele, Lea, Flood 2014): the same on every machine. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state)
{
    return (double)(next(state) >> 11) * 0x1p-53;
}

static double exponential(uint64_t *state, double mean)
{
    return -mean * log(1 - uniform(state));
}

static double around(uint64_t *state, double mean)
{
    return mean * (0.5 + uniform(state));
}

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->no < b->no;
}

static void *grown(void *p, int n, int *room, size_t size)
{
    if (n < *room)
        return p;
    *room = *room ? *room * 2 : 1024;
    p = realloc(p, (size_t)*room * size);
    assert(p);
    return p;
}

static void post(struct world *w, double in_us, int type, int what, unsigned stamp)
{
    struct event e = { w->now + (int64_t)ceil(in_us), w->no++, type, what, stamp };
    int i = w->nevents++;

    w->events = grown(w->events, i, &w->room, sizeof *w->events);
    for (; i > 0 && before(&e, &w->events[(i - 1) / 2]); i = (i - 1) / 2)
        w->events[i] = w->events[(i - 1) / 2];
    w->events[i] = e;
}

static struct event take(struct world *w)
{
    struct event first = w->events[0], last = w->events[--w->nevents];
    int i = 0;

    for (;;) {
        int child = 2 * i + 1;

        if (child >= w->nevents)
            break;
        if (child + 1 < w->nevents && before(&w->events[child + 1], &w->events[child]))
            child++;
        if (!before(&w->events[child], &last))
            break;
        w->events[i] = w->events[child];
        i = child;
    }
    w->events[i] = last;
    return first;
}

/* ---- CPU: each task gets the same part, at most one core. */
static double cpu_part(const struct host *h)
{
    return h->ntasks <= h->spec.cores ? 1.0 : (double)h->spec.cores / h->ntasks;
}

static void cpu_to_now(struct world *w, struct host *h)
{
    double passed = (double)(w->now - h->virtual_at);

    h->virtual_us += passed * cpu_part(h);
    h->cpu_us += passed * cpu_part(h) * h->ntasks;
    h->virtual_at = w->now;
}

static void cpu_next(struct world *w, int host)
{
    struct host *h = &w->hosts[host];
    double first = INFINITY;

    h->stamp++;
    for (int i = 0; i < h->ntasks; i++)
        first = fmin(first, h->tasks[i].end);
    if (h->ntasks)
        post(w, fmax(0, (first - h->virtual_us) / cpu_part(h)), CPU, host, h->stamp);
}

static void cpu_add(struct world *w, int job)
{
    struct job *j = &w->jobs[job];
    int host = w->vms[j->vm].host;
    struct host *h = &w->hosts[host];
    double work = around(&j->random, kinds[j->kind].cpu_us) +
                  kinds[j->kind].requests * REQUEST_CPU_US * VM_TIMES;

    cpu_to_now(w, h);
    assert(h->ntasks < TASKS);
    h->tasks[h->ntasks++] = (struct task){ job, h->virtual_us + work };
    cpu_next(w, host);
}

/* ---- I/O: the channel that is free first; what the queue has no room for is dropped. */
static void io_ask(struct world *w, int job)
{
    struct job *j = &w->jobs[job];
    struct host *h = &w->hosts[w->vms[j->vm].host];
    int n = kinds[j->kind].requests, best = 0;
    double each = (double)CHANNELS * SECOND / h->spec.capacity, queued = 0;
    int64_t begin;

    for (int c = 0; c < CHANNELS; c++) {
        if (h->free_at[c] < h->free_at[best])
            best = c;
        if (h->free_at[c] > w->now)
            queued += (double)(h->free_at[c] - w->now) / each;
    }
    if (queued + n > QUEUE + CHANNELS) {
        h->dropped += n;
        post(w, RETRY_MS * 1000.0 * (1 << j->tries), AGAIN, job, 0);
        if (j->tries < RETRIES)
            j->tries++;
        return;
    }
    begin = h->free_at[best] > w->now ? h->free_at[best] : w->now;
    h->free_at[best] = begin + (int64_t)around(&j->random, each * n);
    j->tries = 0;
    j->asked_at = w->now;
    post(w, (double)(h->free_at[best] - w->now), REQUESTS, job, 0);
}

static void cpu_done(struct world *w, int host)
{
    struct host *h = &w->hosts[host];

    cpu_to_now(w, h);
    for (int i = 0; i < h->ntasks;) {
        int job = h->tasks[i].job;

        if (h->tasks[i].end > h->virtual_us + 1e-6) {
            i++;
            continue;
        }
        h->tasks[i] = h->tasks[--h->ntasks];
        io_ask(w, job);
    }
    cpu_next(w, host);
}

/* ---- jobs */
static double solo_us(enum kind k, int capacity)
{
    return kinds[k].cpu_us + kinds[k].requests * REQUEST_CPU_US * VM_TIMES + kinds[k].think_us +
           kinds[k].requests * (double)CHANNELS * SECOND / capacity;
}

static void asks(struct world *w, int host, enum kind k, int sign)
{
    struct host *h = &w->hosts[host];
    int64_t from = h->seen_us < w->warm ? w->warm : h->seen_us;

    if (w->now > from && h->asked >= h->spec.capacity)
        h->over_us += w->now - from;
    h->seen_us = w->now;
    h->asked += sign * kinds[k].requests * (double)SECOND / solo_us(k, h->spec.capacity);
}

int64_t world_charge(const struct world *w, const struct vm *vm, int64_t load)
{
    struct io_charge c = { .on = true,
                           .load = load,
                           .per_job = io_per_job(&(struct io_given){ 0 }, &w->per_job[vm->kind]),
                           .measured = vm->measured };

    return io_charge(&c);
}

int64_t world_total(const struct world *w, int host)
{
    int64_t total = 0;

    for (int i = 0; i < w->nvms; i++)
        if (w->vms[i].host == host)
            total = io_add(total, world_charge(w, &w->vms[i], w->vms[i].job >= 0));
    return total;
}

int world_free_vm(const struct world *w, int host, enum kind kind)
{
    if (w->hosts[host].busy_of[kind] >= w->hosts[host].vms_of[kind])
        return -1;
    for (int i = 0; i < w->nvms; i++)
        if (w->vms[i].host == host && w->vms[i].kind == kind && w->vms[i].job < 0)
            return i;
    return -1;
}

/* The law once more, with other arithmetic than the daemon's: who is sent to a host at its limit is
 * found whatever the policy thought. */
static bool at_limit(const struct world *w, const struct vm *chosen)
{
    const struct host *h = &w->hosts[chosen->host];
    const struct io_limit *l = &h->limit;
    double limit = (double)(l->given ? l->figure : l->learned ? l->learned : IO_INITIAL), total = 0;

    for (int i = 0; i < w->nvms; i++) {
        const struct vm *v = &w->vms[i];
        const struct io_mean *m = &w->per_job[v->kind];
        double job = m->samples < IO_ENOUGH ? (double)IO_JOB_UNKNOWN : fmax(m->mean, IO_JOB_LEAST);

        if (v->host == chosen->host)
            total += fmax(v->job >= 0 || v == chosen ? job : 0, (double)v->measured);
    }
    return total >= limit;
}

static void begin(struct world *w, int job, int vm)
{
    struct vm *v = &w->vms[vm];
    struct host *h = &w->hosts[v->host];

    assert(v->job < 0 && v->kind == w->jobs[job].kind);
    w->dispatched++;
    w->at_limit += at_limit(w, v);
    asks(w, v->host, v->kind, 1);
    v->job = job;
    v->sample_us = w->now;
    h->busy++;
    h->busy_of[v->kind]++;
    w->jobs[job].vm = vm;
    w->jobs[job].began = w->now;
    cpu_add(w, job);
}

/* Oldest first; one that asks for less may pass. */
static void serve_waiting(struct world *w)
{
    bool none[KINDS] = { false };
    int kept = 0;

    for (int i = 0; i < w->nwaiting; i++) {
        int job = w->waiting[i], vm;
        enum kind k = w->jobs[job].kind;

        if (w->jobs[job].refused)
            continue;
        vm = none[k] ? -1 : w->pick(w, k);
        if (vm >= 0) {
            begin(w, job, vm);
            continue;
        }
        none[k] = true;
        w->waiting[kept++] = job;
    }
    w->nwaiting = kept;
}

static void finish(struct world *w, int job)
{
    struct job *j = &w->jobs[job];
    struct vm *v = &w->vms[j->vm];
    struct host *h = &w->hosts[v->host];

    asks(w, v->host, v->kind, -1);
    j->ended = w->now;
    v->job = -1;
    h->busy--;
    h->busy_of[v->kind]--;
    serve_waiting(w);
}

static void requests_done(struct world *w, int job)
{
    struct job *j = &w->jobs[job];
    struct vm *v = &w->vms[j->vm];
    struct host *h = &w->hosts[v->host];
    int n = kinds[j->kind].requests;

    v->requests += n;
    h->requests += n;
    h->latency_us += w->now - j->asked_at;
    if (w->now >= w->warm)
        h->served += n;
    if (--j->rounds > 0)
        post(w, exponential(&j->random, kinds[j->kind].think_us), THOUGHT, job, 0);
    else
        finish(w, job);
}

static void arrive(struct world *w)
{
    const struct scenario *s = w->scenario;
    int job = w->njobs++, roll = (int)(uniform(&w->random) * 100);
    struct job j = { .arrived = w->now, .began = -1, .ended = -1, .vm = -1 };

    while (j.kind < KINDS - 1 && roll >= s->percent[j.kind])
        roll -= s->percent[j.kind++];
    j.random = next(&w->random);
    j.rounds = (int)around(&j.random, kinds[j.kind].rounds);
    j.solo_us = j.rounds * solo_us(j.kind, 1500);
    w->jobs = grown(w->jobs, job, &w->jobs_room, sizeof *w->jobs);
    w->jobs[job] = j;
    w->waiting = grown(w->waiting, w->nwaiting, &w->waiting_room, sizeof *w->waiting);
    w->waiting[w->nwaiting++] = job;
    serve_waiting(w);
    if (w->jobs[job].began < 0)
        post(w, PATIENCE_S * (double)SECOND, PATIENCE, job, 0);
    post(w, exponential(&w->random, SECOND / (w->in_burst ? s->burst : s->calm)), ARRIVAL, 0, 0);
}

/* ---- what the daemon would be told, each 10 s */
static void sample_vms(struct world *w)
{
    for (int i = 0; i < w->nvms; i++) {
        struct vm *v = &w->vms[i];

        v->measured = v->requests * IO_UNIT / SAMPLE_S;
        if (v->job >= 0 && v->sample_us <= w->now - SAMPLE_S * SECOND)
            io_mean_sample(&w->per_job[v->kind], v->measured);
        v->requests = 0;
    }
}

static void sample(struct world *w)
{
    sample_vms(w);
    for (int i = 0; i < w->nhosts; i++) {
        struct host *h = &w->hosts[i];
        struct io_sample s = { .total = h->requests * IO_UNIT / SAMPLE_S,
                               .us_per_request = h->requests ? h->latency_us / h->requests : -1,
                               .dropped = h->dropped,
                               .interval_ms = SAMPLE_S * 1000 };
        struct io_move move;

        io_limit_sample(&h->limit, &s, &move);
        cpu_to_now(w, h);
        h->cpu = h->cpu_us / ((double)SAMPLE_S * SECOND * h->spec.cores);
        if (w->now >= w->warm) {
            h->samples++;
            /* The queue's share: alone, a batch takes CHANNELS/capacity a request. */
            h->slow_samples += h->requests && (double)h->latency_us / (double)h->requests >
                                                  2.0 * CHANNELS * SECOND / h->spec.capacity;
            h->drops += h->dropped;
        }
        h->requests = h->latency_us = h->dropped = 0;
        h->cpu_us = 0;
    }
    for (int i = 0; i < w->nhosts; i++)
        w->stale[i] = world_total(w, i);
    serve_waiting(w);
    post(w, SAMPLE_S * (double)SECOND, SAMPLE, 0, 0);
}

static void turn(struct world *w)
{
    const struct scenario *s = w->scenario;

    w->in_burst = !w->in_burst;
    post(w, exponential(&w->random, (w->in_burst ? s->burst_s : s->calm_s) * SECOND), TURN, 0, 0);
}

static void happen(struct world *w, const struct event *e)
{
    switch (e->type) {
    case ARRIVAL: arrive(w); break;
    case TURN: turn(w); break;
    case CPU:
        if (w->hosts[e->what].stamp == e->stamp)
            cpu_done(w, e->what);
        break;
    case REQUESTS: requests_done(w, e->what); break;
    case AGAIN: io_ask(w, e->what); break;
    case THOUGHT: cpu_add(w, e->what); break;
    case SAMPLE: sample(w); break;
    case PATIENCE: w->jobs[e->what].refused = w->jobs[e->what].began < 0; break;
    }
}

static void build(struct world *w, const struct scenario *s, bool given)
{
    struct io_move move;

    w->nhosts = s->nhosts;
    for (int i = 0; i < s->nhosts; i++) {
        struct host *h = &w->hosts[i];
        int n = 6 * s->hosts[i].cores < VMS_HOST ? 6 * s->hosts[i].cores : VMS_HOST;

        h->spec = s->hosts[i];
        snprintf(h->id.s, sizeof h->id.s, "00000000-0000-4000-8000-%012d", i);
        if (given)
            io_limit_give(&h->limit, true, h->spec.capacity * 9 / 10 * IO_UNIT, &move);
        for (int v = 0; v < n; v++) {
            int place = v * 100 / n;
            enum kind k = place < s->percent[0]                   ? KIND_IO
                          : place < s->percent[0] + s->percent[1] ? KIND_CPU
                                                                  : KIND_MIXED;

            w->vms[w->nvms++] = (struct vm){ .host = i, .kind = k, .job = -1, .measured = -1 };
            h->vms_of[k]++;
        }
        h->nvms = n;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double quantile(double *values, int n, double q)
{
    if (n == 0)
        return 0;
    qsort(values, (size_t)n, sizeof *values, by_size);
    return values[(int)(q * (n - 1))];
}

/* When she was done. Who was refused, or was not done in the end, counts with the time until then:
 * never as quick. */
static int64_t ended(const struct world *w, const struct job *j)
{
    return j->ended >= 0 ? j->ended : j->refused ? j->arrived + PATIENCE_S * SECOND : w->end;
}

/* The jobs that are counted, of one kind or (KINDS) of all. The last ones have had no time to come
 * to an end. */
static bool counted(const struct world *w, const struct job *j, enum kind kind)
{
    return j->arrived >= w->warm && j->arrived <= w->end - PATIENCE_S * SECOND &&
           (kind == KINDS || j->kind == kind);
}

/* values gets their response times in seconds; how many. */
static int responses(const struct world *w, enum kind kind, double *values)
{
    int n = 0;

    for (int i = 0; i < w->njobs; i++)
        if (counted(w, &w->jobs[i], kind))
            values[n++] = (double)(ended(w, &w->jobs[i]) - w->jobs[i].arrived) / SECOND;
    return n;
}

static void tell_jobs(const struct world *w, struct outcome *o)
{
    double *values = malloc((size_t)w->njobs * sizeof *values);
    int n, waited = 0, refused = 0;

    assert(values);
    for (int k = 0; k < KINDS; k++) {
        n = responses(w, (enum kind)k, values);
        o->kind95_s[k] = quantile(values, n, 0.95);
    }
    n = responses(w, KINDS, values);
    o->p50_s = quantile(values, n, 0.5);
    o->p95_s = quantile(values, n, 0.95);
    o->jobs = n;
    n = 0;
    for (int i = 0; i < w->njobs; i++) {
        const struct job *j = &w->jobs[i];

        if (!counted(w, j, KINDS))
            continue;
        waited += (j->began >= 0 ? j->began : ended(w, j)) - j->arrived > SECOND;
        refused += j->refused;
        values[n++] = (double)(ended(w, j) - j->arrived) / j->solo_us;
    }
    o->slowdown95 = quantile(values, n, 0.95);
    o->waited = n ? (double)waited / n : 0;
    o->refused = n ? (double)refused / n : 0;
    free(values);
}

static void tell_hosts(struct world *w, struct outcome *o)
{
    double sum = 0, squares = 0, span = (double)(w->end - w->warm);
    int64_t samples = 0, slow = 0, drops = 0, served = 0, over = 0, capacity = 0;

    for (int i = 0; i < w->nhosts; i++) {
        struct host *h = &w->hosts[i];
        double used = (double)h->served / h->spec.capacity;

        asks(w, i, KIND_IO, 0); /* up to now */
        over += h->over_us;
        sum += used;
        squares += used * used;
        samples += h->samples;
        slow += h->slow_samples;
        drops += h->drops;
        served += h->served;
        capacity += h->spec.capacity;
    }
    o->over = (double)over / (span * w->nhosts);
    o->slow = samples ? (double)slow / (double)samples : 0;
    o->drops = served ? 1000.0 * (double)drops / (double)(served + drops) : 0;
    o->used = (double)served * SECOND / (span * (double)capacity);
    o->jain = squares > 0 ? sum * sum / (w->nhosts * squares) : 1;
    o->dispatched = w->dispatched;
    o->at_limit = w->at_limit;
}

void world_run(const struct scenario *s, policy_pick pick, bool given, uint64_t seed, int minutes,
               struct outcome *out)
{
    struct world *w = calloc(1, sizeof *w);

    assert(w);
    w->scenario = s;
    w->pick = pick;
    w->random = seed;
    w->end = minutes * 60 * SECOND;
    w->warm = w->end / 4;
    build(w, s, given);
    post(w, s->calm_s * SECOND, TURN, 0, 0);
    post(w, 0, ARRIVAL, 0, 0);
    post(w, SAMPLE_S * (double)SECOND, SAMPLE, 0, 0);
    while (w->nevents > 0 && w->events[0].at < w->end) {
        struct event e = take(w);

        w->now = e.at;
        happen(w, &e);
    }
    w->now = w->end;
    tell_jobs(w, out);
    tell_hosts(w, out);
    free(w->events);
    free(w->jobs);
    free(w->waiting);
    free(w);
}
