#include "bcenter/broker_decide.h"

#include <stdio.h>
#include <string.h>

#include "bcenter/desktop_place.h"

static void refuse(struct decided *out, enum err_code code, const char *detail)
{
    out->what = DECIDE_REFUSE;
    err_set(&out->why, code, "%s", detail);
}

static void decide(struct decided *out, enum decision what, struct desktop *d)
{
    out->what = what;
    out->desktop = d;
}

bool broker_spare(const struct desktop *d, int64_t boot_ms)
{
    return !d->busy && !d->unsure && !d->op && !d->session && !d->row.deleting &&
           !id_set(&d->row.person) && !id_set(&d->used_by) && d->bserver && d->seen &&
           bserver_up(d->bserver, boot_ms) && !d->bserver->maintenance;
}

/* ---- the I/O law ---- */

static bool ready(const struct desktop *d, int64_t boot_ms)
{
    return desktop_ready(d, boot_ms) && d->bserver->knows_key;
}

static enum io_want wanted_of(const struct desktop *d, int64_t boot_ms)
{
    return desktop_ready(d, boot_ms) ? IO_WANT_SESSION : IO_WANT_START_FOR_HER;
}

/* Its host has been looked at. Who comes later does not overtake those that wait there. */
static bool lets_in(struct module *m, struct desktop *d, int64_t boot_ms, struct io_ask *a)
{
    *a = io_host_ask(m, d, wanted_of(d, boot_ms), boot_ms);
    return io_fits(a) && !d->bserver->io.waits;
}

/* A session, a start, or a place among those that wait. */
static void give(struct module *m, struct desktop *d, int64_t boot_ms, struct decided *out)
{
    struct io_ask a;

    if (lets_in(m, d, boot_ms, &a)) {
        decide(out, ready(d, boot_ms) ? DECIDE_OPEN : DECIDE_START, d);
        out->charge = a.after;
        return;
    }
    decide(out, DECIDE_QUEUE, d);
    io_refuse(&a, 1, 1, &out->why);
}

/* ---- her own desktop ---- */

static void with_session(struct desktop *d, const struct broker_ask *ask, struct decided *out)
{
    if (!id_eq(&d->session->person, &ask->person))
        refuse(out, ERR_DESKTOP_STATE, "somebody else's session is open on it");
    else if (!id_eq(&d->session->run, &d->row.run))
        decide(out, DECIDE_WAIT, d); /* its end is about to be written */
    else
        decide(out, d->bserver->knows_key ? DECIDE_RESUME : DECIDE_WAIT, d);
}

/* Nobody can be given it as it stands. */
static bool not_now(struct desktop *d, int64_t boot_ms, struct decided *out)
{
    if (d->busy || d->unsure)
        decide(out, DECIDE_WAIT, d);
    else if (d->row.deleting)
        refuse(out, ERR_DESKTOP_STATE, "the desktop is being deleted");
    else if (!d->bserver || !bserver_up(d->bserver, boot_ms))
        refuse(out, ERR_DESKTOP_LOST,
               "the desktop's bServer does not answer; nothing on it was stopped");
    else if (!desktop_screen(d))
        /* no law: it is hers and stays here, so nobody else may be asked for another */
        refuse(out, ERR_DESKTOP_STATE, "the desktop's bServer shows no screens");
    else
        return false;
    return true;
}

static void hers(struct module *m, struct desktop *d, const struct broker_ask *ask, int64_t boot_ms,
                 struct decided *out)
{
    if (not_now(d, boot_ms, out))
        return;
    if (d->session) {
        with_session(d, ask, out);
    } else if (d->op && (d->op->verb == VERB_CONNECT || d->op->verb == VERB_START)) {
        decide(out, DECIDE_OPERATION, d);
    } else if (d->op && d->op->verb != VERB_REBOOT && d->op->verb != VERB_RESET) {
        refuse(out, ERR_OPERATION_OPEN, "another operation on the desktop is still open");
    } else if (desktop_ready(d, boot_ms) && !d->bserver->knows_key) {
        decide(out, DECIDE_WAIT, d);
    } else {
        io_host_look(m, d->bserver, boot_ms);
        give(m, d, boot_ms, out);
    }
}

/* ---- is this her place? ---- */

static void elsewhere(struct module *m, const struct id *module, struct decided *out)
{
    struct sister *s;

    refuse(out, ERR_SEAT_ELSEWHERE, "another module serves this person and pool");
    if (id_eq(module, &m->id)) /* not here, and nowhere that is known */
        return;
    HASH_FIND(hh, m->sisters, module->s, ID_LEN, s);
    snprintf(out->login, sizeof out->login, "%.127s", s ? s->login : "");
}

static bool passed_on(const struct broker_ask *ask, const struct id *module)
{
    for (int r = 0; r < ask->nreleased; r++)
        if (id_eq(module, &ask->released[r]))
            return true;
    return false;
}

/* The rendezvous over these shares, without those that have told the CCC that they do not serve her
 * and, when the CCC asks, without us if we have given her up. */
static const struct id *place_by(struct module *m, const struct pool *p,
                                 const struct place_share *shares, int n,
                                 const struct broker_ask *ask)
{
    struct seat *seat = module_seat(m, &ask->person, &p->id);
    unsigned char skip[MODULE_SHARES] = { 0 };
    int place;

    for (int i = 0; i < n; i++)
        skip[i] = id_eq(&shares[i].module, &m->id) ? seat && seat->released
                                                   : passed_on(ask, &shares[i].module);
    place = place_module(&ask->person, &p->id, shares, n, skip);
    return place < 0 ? NULL : &shares[place].module;
}

/* No other module can serve her: those that are of the pool, with or without a share, or were
 * before its shares changed, have said no just now. */
static bool alone(const struct module *m, const struct pool *p, const struct broker_ask *ask)
{
    for (int i = 0; i < p->nshares; i++)
        if (!id_eq(&p->shares[i].module, &m->id) && !passed_on(ask, &p->shares[i].module))
            return false;
    for (int i = 0; i < p->nbase; i++)
        if (!id_eq(&p->base[i].module, &m->id) && !passed_on(ask, &p->base[i].module))
            return false;
    return true;
}

/* Nobody serves her, says the CCC's request, and we gave her up to this request, not to a later
 * one: an order that comes late finds that others were asked since. */
static bool given_back(const struct module *m, const struct pool *p, const struct seat *seat,
                       const struct broker_ask *ask)
{
    return ask->again && id_eq(&seat->turn, &ask->turn) && alone(m, p, ask);
}

/* We have no share any more: who has a desktop here keeps it, nobody gets one, whatever was said.
 */
static bool leaving(const struct module *m, const struct pool *p)
{
    for (int i = 0; i < p->nshares; i++)
        if (id_eq(&p->shares[i].module, &m->id))
            return false;
    return true;
}

/* Whatever the rendezvous says: her seat is here, or nobody else can have her. */
static bool ours_anyway(struct module *m, const struct pool *p, const struct broker_ask *ask)
{
    const struct broker_ask nobody_said_no = { .nreleased = 0 };
    struct seat *seat = module_seat(m, &ask->person, &p->id);

    if (seat && (!seat->released || given_back(m, p, seat, ask)))
        return true;
    return alone(m, p, &nobody_said_no) || (!seat && alone(m, p, ask));
}

/* By the shares and, while they change, by those before. *at: where else. */
static bool has_place(struct module *m, const struct pool *p, const struct broker_ask *ask,
                      const struct id **at)
{
    const struct id *now = place_by(m, p, p->shares, p->nshares, ask),
                    *before = p->nbase ? place_by(m, p, p->base, p->nbase, ask) : now;
    bool here = now && id_eq(now, &m->id), was_here = before && id_eq(before, &m->id);

    *at = before && !was_here ? before : now ? now : &m->id;
    return here && was_here && !module_seat(m, &ask->person, &p->id);
}

/*
 * A holder elsewhere that is known comes before everything: her desktop may be there. Whom we have
 * given up is the CCC's to give back, once all have said no; it may have given her to another, who
 * is not known here yet. While shares change her place must be here by the new ones and by those
 * before, which others may still go by. What is refused to the CCC is given up: it passes her on.
 */
static bool our_place(struct module *m, const struct pool *p, const struct broker_ask *ask,
                      struct decided *out)
{
    const struct id *holder = module_holder(m, &ask->person, &p->id);

    if (!holder || passed_on(ask, holder)) {
        if (!leaving(m, p) && ours_anyway(m, p, ask))
            return true;
        if (has_place(m, p, ask, &holder))
            return true;
    }
    elsewhere(m, holder, out);
    out->release = ask->from_ccc;
    return false;
}

/* One of them may be hers already: before that is known nothing is said for good. */
static bool some_unsure(const struct module *m, const struct pool *p)
{
    for (const struct desktop *d = m->desktops; d; d = d->hh.next)
        if (d->unsure && id_eq(&d->row.pool, &p->id))
            return true;
    return false;
}

/* ---- a spare ---- */

/* Its host has room before it has not; ready before booting before stopped; newest image first. */
static int rank_of(struct module *m, const struct pool *p, struct desktop *d, int64_t boot_ms)
{
    bool fresh = id_eq(&d->row.version, &p->image_version);
    int stage = ready(d, boot_ms) ? 0 : id_set(&d->row.run) ? 1 : 2;
    struct io_ask a;

    if (d->error_slug[0])
        stage = 3;
    return ((lets_in(m, d, boot_ms, &a) ? 0 : 4) + stage) * 2 + !fresh;
}

static bool failed_now(const struct desktop *d)
{
    return d->error_slug[0] &&
           (id_eq(&d->error_for, &d->row.overlay) || id_eq(&d->error_for, &d->row.run));
}

/* Of two spares that are as good as each other: the better host, as for a new desktop. */
static bool better(const struct desktop *a, const struct desktop *b,
                   const struct candidate list[PLACEMENT_HOSTS], const struct demand *d)
{
    if (a->bserver == b->bserver)
        return strcmp(a->row.id.s, b->row.id.s) < 0;
    return placement_better(&list[a->bserver->candidate], &list[b->bserver->candidate], d);
}

static struct desktop *spare_for(struct module *m, const struct pool *p,
                                 const struct broker_ask *ask, int64_t boot_ms)
{
    struct demand want = { .desktop = ask->person }; /* her rendezvous with the hosts */
    struct candidate list[PLACEMENT_HOSTS];
    struct desktop *d, *next, *best = NULL;
    int best_rank = 0;

    desktop_place_candidates(m, boot_ms, list);
    HASH_ITER(hh, m->desktops, d, next)
    {
        int rank;

        if (!id_eq(&d->row.pool, &p->id) || !broker_spare(d, boot_ms) || failed_now(d) ||
            !desktop_screen(d) || d->bserver->candidate < 0)
            continue;
        rank = rank_of(m, p, d, boot_ms);
        if (!best || rank < best_rank || (rank == best_rank && better(d, best, list, &want))) {
            best = d;
            best_rank = rank;
        }
    }
    return best;
}

static void exhausted(struct module *m, const struct pool *p, const struct broker_ask *ask,
                      struct decided *out)
{
    struct desktop *d, *next;
    int64_t have = 0, soon = 0, screenless = 0;

    HASH_ITER(hh, m->desktops, d, next)
    {
        if (!id_eq(&d->row.pool, &p->id) || d->row.deleting)
            continue;
        have++;
        out->assigned += id_set(&d->row.person);
        soon += d->busy || d->unsure;
        screenless += !id_set(&d->row.person) && d->bserver && !desktop_screen(d);
    }
    out->size = p->share;
    if (soon > 0 && out->assigned < have) { /* what is being written may be for her */
        decide(out, DECIDE_WAIT, NULL);
        return;
    }
    out->no_room = true;
    out->release = ask->from_ccc;
    if (have < p->share && p->law.code != ERR_NONE) {
        out->what = DECIDE_REFUSE;
        out->why = p->law;
        return;
    }
    if (screenless > 0) {
        refuse(out, ERR_LAW_CAPABILITY, "the bServers of its free desktops show no screens");
        return;
    }
    refuse(out, ERR_POOL_EXHAUSTED, "every desktop of the pool is taken or being cleaned");
}

/* She has no desktop of this pool here. */
static void newcomer(struct module *m, const struct pool *p, const struct broker_ask *ask,
                     int64_t boot_ms, struct decided *out)
{
    struct desktop *d;

    if (!our_place(m, p, ask, out)) {
        if (out->release && some_unsure(m, p))
            decide(out, DECIDE_WAIT, NULL);
        return;
    }
    d = spare_for(m, p, ask, boot_ms);
    if (d)
        give(m, d, boot_ms, out);
    else
        exhausted(m, p, ask, out);
}

void broker_decide(struct module *m, const struct broker_ask *ask, int64_t boot_ms,
                   struct decided *out)
{
    struct desktop *d = id_set(&ask->desktop) ? module_desktop(m, &ask->desktop) : NULL;
    struct id pool_id = d ? d->row.pool : ask->pool;
    struct pool *p;

    memset(out, 0, sizeof *out);
    if (id_set(&ask->desktop) && (!d || !id_eq(&d->row.person, &ask->person))) {
        refuse(out, ERR_NOT_ENTITLED, "this desktop is not yours");
        return;
    }
    if (!module_entitled(m, &ask->person, &pool_id)) {
        refuse(out, ERR_NOT_ENTITLED, "you are not entitled to this pool");
        return;
    }
    if (!d)
        d = module_desktop_of(m, &ask->person, &pool_id);
    if (d) {
        hers(m, d, ask, boot_ms, out);
        return;
    }
    p = module_pool(m, &pool_id);
    if (p)
        newcomer(m, p, ask, boot_ms, out);
    else
        refuse(out, ERR_NOT_ENTITLED, "you are not entitled to this pool");
}
