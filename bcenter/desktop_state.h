/*
 * desktop_state — the word that people see, a pure function of lifecycle, wanted run, what was
 * observed and the open operation. A table, first row that fits; nothing is stored, so nothing can
 * stay "stopping".
 */
#ifndef BCENTER_DESKTOP_STATE_H
#define BCENTER_DESKTOP_STATE_H

#include "bcenter/module.h"

enum desktop_state {
    STATE_PREPARING,
    STATE_STARTING,
    STATE_STOPPING,
    STATE_REBOOTING,
    STATE_REBUILDING,
    STATE_DELETING,
    STATE_RUNNING,
    STATE_READY,
    STATE_IN_USE,
    STATE_PAUSED,
    STATE_OFF,
    STATE_CRASHED,
    STATE_UNKNOWN,
    STATE_FAILED
};

struct state_facts {
    bool deleting, wanted_on, ready, live_session, overlay_there, failed;
    bool silent; /* the host has not been heard of */
    enum observed observed;
    enum agent_busy busy;
    enum verb verb; /* of the open operation */
};

enum desktop_state desktop_state_of(const struct state_facts *f);
const char *desktop_state_word(enum desktop_state s);
struct state_facts desktop_facts(const struct desktop *d, int64_t boot_ms);

#endif
