/*
 * login — passwords: hashed by Argon2id in a bounded number of slots, and tries that are throttled.
 *
 * One struct login for the process, thread safe. Hashing is slow on purpose; at most `slots` run at
 * once and four times as many wait, the next is OVERLOADED. An unknown user costs the same hash as
 * a known one. Failures are counted for each user name and each address in tables of fixed size:
 * 10 for a name refill at one in 30 s, 100 for an address at one a second; beyond that
 * TOO_MANY_REQUESTS.
 */
#ifndef CCC_LOGIN_H
#define CCC_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum { LOGIN_VERIFIER = 128 };

struct login;
int login_open(int slots, struct login **out, struct err *e) MUSTCHECK;
void login_close(struct login *l); /* NULL is allowed */

int login_hash(struct login *l, const char *password, char verifier[LOGIN_VERIFIER],
               struct err *e) MUSTCHECK;
/* verifier NULL: nobody has this name; *right becomes false after the same work. */
int login_verify(struct login *l, const char *verifier, const char *password, bool *right,
                 struct err *e) MUSTCHECK;
bool login_stale(const char *verifier); /* made with other cost figures than today's */

/* Before the password is looked at; *wait_s tells when to come again. now: clock_boot_ms(). */
int login_allowed(struct login *l, const char *username, const char *address, int64_t now,
                  int *wait_s, struct err *e) MUSTCHECK;
void login_failed(struct login *l, const char *username, const char *address, int64_t now);
void login_succeeded(struct login *l, const char *username);

#endif
