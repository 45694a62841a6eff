/*
 * token — the secret of a person's sign-in: 32 random bytes as text, sent as bearer or as cookie.
 *
 * Only its SHA-256 is ever stored. The CSRF value is derived from the token, so it needs no place
 * of its own.
 */
#ifndef COMMON_HTTP_TOKEN_H
#define COMMON_HTTP_TOKEN_H

#include <stdbool.h>

#include "common/http/http.h"

enum { TOKEN_TEXT = 44, TOKEN_HASH = 65, TOKEN_COOKIE = 32 };

void token_new(char token[TOKEN_TEXT]);
void token_hash(const char *token, char to[TOKEN_HASH]);
void token_csrf(const char *token, char to[TOKEN_HASH]);

/* Name of a node's cookie: browsers ignore ports, so each node has its own. */
void token_cookie_name(const struct id *node, char to[TOKEN_COOKIE]);
/* Sets it, or with seconds 0 takes it away. */
void token_set_cookie(struct reply *rp, const char *name, const char *token, int64_t seconds,
                      bool secure);

/* What the request carries, bearer before cookie; "" if nothing. NOT_SIGNED_IN: another
 * Authorization. */
int token_of(const struct request *rq, const char *cookie, char token[TOKEN_TEXT], bool *by_cookie,
             struct err *e) MUSTCHECK;

#endif
