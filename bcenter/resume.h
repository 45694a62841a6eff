/*
 * resume — the secret with which a screen comes back to its session. Derived from the module's key
 * and the session's id: the same whenever it is told, so that telling it writes nothing, and dead
 * with the session. Lock held, all of them; no I/O.
 */
#ifndef BCENTER_RESUME_H
#define BCENTER_RESUME_H

#include "bcenter/module.h"

enum { RESUME_SECRET = 64, RESUME_HASH = 32 };

void resume_secret(const struct module *m, const struct id *session, char to[RESUME_SECRET]);
/* What the session's row keeps of a secret. */
void resume_hash(const char *secret, unsigned char to[RESUME_HASH]);
bool resume_opens(const struct module *m, const struct session *s, const char *secret);

#endif
