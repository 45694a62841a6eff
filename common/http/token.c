#include "common/http/token.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_BYTES = 32 };

void token_new(char token[TOKEN_TEXT])
{
    unsigned char bytes[TOKEN_BYTES];

    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(token, TOKEN_TEXT, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
}

static void hash_with(const char *label, const char *token, char to[TOKEN_HASH])
{
    crypto_hash_sha256_state st;
    unsigned char sum[crypto_hash_sha256_BYTES];

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const unsigned char *)label, strlen(label));
    crypto_hash_sha256_update(&st, (const unsigned char *)token, strlen(token));
    crypto_hash_sha256_final(&st, sum);
    sodium_bin2hex(to, TOKEN_HASH, sum, sizeof sum);
}

void token_hash(const char *token, char to[TOKEN_HASH])
{
    hash_with("", token, to);
}

void token_csrf(const char *token, char to[TOKEN_HASH])
{
    hash_with("csrf:", token, to);
}

void token_cookie_name(const struct id *node, char to[TOKEN_COOKIE])
{
    snprintf(to, TOKEN_COOKIE, "bic_session_%.8s", node->s);
}

void token_set_cookie(struct reply *rp, const char *name, const char *token, int64_t seconds,
                      bool secure)
{
    snprintf(rp->cookie, sizeof rp->cookie,
             "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", name, token,
             (long long)seconds, secure ? "; Secure" : "");
}

/* The value of our cookie in the Cookie header; false if there is none or it has another length. */
static bool from_cookie(const char *header, const char *name, char token[TOKEN_TEXT])
{
    size_t n = strlen(name);

    for (const char *p = header; p && *p;) {
        size_t len;

        p += strspn(p, "; ");
        len = strcspn(p, ";");
        if (len == n + 1 + TOKEN_TEXT - 1 && strncmp(p, name, n) == 0 && p[n] == '=') {
            memcpy(token, p + n + 1, TOKEN_TEXT - 1);
            token[TOKEN_TEXT - 1] = '\0';
            return true;
        }
        p += len;
    }
    return false;
}

int token_of(const struct request *rq, const char *cookie, char token[TOKEN_TEXT], bool *by_cookie,
             struct err *e)
{
    const char *header = http_header(rq, "Authorization");

    if (header && (strncasecmp(header, "Bearer ", 7) != 0 || strlen(header + 7) != TOKEN_TEXT - 1))
        return err_set(e, ERR_NOT_SIGNED_IN,
                       "the Authorization header is not a bearer token of ours");
    *by_cookie = false;
    if (header)
        memcpy(token, header + 7, TOKEN_TEXT);
    else if (!(*by_cookie = from_cookie(http_header(rq, "Cookie"), cookie, token)))
        token[0] = '\0';
    return 0;
}
