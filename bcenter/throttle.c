#include "bcenter/throttle.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 8192 };

struct throttle {
    int failures;
    int64_t window_ms;
    unsigned char seed[crypto_shorthash_KEYBYTES];
    struct place {
        int64_t since;
        int count;
    } places[PLACES];
};

struct throttle *throttle_new(int failures, int64_t window_ms)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->failures = failures;
    t->window_ms = window_ms;
    randombytes_buf(t->seed, sizeof t->seed);
    return t;
}

void throttle_free(struct throttle *t)
{
    free(t);
}

static unsigned place_of(const struct throttle *t, const char *key)
{
    unsigned char h[crypto_shorthash_BYTES];

    crypto_shorthash(h, (const unsigned char *)(key ? key : ""), key ? strlen(key) : 0, t->seed);
    return ((unsigned)h[0] << 8 | h[1]) % PLACES;
}

bool throttle_open(const struct throttle *t, const char *key, int64_t now_ms)
{
    const struct place *p = &t->places[place_of(t, key)];

    return p->count < t->failures || now_ms - p->since >= t->window_ms;
}

void throttle_failed(struct throttle *t, const char *key, int64_t now_ms)
{
    struct place *p = &t->places[place_of(t, key)];

    if (now_ms - p->since >= t->window_ms) {
        p->since = now_ms;
        p->count = 0;
    }
    p->count++;
}
