#include "common/wire/place.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { DESKTOPS_A_POINT = 10, POINTS_MAX = 100 };

static int64_t points_of(int64_t size)
{
    int64_t points = size / DESKTOPS_A_POINT;

    if (size <= 0)
        return 0;
    return points < 1 ? 1 : points > POINTS_MAX ? POINTS_MAX : points;
}

/*
 * The text up to the last slash is the same for all points of a module, so its hash state is made
 * once and copied: a pool over two modules costs at most 200 short blocks.
 */
static void heaviest(const struct id *person, const struct id *pool,
                     const struct place_share *share, unsigned char best[crypto_hash_sha256_BYTES])
{
    crypto_hash_sha256_state prefix;
    char text[3 * (ID_LEN + 1) + 1];
    int n = snprintf(text, sizeof text, "%s/%s/%s/", person->s, pool->s, share->module.s);

    crypto_hash_sha256_init(&prefix);
    crypto_hash_sha256_update(&prefix, (const unsigned char *)text, (unsigned long long)n);
    memset(best, 0, crypto_hash_sha256_BYTES);
    for (int64_t p = 0; p < points_of(share->size); p++) {
        crypto_hash_sha256_state one = prefix;
        unsigned char weight[crypto_hash_sha256_BYTES];
        char number[8];

        n = snprintf(number, sizeof number, "%d", (int)p);
        crypto_hash_sha256_update(&one, (const unsigned char *)number, (unsigned long long)n);
        crypto_hash_sha256_final(&one, weight);
        if (memcmp(weight, best, sizeof weight) > 0)
            memcpy(best, weight, sizeof weight);
    }
}

int place_module(const struct id *person, const struct id *pool, const struct place_share *shares,
                 int n, const unsigned char *skip)
{
    unsigned char best[crypto_hash_sha256_BYTES], weight[crypto_hash_sha256_BYTES];
    int place = -1;

    for (int i = 0; i < n; i++) {
        if (shares[i].size <= 0 || (skip && skip[i]))
            continue;
        heaviest(person, pool, &shares[i], weight);
        if (place >= 0 && memcmp(weight, best, sizeof best) <= 0)
            continue;
        memcpy(best, weight, sizeof best);
        place = i;
    }
    return place;
}
