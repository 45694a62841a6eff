/*
 * desktop_actions — what a person may ask of a desktop now. Pure: role, ownership and state in, a
 * set of actions out; the portal's buttons and the check of POST …/actions are the same function.
 */
#ifndef CCC_DESKTOP_ACTIONS_H
#define CCC_DESKTOP_ACTIONS_H

#include <stdbool.h>

enum desktop_action {
    ACTION_START,
    ACTION_SHUTDOWN,
    ACTION_STOP,
    ACTION_REBOOT,
    ACTION_RESET,
    ACTION_REBUILD,
    ACTION_DELETE,
    ACTION_UNASSIGN,
    ACTION_COUNT
};
struct desktop_asker {
    bool admin, owner; /* of the desktop */
};
struct desktop_facts {
    const char *state; /* docs/rest.md; unknown words allow nothing that a state forbids */
    bool assigned;
};

/* Every word, NULL-ended: for the tables that check requests. */
extern const char *const desktop_states[];
extern const char *const desktop_action_words[];

const char *desktop_action_word(enum desktop_action a);
bool desktop_action_from(const char *word, enum desktop_action *out);
/* May this asker ever do that to this desktop, whatever its state? */
bool desktop_action_permitted(enum desktop_action a, const struct desktop_asker *who);
bool desktop_action_allowed(enum desktop_action a, const struct desktop_asker *who,
                            const struct desktop_facts *d);
/* The desktop is already where the action would bring it. */
bool desktop_action_done(enum desktop_action a, const struct desktop_facts *d);

#endif
