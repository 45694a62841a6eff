/*
 * login — people at this bCenter: password check against the replica's verifiers, log-in sessions.
 *
 * Unknown name, wrong password, disabled and no verifier here all take the same time and give the
 * same 401. At most `login_workers` hashes run at once (each 19 MiB), a short queue waits, the rest
 * is told TOO_MANY_REQUESTS; so are names and addresses that failed often. Tokens are stored as
 * SHA-256 only. A person has at most LOGINS_A_PERSON sessions: one more ends that which was not
 * used for longest. There are at most LOGINS in all.
 */
#ifndef BCENTER_LOGIN_H
#define BCENTER_LOGIN_H

#include "bcenter/bcenter.h"
#include "common/http/token.h"

enum { LOGINS_A_PERSON = 32, LOGINS = 10000 };

int login_open(struct bcenter *bc, struct db *db,
               struct err *e) MUSTCHECK; /* loads the stored sessions */
void login_close(struct bcenter *bc);

struct login_grant {
    char token[TOKEN_TEXT];
    char csrf[TOKEN_HASH];
    int64_t expires; /* wall clock */
    struct id person;
};
struct login_ask {
    const char *username, *password, *remote;
};
/* BAD_CREDENTIALS, TOO_MANY_REQUESTS (then *wait_s is set; with numbers when LOGINS are there),
 * OVERLOADED, DB_UNAVAILABLE. */
int login_make(struct bcenter *bc, struct db *db, const struct login_ask *ask,
               struct login_grant *out, int *wait_s, struct err *e) MUSTCHECK;
/* http_authenticate of the log-in listener. */
int login_authenticate(const struct request *rq, struct caller *c, struct err *e);
int login_end(struct bcenter *bc, struct db *db, const char *token_hash, struct err *e) MUSTCHECK;
/* When it ends at the latest; 0 if there is no such session. */
int64_t login_expires(struct bcenter *bc, const char *token_hash);
/* Disabled, gone, or with a new password: her sessions die at once. */
void login_person_changed(struct bcenter *bc, const struct id *person);
/* Takes those that ended before their time out of the database; what fails is tried again at the
 * next call. */
int login_forget(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
void login_sweep(struct bcenter *bc, struct db *db);

#endif
