#include "common/base/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

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
    struct table names, addresses;
    unsigned char seed[crypto_shorthash_KEYBYTES];
};

struct throttle *throttle_new(void)
{
    struct throttle *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->names.room = 10;
    t->names.leak_ms = 30000;
    t->addresses.room = 100;
    t->addresses.leak_ms = 1000;
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

static int64_t wait_of(const struct throttle *t, struct table *of, const char *text, int64_t now)
{
    int64_t over = bucket_of(t, of, text, now)->level - (of->room - 1) * 1000;

    return over > 0 ? over * of->leak_ms / 1000 : 0;
}

int throttle_allowed(struct throttle *t, const char *name, const char *address, int64_t now,
                     int *wait_s, struct err *e)
{
    int64_t name_ms, address_ms, ms;

    pthread_mutex_lock(&t->lock);
    name_ms = wait_of(t, &t->names, name, now);
    address_ms = wait_of(t, &t->addresses, address, now);
    pthread_mutex_unlock(&t->lock);
    ms = name_ms > address_ms ? name_ms : address_ms;
    if (ms <= 0)
        return 0;
    *wait_s = (int)(ms / 1000) + 1;
    return err_set(e, ERR_TOO_MANY_REQUESTS, "too many failed sign-ins, wait %d s", *wait_s);
}

void throttle_failed(struct throttle *t, const char *name, const char *address, int64_t now)
{
    pthread_mutex_lock(&t->lock);
    bucket_of(t, &t->names, name, now)->level += 1000;
    bucket_of(t, &t->addresses, address, now)->level += 1000;
    pthread_mutex_unlock(&t->lock);
}

void throttle_succeeded(struct throttle *t, const char *name)
{
    pthread_mutex_lock(&t->lock);
    place_of(t, &t->names, name)->level = 0;
    pthread_mutex_unlock(&t->lock);
}
