#include "ccc/desktop_actions.h"

#include <stddef.h>
#include <string.h>

enum {
    S_PREPARING = 1 << 0,
    S_STARTING = 1 << 1,
    S_STOPPING = 1 << 2,
    S_REBOOTING = 1 << 3,
    S_REBUILDING = 1 << 4,
    S_DELETING = 1 << 5,
    S_RUNNING = 1 << 6,
    S_READY = 1 << 7,
    S_IN_USE = 1 << 8,
    S_PAUSED = 1 << 9,
    S_OFF = 1 << 10,
    S_CRASHED = 1 << 11,
    S_UNKNOWN = 1 << 12,
    S_FAILED = 1 << 13,
    S_UP = S_RUNNING | S_READY | S_IN_USE,
    S_ON = S_UP | S_PAUSED | S_STARTING | S_REBOOTING,
};

const char *const desktop_states[] = { "preparing",  "starting", "stopping", "rebooting",
                                       "rebuilding", "deleting", "running",  "ready",
                                       "in_use",     "paused",   "off",      "crashed",
                                       "unknown",    "failed",   NULL };
const char *const desktop_action_words[] = { "start",   "shutdown", "stop",     "reboot", "reset",
                                             "rebuild", "delete",   "unassign", NULL };

/* Where an action makes sense, where it has nothing to do, and who may. */
static const struct {
    const char *word;
    int from, done;
    bool admin_only;
} actions[ACTION_COUNT] = {
    [ACTION_START] = { "start", S_OFF | S_CRASHED | S_FAILED | S_STOPPING, S_ON, false },
    [ACTION_SHUTDOWN] = { "shutdown", S_UP, S_OFF, false },
    [ACTION_STOP] = { "stop", S_ON | S_STOPPING | S_FAILED | S_CRASHED, S_OFF, false },
    [ACTION_REBOOT] = { "reboot", S_UP, 0, false },
    [ACTION_RESET] = { "reset", S_UP | S_PAUSED | S_STARTING | S_REBOOTING, 0, false },
    [ACTION_REBUILD] = { "rebuild", S_UP | S_PAUSED | S_OFF | S_CRASHED | S_FAILED, 0, true },
    [ACTION_DELETE] = { "delete", ~S_DELETING, S_DELETING, true },
    [ACTION_UNASSIGN] = { "unassign", ~(S_DELETING | S_REBUILDING), 0, true },
};

static int state_bit(const char *word)
{
    for (size_t i = 0; word && desktop_states[i]; i++)
        if (strcmp(desktop_states[i], word) == 0)
            return 1 << i;
    return 0;
}

const char *desktop_action_word(enum desktop_action a)
{
    return actions[a].word;
}

bool desktop_action_from(const char *word, enum desktop_action *out)
{
    for (int a = 0; a < ACTION_COUNT; a++) {
        if (strcmp(actions[a].word, word) == 0) {
            *out = (enum desktop_action)a;
            return true;
        }
    }
    return false;
}

bool desktop_action_permitted(enum desktop_action a, const struct desktop_asker *who)
{
    return who->admin || (who->owner && !actions[a].admin_only);
}

bool desktop_action_done(enum desktop_action a, const struct desktop_facts *d)
{
    if (a == ACTION_UNASSIGN)
        return !d->assigned;
    return (actions[a].done & state_bit(d->state)) != 0;
}

bool desktop_action_allowed(enum desktop_action a, const struct desktop_asker *who,
                            const struct desktop_facts *d)
{
    return desktop_action_permitted(a, who) && (actions[a].from & state_bit(d->state)) &&
           (a != ACTION_UNASSIGN || d->assigned);
}
