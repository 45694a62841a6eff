#include "ccc/login.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

/* 19 MiB and two passes: 12 ms here, out of reach for cheap guessing hardware (OWASP's figures). */
enum { MEMORY = 19 << 20, PASSES = 2, WAIT_MS = 5000 };
enum { BUCKETS = 4096 };

/* A leaky bucket: level in thousandths of a failure, leaking since at_ms. */
struct bucket {
    uint64_t key;
    int64_t at_ms, level;
};

struct table {
    struct bucket bucket[BUCKETS];
    int64_t room, leak_ms; /* failures that fit; milliseconds in which one leaks out */
};

struct login {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int slots, running, waiting;
    char nobody[LOGIN_VERIFIER]; /* what unknown names are compared with */
    struct table names, addresses;
    unsigned char seed[crypto_shorthash_KEYBYTES];
};

static int hash_now(const char *password, char verifier[LOGIN_VERIFIER], struct err *e)
{
    if (crypto_pwhash_str(verifier, password, strlen(password), PASSES, MEMORY) != 0)
        return err_set(e, ERR_OVERLOADED, "no memory for the password check");
    return 0;
}

int login_open(int slots, struct login **out, struct err *e)
{
    struct login *l = calloc(1, sizeof *l);
    char random[33];
    unsigned char bytes[16];
    pthread_condattr_t a;

    if (!l)
        return err_set(e, ERR_INTERNAL, "out of memory");
    l->slots = slots;
    l->names.room = 10;
    l->names.leak_ms = 30000;
    l->addresses.room = 100;
    l->addresses.leak_ms = 1000;
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&l->freed, &a);
    pthread_condattr_destroy(&a);
    randombytes_buf(l->seed, sizeof l->seed);
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(random, sizeof random, bytes, sizeof bytes);
    if (hash_now(random, l->nobody, e) < 0) {
        login_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void login_close(struct login *l)
{
    if (!l)
        return;
    pthread_cond_destroy(&l->freed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static int slot_take(struct login *l, struct err *e)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&l->lock);
    if (l->running >= l->slots && l->waiting >= 4 * l->slots) {
        rc = err_set(e, ERR_OVERLOADED, "too many people sign in at once");
    } else {
        l->waiting++;
        while (l->running >= l->slots && rc == 0)
            if (pthread_cond_timedwait(&l->freed, &l->lock, &until) != 0 && l->running >= l->slots)
                rc = err_set(e, ERR_OVERLOADED, "too many people sign in at once");
        l->waiting--;
        l->running += rc == 0;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

static void slot_give(struct login *l)
{
    pthread_mutex_lock(&l->lock);
    l->running--;
    pthread_cond_signal(&l->freed);
    pthread_mutex_unlock(&l->lock);
}

int login_hash(struct login *l, const char *password, char verifier[LOGIN_VERIFIER], struct err *e)
{
    int rc;

    if (slot_take(l, e) < 0)
        return -1;
    rc = hash_now(password, verifier, e);
    slot_give(l);
    return rc;
}

int login_verify(struct login *l, const char *verifier, const char *password, bool *right,
                 struct err *e)
{
    bool same;

    if (slot_take(l, e) < 0)
        return -1;
    same =
        crypto_pwhash_str_verify(verifier ? verifier : l->nobody, password, strlen(password)) == 0;
    slot_give(l);
    *right = same && verifier;
    return 0;
}

bool login_stale(const char *verifier)
{
    return crypto_pwhash_str_needs_rehash(verifier, PASSES, MEMORY) != 0;
}

static uint64_t key_of(const struct login *l, const char *text)
{
    uint64_t key;

    crypto_shorthash((unsigned char *)&key, (const unsigned char *)text, strlen(text), l->seed);
    return key;
}

static struct bucket *bucket_of(struct table *t, uint64_t key, int64_t now)
{
    struct bucket *b = &t->bucket[key % BUCKETS];
    int64_t leaked = b->at_ms ? (now - b->at_ms) * 1000 / t->leak_ms : 0;

    b->level = leaked >= b->level ? 0 : b->level - leaked;
    b->at_ms = now;
    return b;
}

/* Two names in one bucket share its level: a collision makes the throttle tighter, never looser. */
static int64_t wait_of(struct table *t, uint64_t key, int64_t now)
{
    struct bucket *b = bucket_of(t, key, now);
    int64_t over = b->level - (t->room - 1) * 1000;

    return over > 0 ? over * t->leak_ms / 1000 : 0;
}

int login_allowed(struct login *l, const char *username, const char *address, int64_t now,
                  int *wait_s, struct err *e)
{
    int64_t name_ms, address_ms, ms;

    pthread_mutex_lock(&l->lock);
    name_ms = wait_of(&l->names, key_of(l, username), now);
    address_ms = wait_of(&l->addresses, key_of(l, address), now);
    pthread_mutex_unlock(&l->lock);
    ms = name_ms > address_ms ? name_ms : address_ms;
    if (ms <= 0)
        return 0;
    *wait_s = (int)(ms / 1000) + 1;
    return err_set(e, ERR_TOO_MANY_REQUESTS, "too many failed sign-ins, wait %d s", *wait_s);
}

void login_failed(struct login *l, const char *username, const char *address, int64_t now)
{
    pthread_mutex_lock(&l->lock);
    bucket_of(&l->names, key_of(l, username), now)->level += 1000;
    bucket_of(&l->addresses, key_of(l, address), now)->level += 1000;
    pthread_mutex_unlock(&l->lock);
}

void login_succeeded(struct login *l, const char *username)
{
    pthread_mutex_lock(&l->lock);
    l->names.bucket[key_of(l, username) % BUCKETS].level = 0;
    pthread_mutex_unlock(&l->lock);
}
