#include "bcenter/desktop_next.h"

static enum next next_of_person(const struct next_facts *f)
{
    if (f->session && f->barred)
        return NEXT_SESSION_END;
    if (!f->floating)
        return NEXT_NOTHING;
    if (f->host_left && !f->op_open)
        return f->session ? NEXT_SESSION_END : NEXT_RELEASE;
    if (f->session && f->closed_ms >= f->logoff_ms)
        return NEXT_SESSION_END;
    if (!f->session && !f->op_open && f->assigned_ms >= f->logoff_ms)
        return NEXT_RELEASE;
    return NEXT_NOTHING;
}

static bool may_start(const struct next_facts *f)
{
    return f->want_running && !f->wanted_on && !f->alive && f->seen && !f->maintenance &&
           f->retry_in_ms <= 0;
}

static enum next next_of_spare(const struct next_facts *f)
{
    if (f->host_left && !f->op_open)
        return NEXT_DELETE;
    if (f->op_open || !f->host_up)
        return f->surplus && !f->op_open ? NEXT_DELETE : NEXT_NOTHING;
    if (f->surplus)
        return NEXT_DELETE;
    if (f->used)
        return NEXT_RENEW; /* dirty, and nobody's: before anything else */
    if (f->stale || (f->overlay_failed && f->retry_in_ms <= 0))
        return NEXT_RENEW;
    if (f->hung)
        return NEXT_RESTART;
    return may_start(f) ? NEXT_START : NEXT_NOTHING;
}

enum next desktop_next(const struct next_facts *f)
{
    if (f->busy)
        return NEXT_NOTHING;
    if (f->deleting && f->host_left)
        return NEXT_FORGET; /* nobody is there to say that it is gone */
    if (f->deleting)
        return f->host_up && f->seen && f->missing ? NEXT_FORGET : NEXT_NOTHING;
    /* What the host itself has said is believed at once; silence says nothing. */
    if (f->wanted_on && f->host_up && (f->other_boot || f->run_ended || f->run_failed))
        return NEXT_RUN_ENDED;
    return f->person ? next_of_person(f) : next_of_spare(f);
}
