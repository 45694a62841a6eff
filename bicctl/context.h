/*
 * context — which installation bicctl talks to, and as whom: one file of mode 0600,
 * $XDG_CONFIG_HOME/bicctl/context.json (or ~/.config/…). BICCTL_CONTEXT names another file.
 */
#ifndef BICCTL_CONTEXT_H
#define BICCTL_CONTEXT_H

#include "bicctl/client.h"

/* EXIT_USAGE and a sentence if nobody logged in. The strings are owned by *c. */
int context_load(struct client *c) MUSTCHECK;
int context_save(const struct client *c) MUSTCHECK;
int context_forget(void);
void client_release(struct client *c);

#endif
