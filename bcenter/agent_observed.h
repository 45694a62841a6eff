/*
 * agent_observed — what the agents say, taken into memory. Nothing is decided here: reconcile does
 * that.
 */
#ifndef BCENTER_AGENT_OBSERVED_H
#define BCENTER_AGENT_OBSERVED_H

#include "bcenter/bcenter.h"

/* Lock held. A report {"kind","boot","cores",…} into the bServer; takes its own reference of body.
 */
void bserver_take_report(struct bserver *b, json_t *body);
/* Slots by law: min(100, 6 × physical cores), 50 a lane. */
int bserver_slots(const struct bserver *b);
/* sync_apply.change of one bServer's set; arg is a struct agent_source *. */
struct agent_source {
    struct bcenter *bc;
    struct id bserver;
};
void agent_observed(void *arg, const struct sync_object *o);
/* sync_set_on_change of the agents' wanted set: wakes those whose scope changed. */
void agents_changed(void *arg, const char *scope);
void agents_tell(void *bc); /* ticker body: wakes the agents that have something new */
/* Adds the sha256 of every image that an agent may ask for; false before that is known. */
bool agents_images(void *bc, json_t *into);

#endif
