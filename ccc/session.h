/*
 * session — a person's sign-in: a random token, of which the database keeps the SHA-256.
 *
 * 12 hours in all, 1 hour without use. A person has at most SESSIONS_A_PERSON: one more ends that
 * which was not used for longest. A disabled or deleted person's sessions are void at once,
 * because each request looks the person up, if it is a connect together with what that asks.
 */
#ifndef CCC_SESSION_H
#define CCC_SESSION_H

#include "common/db/db.h"
#include "common/http/http.h"

enum { SESSION_S = 12 * 3600, SESSION_IDLE_S = 3600, SESSIONS_A_PERSON = 32 };

/* http_authenticate of the public listener: cookie or bearer. */
int session_authenticate(const struct request *rq, struct caller *c, struct err *e) MUSTCHECK;

/* The modules whose log-in listeners this person's page may go on with: [{id,name,login}]. */
int session_modules(struct db *db, const struct id *person, bool all, json_t **out,
                    struct err *e) MUSTCHECK;

#endif
