#include "bcenter/login.h"

#include <sodium.h>
#include <string.h>

#include "bcenter/throttle.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "sql/module/login.h"

enum {
    LIFE_MS = 12 * 3600 * 1000,
    IDLE_MS = 3600 * 1000,
    TOUCH_MS = 60 * 1000,
    QUEUE = 6,
    SECRET = 32
};
enum { HASH_OPS = 2, HASH_MEMORY = 19 * 1024 * 1024 };

struct login_entry {
    char hash[LOGIN_HASH];
    struct id person;
    int64_t used, touched, expires; /* wall clock */
    UT_hash_handle hh;
};

struct login_book {
    pthread_mutex_t lock; /* everything below */
    struct login_entry *entries;
    struct throttle *names, *addresses;
    pthread_cond_t slot;
    int64_t free_slots, waiting;
    char dummy[crypto_pwhash_STRBYTES]; /* what an unknown name's password is checked against */
};

static void sha256_hex(const char *text, const char *label, char hex[LOGIN_HASH])
{
    unsigned char h[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state st;

    crypto_hash_sha256_init(&st);
    crypto_hash_sha256_update(&st, (const unsigned char *)text, strlen(text));
    crypto_hash_sha256_update(&st, (const unsigned char *)label, strlen(label));
    crypto_hash_sha256_final(&st, h);
    sodium_bin2hex(hex, LOGIN_HASH, h, sizeof h);
}

static struct login_entry *find(struct login_book *b, const char *hash)
{
    struct login_entry *en;

    HASH_FIND_STR(b->entries, hash, en);
    return en;
}

static struct login_entry *add(struct login_book *b, const char *hash, const struct id *person,
                               int64_t expires)
{
    struct login_entry *en = calloc(1, sizeof *en);

    if (!en)
        return NULL;
    snprintf(en->hash, sizeof en->hash, "%s", hash);
    en->person = *person;
    en->expires = expires;
    en->used = en->touched = clock_wall_ms();
    HASH_ADD_STR(b->entries, hash, en);
    return en;
}

static void drop(struct login_book *b, struct login_entry *en)
{
    HASH_DEL(b->entries, en);
    free(en);
}

int login_open(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct login_book *b = calloc(1, sizeof *b);
    unsigned char noise[SECRET];
    char words[2 * SECRET + 1];
    struct id person;

    if (!b)
        return err_set(e, ERR_INTERNAL, "out of memory");
    bc->book = b;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->slot, NULL);
    b->free_slots = bc->config->login_workers;
    b->names = throttle_new(8, 60000);
    b->addresses = throttle_new(60, 60000);
    randombytes_buf(noise, sizeof noise);
    sodium_bin2hex(words, sizeof words, noise, sizeof noise);
    if (!b->names || !b->addresses ||
        crypto_pwhash_str(b->dummy, words, strlen(words), HASH_OPS, HASH_MEMORY) != 0)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (db_run(db, &Q_login_every, NULL, &r, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(r); i++)
        if (id_parse(db_text(r, i, "person_id"), &person)) {
            struct login_entry *en =
                add(b, db_text(r, i, "token_hash"), &person, db_int(r, i, "expires_ms", 0));

            if (en)
                en->used = en->touched = db_int(r, i, "used_ms", 0);
        }
    return 0;
}

void login_close(struct bcenter *bc)
{
    struct login_book *b = bc->book;
    struct login_entry *en, *next;

    if (!b)
        return;
    HASH_ITER(hh, b->entries, en, next)
    {
        drop(b, en);
    }
    throttle_free(b->names);
    throttle_free(b->addresses);
    pthread_cond_destroy(&b->slot);
    pthread_mutex_destroy(&b->lock);
    free(b);
    bc->book = NULL;
}

/* ---- checking a password ---- */

static int slot_take(struct login_book *b, int64_t deadline_ms, struct err *e)
{
    struct timespec until;
    int64_t left = deadline_ms - clock_boot_ms();
    int rc = 0;

    if (left > 5000 || left <= 0)
        left = 5000;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += left / 1000 + 1;
    pthread_mutex_lock(&b->lock);
    if (b->free_slots <= 0 && b->waiting >= QUEUE) {
        pthread_mutex_unlock(&b->lock);
        return err_set(e, ERR_OVERLOADED, "too many people sign in at this moment");
    }
    b->waiting++;
    while (b->free_slots <= 0 && rc == 0)
        rc = pthread_cond_timedwait(&b->slot, &b->lock, &until);
    b->waiting--;
    if (b->free_slots > 0) {
        b->free_slots--;
        rc = 0;
    }
    pthread_mutex_unlock(&b->lock);
    return rc ? err_set(e, ERR_OVERLOADED, "too many people sign in at this moment") : 0;
}

static void slot_give(struct login_book *b)
{
    pthread_mutex_lock(&b->lock);
    b->free_slots++;
    pthread_cond_signal(&b->slot);
    pthread_mutex_unlock(&b->lock);
}

/* The verifier to check against: hers, or the dummy; *person is "" if the answer can only be no. */
static char *verifier_of(struct bcenter *bc, const char *username, struct id *person)
{
    struct person *p;
    char *v;

    *person = (struct id){ "" };
    module_lock(&bc->m);
    p = module_person_named(&bc->m, username);
    if (p && p->verifier && !p->disabled)
        *person = p->id;
    v = strdup(p && p->verifier ? p->verifier : bc->book->dummy);
    module_unlock(&bc->m);
    return v;
}

static int check(struct bcenter *bc, const struct login_ask *ask, struct id *person, struct err *e)
{
    struct login_book *b = bc->book;
    char *verifier;
    bool right;

    if (slot_take(b, ask->deadline_ms, e) < 0)
        return -1;
    verifier = verifier_of(bc, ask->username, person);
    right =
        verifier && crypto_pwhash_str_verify(verifier, ask->password, strlen(ask->password)) == 0;
    free(verifier);
    slot_give(b);
    if (right && id_set(person))
        return 0;
    metric_add(METRIC_LOGINS_REFUSED, 1);
    pthread_mutex_lock(&b->lock);
    throttle_failed(b->names, ask->username, clock_boot_ms());
    throttle_failed(b->addresses, ask->remote, clock_boot_ms());
    pthread_mutex_unlock(&b->lock);
    return err_set(e, ERR_BAD_CREDENTIALS, "user name or password is wrong");
}

static int admit(struct login_book *b, const struct login_ask *ask, struct err *e)
{
    int64_t now = clock_boot_ms();
    bool open;

    pthread_mutex_lock(&b->lock);
    open = throttle_open(b->names, ask->username, now) &&
           throttle_open(b->addresses, ask->remote, now);
    pthread_mutex_unlock(&b->lock);
    return open ? 0 : err_set(e, ERR_TOO_MANY_REQUESTS, "too many attempts, wait a minute");
}

int login_make(struct bcenter *bc, struct db *db, const struct login_ask *ask,
               struct login_grant *out, struct err *e)
{
    struct login_book *b = bc->book;
    unsigned char secret[SECRET];
    char hash[LOGIN_HASH], expires[24];
    struct login_grant g;
    bool kept;

    if (admit(b, ask, e) < 0 || check(bc, ask, &g.person, e) < 0)
        return -1;
    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(g.token, sizeof g.token, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof secret);
    sha256_hex(g.token, "", hash);
    sha256_hex(g.token, "csrf", g.csrf);
    g.expires = clock_wall_ms() + LIFE_MS;
    snprintf(expires, sizeof expires, "%lld", (long long)g.expires);
    if (db_run(db, &Q_login_add, DB_ARGS(hash, g.person.s, expires), NULL, e) < 0)
        return -1;
    pthread_mutex_lock(&b->lock);
    kept = add(b, hash, &g.person, g.expires) != NULL;
    pthread_mutex_unlock(&b->lock);
    if (!kept)
        return err_set(e, ERR_INTERNAL, "out of memory");
    metric_add(METRIC_LOGINS, 1);
    *out = g;
    return 0;
}

/* ---- sessions ---- */

const char *login_cookie_name(const struct bcenter *bc, char to[40])
{
    snprintf(to, 40, "bic_session_%.8s", bc->node.id.s);
    return to;
}

/* The token in Authorization or in our cookie; "" if there is none. */
static void token_of(const struct request *rq, char token[LOGIN_TOKEN], bool *by_cookie)
{
    const struct bcenter *bc = rq->app;
    const char *bearer = http_header(rq, "Authorization"), *cookie = http_header(rq, "Cookie");
    char name[40];
    size_t len = strlen(login_cookie_name(bc, name)), n;

    token[0] = '\0';
    *by_cookie = false;
    if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0) {
        snprintf(token, LOGIN_TOKEN, "%s", bearer + 7 + strspn(bearer + 7, " "));
        return;
    }
    for (const char *p = cookie; p && *p; p += strcspn(p, ";"), p += strspn(p, "; ")) {
        if (strncmp(p, name, len) != 0 || p[len] != '=')
            continue;
        n = strcspn(p + len + 1, "; ");
        snprintf(token, LOGIN_TOKEN, "%.*s", (int)(n < LOGIN_TOKEN ? n : LOGIN_TOKEN - 1),
                 p + len + 1);
        *by_cookie = true;
        return;
    }
}

/* Its person, if the session lives; *touch: tell the database that it was used. */
static bool use(struct login_book *b, const char *hash, struct id *person, bool *touch)
{
    int64_t now = clock_wall_ms();
    struct login_entry *en;

    pthread_mutex_lock(&b->lock);
    en = find(b, hash);
    if (en && (en->expires < now || en->used + IDLE_MS < now)) {
        drop(b, en);
        en = NULL;
    }
    if (en) {
        *person = en->person;
        *touch = now - en->touched > TOUCH_MS;
        en->used = now;
        if (*touch)
            en->touched = now;
    }
    pthread_mutex_unlock(&b->lock);
    return en != NULL;
}

static bool fill(struct bcenter *bc, const struct id *person, struct caller *c)
{
    struct person *p;
    bool ok;

    module_lock(&bc->m);
    p = module_person(&bc->m, person);
    ok = p && !p->disabled;
    if (ok) {
        c->kind = CALLER_PERSON;
        c->id = p->id;
        snprintf(c->name, sizeof c->name, "%s", p->username);
        snprintf(c->role, sizeof c->role, "%s", p->role[0] ? p->role : "user");
    }
    module_unlock(&bc->m);
    return ok;
}

int login_authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    struct bcenter *bc = rq->app;
    char token[LOGIN_TOKEN], hash[LOGIN_HASH];
    struct err ignored = { 0 };
    struct id person;
    bool by_cookie, touch = false;

    token_of(rq, token, &by_cookie);
    if (!token[0])
        return 0;
    sha256_hex(token, "", hash);
    if (!use(bc->book, hash, &person, &touch) || !fill(bc, &person, c)) {
        if (by_cookie)
            return 0; /* an old cookie is no session: open routes stay open */
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended");
    }
    c->by_cookie = by_cookie;
    snprintf(c->session, sizeof c->session, "%s", hash);
    sha256_hex(token, "csrf", c->csrf);
    if (touch && rq->worker &&
        db_run(bcenter_db(rq), &Q_login_touch, DB_ARGS(hash), NULL, &ignored) < 0)
        log_err("login-touch", &ignored);
    return 0;
}

int login_end(struct bcenter *bc, struct db *db, const char *token_hash, struct err *e)
{
    struct login_entry *en;

    pthread_mutex_lock(&bc->book->lock);
    en = find(bc->book, token_hash);
    if (en)
        drop(bc->book, en);
    pthread_mutex_unlock(&bc->book->lock);
    return db_run(db, &Q_login_remove, DB_ARGS(token_hash), NULL, e);
}

int64_t login_expires(struct bcenter *bc, const char *token_hash)
{
    struct login_entry *en;
    int64_t at;

    pthread_mutex_lock(&bc->book->lock);
    en = find(bc->book, token_hash);
    at = en ? en->expires : 0;
    pthread_mutex_unlock(&bc->book->lock);
    return at;
}

void login_person_changed(struct bcenter *bc, const struct id *person)
{
    struct login_entry *en, *next;
    struct person *p;
    bool may;

    module_lock(&bc->m);
    p = module_person(&bc->m, person);
    may = p && !p->disabled;
    module_unlock(&bc->m);
    if (may || !bc->book)
        return;
    pthread_mutex_lock(&bc->book->lock);
    HASH_ITER(hh, bc->book->entries, en, next)
    {
        if (id_eq(&en->person, person))
            drop(bc->book, en);
    }
    pthread_mutex_unlock(&bc->book->lock);
}

void login_sweep(struct bcenter *bc, struct db *db)
{
    struct err e = { 0 };
    struct login_entry *en, *next;
    int64_t now = clock_wall_ms();

    pthread_mutex_lock(&bc->book->lock);
    HASH_ITER(hh, bc->book->entries, en, next)
    {
        if (en->expires < now || en->used + IDLE_MS < now)
            drop(bc->book, en);
    }
    pthread_mutex_unlock(&bc->book->lock);
    if (db_run(db, &Q_login_purge, NULL, NULL, &e) < 0)
        log_err("login-purge", &e);
}
