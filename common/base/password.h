/*
 * password — hashed by Argon2id, in a bounded number of slots.
 *
 * One struct passwords for the process, thread safe. Hashing is slow on purpose (19 MiB, two
 * passes); at most `slots` run at once and `waiting` wait for 5 s at most, the next is OVERLOADED.
 * An unknown user costs the same hash as a known one.
 */
#ifndef COMMON_BASE_PASSWORD_H
#define COMMON_BASE_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum { PASSWORD_VERIFIER = 128 };

struct passwords;
int password_open(int slots, int waiting, struct passwords **out, struct err *e) MUSTCHECK;
void password_close(struct passwords *p); /* NULL is allowed */

int password_hash(struct passwords *p, const char *password, char verifier[PASSWORD_VERIFIER],
                  struct err *e) MUSTCHECK;
/* verifier NULL: nobody has this name; *right becomes false after the same work. */
int password_verify(struct passwords *p, const char *verifier, const char *password, bool *right,
                    struct err *e) MUSTCHECK;
bool password_stale(const char *verifier); /* made with other cost figures than today's */

#endif
