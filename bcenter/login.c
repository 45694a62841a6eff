#include "bcenter/login.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/password.h"
#include "common/base/throttle.h"
#include "common/http/metric.h"
#include "sql/module/login.h"

enum { LIFE_MS = 12 * 3600 * 1000, IDLE_MS = 3600 * 1000, TOUCH_MS = 60 * 1000 };
enum { FULL_WAIT_S = 60 };
enum { WAITING = 12 }; /* of the listener's 16 workers: some are left for everybody else */

struct login_entry {
    char hash[TOKEN_HASH];
    struct id person;
    int64_t used, touched, expires; /* wall clock */
    struct login_entry *next_dead;
    UT_hash_handle hh;
};

struct login_book {
    struct passwords *passwords;
    struct throttle *throttle;
    pthread_mutex_t lock; /* the entries */
    struct login_entry *entries;
    struct login_entry *dead; /* ended; the database is still to be told */
};

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

/* Expired: its row is as old, and goes with the others of its age. */
static void drop(struct login_book *b, struct login_entry *en)
{
    HASH_DEL(b->entries, en);
    free(en);
}

/* Ends it before its time: its row must go too, or a restart would bring it back. Lock held. */
static void bury(struct login_book *b, struct login_entry *en)
{
    HASH_DEL(b->entries, en);
    en->next_dead = b->dead;
    b->dead = en;
}

int login_forget(struct bcenter *bc, struct db *db, struct err *e)
{
    struct login_book *b = bc->book;
    struct login_entry *en;
    int rc = 0;

    for (;;) {
        pthread_mutex_lock(&b->lock);
        en = b->dead;
        if (en)
            b->dead = en->next_dead;
        pthread_mutex_unlock(&b->lock);
        if (!en)
            return 0;
        rc = db_run(db, &Q_login_remove, DB_ARGS(en->hash), NULL, e);
        if (rc == 0) {
            free(en);
            continue;
        }
        pthread_mutex_lock(&b->lock); /* the next turn tries again */
        en->next_dead = b->dead;
        b->dead = en;
        pthread_mutex_unlock(&b->lock);
        return -1;
    }
}

enum standing { UNKNOWN, BARRED, WELCOME };

/* Administrators sign in at the CCC alone, also one who has just become one. */
static bool barred(const struct person *p)
{
    return p->disabled || strcmp(p->role, "admin") == 0;
}

static enum standing standing_of(struct bcenter *bc, const struct id *person)
{
    enum standing is;
    struct person *p;

    module_lock(&bc->m);
    p = module_person(&bc->m, person);
    is = !p ? UNKNOWN : barred(p) ? BARRED : WELCOME;
    module_unlock(&bc->m);
    return is;
}

int login_open(struct bcenter *bc, struct db *db, struct err *e)
{
    auto_result PGresult *r = NULL;
    struct login_book *b = calloc(1, sizeof *b);
    struct id person;

    if (!b)
        return err_set(e, ERR_INTERNAL, "out of memory");
    bc->book = b;
    pthread_mutex_init(&b->lock, NULL);
    b->throttle = throttle_new();
    if (!b->throttle)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (password_open((int)bc->config->login_workers, WAITING, &b->passwords, e) < 0)
        return -1;
    if (db_run(db, &Q_login_every, NULL, &r, e) < 0)
        return -1;
    for (int i = 0; i < db_rows(r); i++)
        if (id_parse(db_text(r, i, "person_id"), &person)) {
            struct login_entry *en =
                add(b, db_text(r, i, "token_hash"), &person, db_int(r, i, "expires_ms", 0));

            if (en)
                en->used = en->touched = db_int(r, i, "used_ms", 0);
            /* We ended before the database was told. Who is not known yet may come. */
            if (en && standing_of(bc, &person) == BARRED)
                bury(b, en);
        }
    return login_forget(bc, db, e);
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
    while ((en = b->dead)) {
        b->dead = en->next_dead;
        free(en);
    }
    throttle_free(b->throttle);
    password_close(b->passwords);
    pthread_mutex_destroy(&b->lock);
    free(b);
    bc->book = NULL;
}

/* ---- checking a password ---- */

/* Her verifier, or NULL; *person is "" if the answer can only be no. */
static char *verifier_of(struct bcenter *bc, const char *username, struct id *person)
{
    struct person *p;
    char *v = NULL;

    *person = (struct id){ "" };
    module_lock(&bc->m);
    p = module_person_named(&bc->m, username);
    if (p && p->verifier) {
        v = strdup(p->verifier);
        if (!barred(p))
            *person = p->id;
    }
    module_unlock(&bc->m);
    return v;
}

static int check(struct bcenter *bc, const struct login_ask *ask, struct id *person, int *wait_s,
                 struct err *e)
{
    struct login_book *b = bc->book;
    char *verifier;
    bool right;
    int rc;

    if (throttle_take(b->throttle, ask->username, ask->remote, clock_boot_ms(), wait_s, e) < 0)
        return -1;
    verifier = verifier_of(bc, ask->username, person);
    rc = password_verify(b->passwords, verifier, ask->password, &right, e);
    free(verifier);
    if (rc < 0) {
        throttle_return(b->throttle, ask->username, ask->remote, false);
        return -1;
    }
    if (right && id_set(person)) {
        throttle_return(b->throttle, ask->username, ask->remote, true);
        return 0;
    }
    metric_add(METRIC_LOGINS_REFUSED, 1);
    return err_set(e, ERR_BAD_CREDENTIALS, "the user name or the password is wrong");
}

static void drop_expired(struct login_book *b)
{
    struct login_entry *en, *next;
    int64_t now = clock_wall_ms();

    HASH_ITER(hh, b->entries, en, next)
    {
        if (en->expires < now || en->used + IDLE_MS < now)
            drop(b, en);
    }
}

/* Her one that was not used for longest makes room, when she has as many as one may. Lock held. */
static void room_for_her(struct login_book *b, const struct id *person)
{
    struct login_entry *en, *next, *oldest = NULL;
    int n = 0;

    HASH_ITER(hh, b->entries, en, next)
    {
        if (!id_eq(&en->person, person))
            continue;
        n++;
        if (!oldest || en->used < oldest->used)
            oldest = en;
    }
    if (n >= LOGINS_A_PERSON)
        bury(b, oldest);
}

static int room_for_all(struct login_book *b, int *wait_s, struct err *e)
{
    if (HASH_COUNT(b->entries) >= LOGINS)
        drop_expired(b);
    if (HASH_COUNT(b->entries) < LOGINS)
        return 0;
    *wait_s = FULL_WAIT_S;
    err_set(e, ERR_TOO_MANY_REQUESTS, "as many people are signed in here as can be");
    err_number(e, "sessions", (int64_t)HASH_COUNT(b->entries));
    return err_number(e, "limit", LOGINS);
}

/* The book is the judge of how many there are: a place in it, before the database is asked. */
static int take_place(struct bcenter *bc, const struct login_grant *g, const char *hash,
                      int *wait_s, struct err *e)
{
    struct login_book *b = bc->book;
    int rc;

    pthread_mutex_lock(&b->lock);
    room_for_her(b, &g->person);
    rc = room_for_all(b, wait_s, e);
    if (rc == 0 && !add(b, hash, &g->person, g->expires))
        rc = err_set(e, ERR_INTERNAL, "out of memory");
    pthread_mutex_unlock(&b->lock);
    return rc;
}

static void give_up(struct login_book *b, const char *hash)
{
    struct login_entry *en;

    pthread_mutex_lock(&b->lock);
    en = find(b, hash);
    if (en)
        bury(b, en); /* what became of the row is not known */
    pthread_mutex_unlock(&b->lock);
}

int login_make(struct bcenter *bc, struct db *db, const struct login_ask *ask,
               struct login_grant *out, int *wait_s, struct err *e)
{
    struct login_book *b = bc->book;
    char hash[TOKEN_HASH], expires[24];
    struct login_grant g;

    if (check(bc, ask, &g.person, wait_s, e) < 0)
        return -1;
    token_new(g.token);
    token_hash(g.token, hash);
    token_csrf(g.token, g.csrf);
    g.expires = clock_wall_ms() + LIFE_MS;
    snprintf(expires, sizeof expires, "%lld", (long long)g.expires);
    if (take_place(bc, &g, hash, wait_s, e) < 0)
        return -1;
    if (db_run(db, &Q_login_add, DB_ARGS(hash, g.person.s, expires), NULL, e) < 0) {
        give_up(b, hash);
        return -1;
    }
    /* Barred between the look at her and now: who bars her did not see this one, or forgot it
     * before its row was there. */
    if (standing_of(bc, &g.person) != WELCOME) {
        give_up(b, hash);
        (void)!db_run(db, &Q_login_remove, DB_ARGS(hash), NULL, e);
        *e = (struct err){ 0 };
        return err_set(e, ERR_BAD_CREDENTIALS, "the user name or the password is wrong");
    }
    metric_add(METRIC_LOGINS, 1);
    *out = g;
    return 0;
}

/* ---- sessions ---- */

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
    ok = p && !barred(p);
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
    char token[TOKEN_TEXT], hash[TOKEN_HASH], cookie[TOKEN_COOKIE];
    struct err ignored = { 0 };
    struct id person;
    bool by_cookie, touch = false;

    token_cookie_name(&bc->node.id, cookie);
    if (token_of(rq, cookie, token, &by_cookie, e) < 0)
        return -1;
    if (!token[0])
        return 0;
    token_hash(token, hash);
    if (!use(bc->book, hash, &person, &touch) || !fill(bc, &person, c)) {
        if (by_cookie)
            return 0; /* an old cookie is no session: open routes stay open */
        return err_set(e, ERR_NOT_SIGNED_IN, "the session has ended");
    }
    c->by_cookie = by_cookie;
    snprintf(c->session, sizeof c->session, "%s", hash);
    token_csrf(token, c->csrf);
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
        bury(bc->book, en);
    pthread_mutex_unlock(&bc->book->lock);
    return login_forget(bc, db, e);
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
    bool ends;

    if (!bc->book)
        return;
    module_lock(&bc->m);
    p = module_person(&bc->m, person);
    ends = !p || barred(p) || p->renewed;
    if (p)
        p->renewed = false;
    module_unlock(&bc->m);
    if (!ends)
        return;
    pthread_mutex_lock(&bc->book->lock);
    HASH_ITER(hh, bc->book->entries, en, next)
    {
        if (id_eq(&en->person, person))
            bury(bc->book, en);
    }
    pthread_mutex_unlock(&bc->book->lock);
}

void login_sweep(struct bcenter *bc, struct db *db)
{
    struct err e = { 0 };

    pthread_mutex_lock(&bc->book->lock);
    drop_expired(bc->book);
    pthread_mutex_unlock(&bc->book->lock);
    if (db_run(db, &Q_login_purge, NULL, NULL, &e) < 0)
        log_err("login-purge", &e);
}
