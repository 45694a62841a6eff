#include "bcenter/desktop_name.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { SLUG = 40 };

/* Twelve letters, without those that look like figures. */
static void word_of(const struct id *module, char to[DESKTOP_CODE])
{
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz";
    unsigned char h[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(h, (const unsigned char *)module->s, strlen(module->s));
    for (int i = 0; i < DESKTOP_CODE - 1; i++)
        to[i] = letters[h[i] % (sizeof letters - 1)];
    to[DESKTOP_CODE - 1] = '\0';
}

void desktop_code(const struct id *module, const struct id *others, int n, char to[DESKTOP_CODE])
{
    size_t len = 1;

    word_of(module, to);
    for (int i = 0; i < n; i++) {
        char other[DESKTOP_CODE];
        size_t same = 0;

        if (id_eq(&others[i], module))
            continue;
        word_of(&others[i], other);
        while (to[same] && to[same] == other[same])
            same++;
        len = same + 1 > len ? same + 1 : len;
    }
    if (len < DESKTOP_CODE)
        to[len] = '\0';
}

static void slug(const char *name, char to[SLUG])
{
    size_t n = 0;

    for (; *name && n + 1 < SLUG; name++) {
        unsigned char c = (unsigned char)*name;

        if (c < 0x80 && isalnum(c))
            to[n++] = (char)tolower(c);
        else if (n > 0 && to[n - 1] != '-')
            to[n++] = '-';
    }
    while (n > 0 && to[n - 1] == '-')
        n--;
    to[n] = '\0';
    if (n == 0)
        snprintf(to, SLUG, "desktop");
}

void desktop_name(const char *pool, const char *code, int number, char to[DESKTOP_NAME])
{
    char base[SLUG];

    slug(pool, base);
    snprintf(to, DESKTOP_NAME, "%s-%s%d", base, code, number);
}
