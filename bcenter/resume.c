#include "bcenter/resume.h"

#include <sodium.h>
#include <string.h>

void resume_secret(const struct module *m, const struct id *session, char to[RESUME_SECRET])
{
    unsigned char secret[crypto_generichash_BYTES];

    crypto_generichash(secret, sizeof secret, (const unsigned char *)session->s, ID_LEN,
                       m->resume_key, sizeof m->resume_key);
    sodium_bin2base64(to, RESUME_SECRET, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof secret);
}

void resume_hash(const char *secret, unsigned char to[RESUME_HASH])
{
    crypto_hash_sha256(to, (const unsigned char *)secret, strlen(secret));
}

/* A session of an earlier version was given a random secret, of which only the hash is known; what
 * is told of it now is derived. Both open it. */
bool resume_opens(const struct module *m, const struct session *s, const char *secret)
{
    unsigned char given[RESUME_HASH], derived[RESUME_HASH];
    char text[RESUME_SECRET];

    resume_hash(secret, given);
    resume_secret(m, &s->id, text);
    resume_hash(text, derived);
    sodium_memzero(text, sizeof text);
    return sodium_memcmp(given, s->resume_hash, sizeof given) == 0 ||
           sodium_memcmp(given, derived, sizeof given) == 0;
}
