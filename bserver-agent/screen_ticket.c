#include "bserver-agent/screen_ticket.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

enum {
    NONCES = 4096, /* a minute's tickets: 40 for each of 100 desktops */
    FLOORS = 1024,
    ROUNDING_MS = 2, /* clocks of whole milliseconds, read one after the other */
};

struct nonce {
    char text[33];
    int64_t used_boot_ms;
};

struct floor_seq {
    struct id desktop;
    int64_t seq, touched_boot_ms;
};

struct screen_guard {
    struct id bserver;
    int64_t start_boot_ms;
    pthread_mutex_t lock; /* guards what follows */
    int next;             /* nonces is a ring: the oldest is overwritten first */
    struct nonce nonces[NONCES];
    struct floor_seq floors[FLOORS];
};

struct screen_guard *screen_guard_new(const struct id *bserver)
{
    struct screen_guard *g = calloc(1, sizeof *g);

    if (!g)
        return NULL;
    g->bserver = *bserver;
    g->start_boot_ms = clock_boot_ms();
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void screen_guard_free(struct screen_guard *g)
{
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g);
}

const char *screen_ticket_fault(const struct ticket *t, const struct screen_facts *f)
{
    if (!id_eq(&t->bserver, &f->bserver))
        return "another bServer";
    if (!f->known)
        return "no such desktop here";
    if (!id_set(&f->run))
        return "the desktop does not run";
    if (!id_eq(&t->run, &f->run))
        return "another run";
    if (t->seq < f->floor_seq)
        return "sequence number below the floor";
    if (t->iat_ms < f->agent_start_ms)
        return "issued before the agent's start";
    if (f->nonce_used)
        return "nonce used before";
    return NULL;
}

/* With the lock held. */
static bool used(const struct screen_guard *g, const char *nonce, int64_t boot_ms)
{
    for (int i = 0; i < NONCES; i++)
        if (g->nonces[i].text[0] && boot_ms - g->nonces[i].used_boot_ms <= SCREEN_NONCE_MS &&
            strcmp(g->nonces[i].text, nonce) == 0)
            return true;
    return false;
}

/* With the lock held: the desktop's entry, or the one that was not needed for longest. */
static struct floor_seq *floor_of(struct screen_guard *g, const struct id *desktop)
{
    struct floor_seq *oldest = &g->floors[0];

    for (int i = 0; i < FLOORS; i++) {
        if (id_eq(&g->floors[i].desktop, desktop))
            return &g->floors[i];
        if (g->floors[i].touched_boot_ms < oldest->touched_boot_ms)
            oldest = &g->floors[i];
    }
    return oldest;
}

static int64_t floor_get(struct screen_guard *g, const struct id *desktop)
{
    const struct floor_seq *f = floor_of(g, desktop);

    return id_eq(&f->desktop, desktop) ? f->seq : 0;
}

static void floor_raise(struct screen_guard *g, const struct id *desktop, int64_t seq)
{
    struct floor_seq *f = floor_of(g, desktop);

    if (!id_eq(&f->desktop, desktop))
        *f = (struct floor_seq){ .desktop = *desktop };
    if (f->seq < seq)
        f->seq = seq;
    f->touched_boot_ms = clock_boot_ms();
}

void screen_guard_floor(struct screen_guard *g, const struct id *desktop, int64_t seq)
{
    pthread_mutex_lock(&g->lock);
    floor_raise(g, desktop, seq);
    pthread_mutex_unlock(&g->lock);
}

static int refuse(struct err *e, const char *cause)
{
    err_set(e, ERR_TICKET_REFUSED, "the ticket is not valid here and now");
    return err_cause(e, "%s", cause);
}

/* Check and consumption are one step, so that of two users of one ticket only one gets in. */
static int consume(struct screen_guard *g, const struct ticket *t, struct screen_facts *f,
                   struct err *e)
{
    int64_t boot_ms = clock_boot_ms(), known_floor;
    struct nonce *slot;
    const char *fault;
    int r = -1;

    pthread_mutex_lock(&g->lock);
    slot = &g->nonces[g->next];
    known_floor = floor_get(g, &t->desktop);
    if (known_floor > f->floor_seq)
        f->floor_seq = known_floor;
    f->nonce_used = used(g, t->nonce, boot_ms);
    fault = screen_ticket_fault(t, f);
    if (fault) {
        refuse(e, fault);
    } else if (slot->text[0] && boot_ms - slot->used_boot_ms <= SCREEN_NONCE_MS) {
        err_set(e, ERR_OVERLOADED, "too many tickets in a minute");
    } else {
        memcpy(slot->text, t->nonce, sizeof slot->text);
        slot->used_boot_ms = boot_ms;
        g->next = (g->next + 1) % NONCES;
        floor_raise(g, &t->desktop, t->seq);
        r = 0;
    }
    pthread_mutex_unlock(&g->lock);
    return r;
}

int screen_guard_admit(struct screen_guard *g, const struct screen_host *host, const char *text,
                       struct ticket *out, struct err *e)
{
    struct screen_facts f = { .bserver = g->bserver };
    unsigned char key[TICKET_PUBLIC];
    struct ticket t;
    struct id kid;
    int64_t now;

    if (ticket_peek(text, &kid, e) < 0)
        return -1;
    if (!host->now_ms(host->arg, &now))
        return refuse(e, "the bCenter's time is unknown");
    if (host->public_key(host->arg, &kid, key, e) < 0)
        return err_cause(e, "no such key");
    if (ticket_verify(text, key, now, &t, e) < 0)
        return -1;
    if (!id_eq(&t.kid, &kid))
        return refuse(e, "another key");
    f.agent_start_ms = now - (clock_boot_ms() - g->start_boot_ms) - ROUNDING_MS;
    f.known = host->desktop(host->arg, &t.desktop, &f.run, &f.floor_seq);
    if (consume(g, &t, &f, e) < 0)
        return -1;
    *out = t;
    return 0;
}

const char *screen_guard_recheck(struct screen_guard *g, const struct screen_host *host,
                                 const struct ticket *t)
{
    struct screen_facts f = { .bserver = g->bserver };
    int64_t known_floor;

    f.known = host->desktop(host->arg, &t->desktop, &f.run, &f.floor_seq);
    pthread_mutex_lock(&g->lock);
    known_floor = floor_get(g, &t->desktop);
    pthread_mutex_unlock(&g->lock);
    if (known_floor > f.floor_seq)
        f.floor_seq = known_floor;
    return screen_ticket_fault(t, &f);
}
