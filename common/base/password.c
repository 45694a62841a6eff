#include "common/base/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* 19 MiB and two passes: 12 ms here, out of reach for cheap guessing hardware (OWASP's figures). */
enum { MEMORY = 19 << 20, PASSES = 2, WAIT_MS = 5000 };

struct passwords {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    int slots, waiting_max, running, waiting;
    char nobody[PASSWORD_VERIFIER]; /* what unknown names are compared with */
};

static int hash_now(const char *password, char verifier[PASSWORD_VERIFIER], struct err *e)
{
    if (crypto_pwhash_str(verifier, password, strlen(password), PASSES, MEMORY) != 0)
        return err_set(e, ERR_OVERLOADED, "no memory for the password check");
    return 0;
}

int password_open(int slots, int waiting, struct passwords **out, struct err *e)
{
    struct passwords *p = calloc(1, sizeof *p);
    char random[33];
    unsigned char bytes[16];
    pthread_condattr_t a;

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->slots = slots;
    p->waiting_max = waiting;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&p->freed, &a);
    pthread_condattr_destroy(&a);
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(random, sizeof random, bytes, sizeof bytes);
    if (hash_now(random, p->nobody, e) < 0) {
        password_close(p);
        return -1;
    }
    *out = p;
    return 0;
}

void password_close(struct passwords *p)
{
    if (!p)
        return;
    pthread_cond_destroy(&p->freed);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static int slot_take(struct passwords *p, struct err *e)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&p->lock);
    if (p->running >= p->slots && p->waiting >= p->waiting_max) {
        rc = err_set(e, ERR_OVERLOADED, "too many people sign in at once");
    } else {
        p->waiting++;
        while (p->running >= p->slots && rc == 0)
            if (pthread_cond_timedwait(&p->freed, &p->lock, &until) != 0 && p->running >= p->slots)
                rc = err_set(e, ERR_OVERLOADED, "too many people sign in at once");
        p->waiting--;
        p->running += rc == 0;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

static void slot_give(struct passwords *p)
{
    pthread_mutex_lock(&p->lock);
    p->running--;
    pthread_cond_signal(&p->freed);
    pthread_mutex_unlock(&p->lock);
}

int password_hash(struct passwords *p, const char *password, char verifier[PASSWORD_VERIFIER],
                  struct err *e)
{
    int rc;

    if (slot_take(p, e) < 0)
        return -1;
    rc = hash_now(password, verifier, e);
    slot_give(p);
    return rc;
}

int password_verify(struct passwords *p, const char *verifier, const char *password, bool *right,
                    struct err *e)
{
    bool same;

    if (slot_take(p, e) < 0)
        return -1;
    same =
        crypto_pwhash_str_verify(verifier ? verifier : p->nobody, password, strlen(password)) == 0;
    slot_give(p);
    *right = same && verifier;
    return 0;
}

bool password_stale(const char *verifier)
{
    return crypto_pwhash_str_needs_rehash(verifier, PASSES, MEMORY) != 0;
}
