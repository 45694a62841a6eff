/* What to do with a page that a relay pushed. Pure: two relays of a module are not equally fresh,
 * may have heard different leaders, and either may bring a snapshot while the other does. */
#include "ccc/mirror.h"

static bool of_snapshot(const struct mirror_held *held, const struct mirror_page *page)
{
    return id_set(&held->snap_history) && id_eq(&held->snap_history, &page->history);
}

static bool of_held(const struct mirror_held *held, const struct mirror_page *page)
{
    return id_set(&held->history) && id_eq(&held->history, &page->history);
}

/*
 * A page of another history than what is held, or is being taken: whose leader is the newer one?
 * Its relay hears that leader now: unless a later one is alive. (A module whose database was put
 * back counts from a lower number: once nobody hears the higher one any more, it is believed.) Its
 * relay hears nobody, or another than it tells of: only if it is the later one, and the held one is
 * silent.
 */
static bool outdated(const struct mirror_held *held, const struct mirror_page *page)
{
    const struct id *target = id_set(&held->snap_history) ? &held->snap_history : &held->history;

    if (!id_set(target) || id_eq(target, &page->history) || !page->epoch || !held->epoch)
        return false;
    if (page->leader_fresh && page->leader == page->epoch)
        return page->epoch < held->epoch && held->led_fresh;
    return page->epoch <= held->epoch || held->led_fresh;
}

/* The other xCenter goes on with a snapshot only if it is as fresh as who sent the pages before: an
 * object that moved since its older view would be in none of the pages, and so be swept. */
static bool can_help(const struct mirror_held *held, const struct mirror_page *page)
{
    return id_eq(&held->snap_node, &page->node) ||
           (page->head >= 0 && page->head >= held->snap_head);
}

/* The first page of a snapshot. */
static enum mirror_verdict decide_snapshot(const struct mirror_held *held,
                                           const struct mirror_page *page, bool *go_on)
{
    /* The other xCenter is in the middle of the same: help it rather than start again. */
    if (of_snapshot(held, page) && held->snap_fresh && !id_eq(&held->snap_node, &page->node) &&
        held->snap_rev >= page->floor) {
        *go_on = can_help(held, page);
        return *go_on ? MIRROR_RESEND : MIRROR_NOTHING;
    }
    /* What is held is of this history and not too old: only the changes since are needed. */
    if (of_held(held, page) && held->rev >= page->floor)
        return MIRROR_RESEND;
    return MIRROR_BEGIN;
}

/* Changes since what is held. A snapshot of another history that runs would take their rows for its
 * own. */
static enum mirror_verdict decide_changes(const struct mirror_held *held,
                                          const struct mirror_page *page)
{
    if (page->rev <= held->rev)
        return MIRROR_NOTHING;
    if (id_set(&held->snap_history) && !of_snapshot(held, page) && held->snap_fresh)
        return MIRROR_NOTHING;
    return MIRROR_NEWER;
}

enum mirror_verdict mirror_decide(const struct mirror_held *held, const struct mirror_page *page,
                                  bool *go_on)
{
    *go_on = false;
    if (outdated(held, page))
        return MIRROR_NOTHING;
    if (page->snapshot)
        return decide_snapshot(held, page, go_on);
    if (of_snapshot(held, page) && id_eq(&page->from_history, &held->snap_history) &&
        page->from_rev == held->snap_rev && can_help(held, page))
        return MIRROR_GO_ON;
    if (of_held(held, page) && id_eq(&page->from_history, &held->history) &&
        page->from_rev <= held->rev)
        return decide_changes(held, page);
    /* Behind, and the other xCenter brings it: there is nothing to be asked of this one. */
    if (of_snapshot(held, page) && held->snap_fresh && !can_help(held, page))
        return MIRROR_NOTHING;
    return MIRROR_RESEND;
}
