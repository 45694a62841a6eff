#include "common/base/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 65536, KEY = 2 * crypto_generichash_BYTES + 66 };

/* A leaky bucket: level in thousandths of a failure, leaking since at_ms. */
struct bucket {
    int64_t at_ms, level;
};

struct table {
    struct bucket bucket[BUCKETS];
    int64_t room, leak_ms; /* failures that fit; milliseconds in which one leaks out */
};

struct throttle {
    pthread_mutex_t lock; /* everything below */
    struct table pairs, addresses, names;
    unsigned char seed[crypto_shorthash_KEYBYTES];
};

struct throttle *throttle_new(void)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->pairs.room = 10;
    t->pairs.leak_ms = 30000;
    t->addresses.room = 100;
    t->addresses.leak_ms = 1000;
    t->names.room = 100;
    t->names.leak_ms = 1000;
    randombytes_buf(t->seed, sizeof t->seed);
    return t;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Two names in one bucket share its level: a collision makes the throttle tighter, never looser. */
static struct bucket *place_of(const struct throttle *t, struct table *of, const char *text)
{
    uint64_t key;

    crypto_shorthash((unsigned char *)&key, (const unsigned char *)text, strlen(text), t->seed);
    return &of->bucket[key % BUCKETS];
}

static struct bucket *bucket_of(const struct throttle *t, struct table *of, const char *text,
                                int64_t now)
{
    struct bucket *b = place_of(t, of, text);
    int64_t leaked = b->at_ms ? (now - b->at_ms) * 1000 / of->leak_ms : 0;
    b->level = leaked >= b->level ? 0 : b->level - leaked;
    /* The rest of a thousandth counts on: who asks often does not stop the leak. */
    b->at_ms = b->at_ms && b->level ? b->at_ms + leaked * of->leak_ms / 1000 : now;
    return b;
}

static int64_t wait_of(const struct bucket *b, int64_t room, int64_t leak_ms)
{
    int64_t over = b->level - (room - 1) * 1000;

    return over > 0 ? over * leak_ms / 1000 : 0;
}

/* What one household has: an IPv4 address, or the first half of an IPv6 one. */
static void home_of(const char *address, char *home, size_t size)
{
    struct in6_addr a;

    snprintf(home, size, "%s", address);
    home[strcspn(home, "%")] = '\0'; /* the zone of a link-local one */
    if (inet_pton(AF_INET6, home, &a) != 1 || IN6_IS_ADDR_V4MAPPED(&a))
        return;
    memset(a.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &a, home, (socklen_t)size);
}

struct places {
    char home[64], pair[KEY];
};

static void places_of(const char *name, const char *address, struct places *p)
{
    unsigned char hash[crypto_generichash_BYTES];
    char hex[2 * sizeof hash + 1];

    home_of(address, p->home, sizeof p->home);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)name, strlen(name), NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash); /* a name of any length */
    snprintf(p->pair, sizeof p->pair, "%s %s", hex, p->home);
}

int throttle_take(struct throttle *t, const char *name, const char *address, int64_t now,
                  int *wait_s, struct err *e)
{
    struct bucket *pair, *home, *everywhere;
    int64_t pair_ms, home_ms, ms, room;
    struct places p;

    places_of(name, address, &p);
    pthread_mutex_lock(&t->lock);
    pair = bucket_of(t, &t->pairs, p.pair, now);
    home = bucket_of(t, &t->addresses, p.home, now);
    everywhere = bucket_of(t, &t->names, name, now);
    room = wait_of(everywhere, t->names.room, t->names.leak_ms) > 0 ? 1 : t->pairs.room;
    pair_ms = wait_of(pair, room, t->pairs.leak_ms);
    home_ms = wait_of(home, t->addresses.room, t->addresses.leak_ms);
    ms = pair_ms > home_ms ? pair_ms : home_ms;
    if (ms <= 0) {
        pair->level += 1000;
        home->level += 1000;
        if (everywhere->level < t->names.room * 1000)
            everywhere->level += 1000;
    }
    pthread_mutex_unlock(&t->lock);
    if (ms <= 0)
        return 0;
    *wait_s = (int)(ms / 1000) + 1;
    return err_set(e, ERR_TOO_MANY_REQUESTS, "too many failed sign-ins, wait %d s", *wait_s);
}

static void give_back(struct bucket *b)
{
    b->level = b->level > 1000 ? b->level - 1000 : 0;
}

void throttle_return(struct throttle *t, const char *name, const char *address, bool right)
{
    struct places p;

    places_of(name, address, &p);
    pthread_mutex_lock(&t->lock);
    give_back(place_of(t, &t->pairs, p.pair));
    give_back(place_of(t, &t->addresses, p.home));
    give_back(place_of(t, &t->names, name));
    if (right)
        place_of(t, &t->pairs, p.pair)->level = 0;
    pthread_mutex_unlock(&t->lock);
}
