#include "bserver-agent/intent.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"

enum { PATH_SIZE = 512, FILE_MAX = 16 << 20 };

struct intent {
    char dir[PATH_SIZE - 64];
    bool lost;
    pthread_mutex_t lock;
    pthread_cond_t written_cond;
    json_t *all;              /* the file as a value */
    int64_t changed, written; /* versions */
    bool writing;
};

static const char *const run_words[] = { "none", "starting", "running", "ended" };
static const char *const order_words[] = { "none", "begun", "done", "failed", "unknown" };

static int word_index(const char *const words[], int n, const char *word)
{
    for (int i = 0; word && i < n; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return 0;
}

static int io_fail(struct err *e, const char *what)
{
    int code = errno;

    err_set(e, ERR_STORAGE_FAILED, "the agent's state file could not be written");
    return err_cause(e, "%s: errno %d", what, code);
}

static bool write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, text, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        text += w;
        n -= (size_t)w;
    }
    return true;
}

static int store(const struct intent *t, const char *text, struct err *e)
{
    char part[PATH_SIZE], path[PATH_SIZE];
    int fd, rc = 0;

    snprintf(part, sizeof part, "%s/state.json.part", t->dir);
    snprintf(path, sizeof path, "%s/state.json", t->dir);
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_fail(e, "open");
    if (!write_all(fd, text, strlen(text)) || fsync(fd) < 0)
        rc = io_fail(e, "write");
    close(fd);
    if (rc < 0)
        return -1;
    if (rename(part, path) < 0)
        return io_fail(e, "rename");
    fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_fail(e, "open directory");
    if (fsync(fd) < 0)
        rc = io_fail(e, "fsync directory");
    close(fd);
    return rc;
}

/* With the lock held; returns with it held. Whoever finds nobody writing writes for all who wait.
 */
static int commit(struct intent *t, int64_t version, struct err *e)
{
    while (t->written < version) {
        struct err mine = { 0 };
        int64_t now;
        char *text;

        if (t->writing) {
            pthread_cond_wait(&t->written_cond, &t->lock);
            continue;
        }
        now = t->changed;
        text = json_dumps(t->all, JSON_COMPACT);
        t->writing = true;
        pthread_mutex_unlock(&t->lock);
        if (!text)
            err_set(&mine, ERR_INTERNAL, "out of memory");
        else
            (void)!store(t, text, &mine);
        free(text);
        pthread_mutex_lock(&t->lock);
        t->writing = false;
        pthread_cond_broadcast(&t->written_cond);
        if (mine.code != ERR_NONE) {
            err_set(e, mine.code, "%s", mine.detail);
            return err_cause(e, "%s", mine.cause);
        }
        t->written = now;
    }
    return 0;
}

static int change_done(struct intent *t, struct err *e)
{
    int rc = commit(t, ++t->changed, e);

    pthread_mutex_unlock(&t->lock);
    return rc;
}

static char *read_file(const char *path, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text = NULL;
    ssize_t got = -1;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &st) == 0 && st.st_size <= FILE_MAX)
        text = malloc((size_t)st.st_size + 1);
    if (text)
        got = read(fd, text, (size_t)st.st_size);
    close(fd);
    if (got < 0) {
        free(text);
        return NULL;
    }
    *n = (size_t)got;
    return text;
}

/* What cannot be read is put aside, for people to look at. */
static void quarantine(const char *path)
{
    char to[PATH_SIZE + 64];

    snprintf(to, sizeof to, "%s.bad.%lld", path, (long long)clock_wall_ms());
    log_error("event=state-file-unreadable kept=%s", rename(path, to) == 0 ? to : "no");
}

static json_t *member(json_t *all, const char *name)
{
    json_t *o = json_object_get(all, name);

    if (!json_is_object(o)) {
        o = json_object();
        json_object_set_new(all, name, o);
    }
    return o;
}

static int load(struct intent *t, bool desktops_known)
{
    char path[PATH_SIZE];
    struct err bad = { 0 };
    size_t n = 0;
    char *text;
    bool there;

    snprintf(path, sizeof path, "%s/state.json", t->dir);
    there = access(path, F_OK) == 0;
    text = read_file(path, &n);
    if (text && (json_read(text, n, &t->all, &bad) < 0 || !json_is_object(t->all))) {
        json_decref(t->all);
        t->all = NULL;
    }
    free(text);
    if (!t->all) {
        t->lost = there || desktops_known;
        if (there)
            quarantine(path);
        t->all = json_object();
    }
    if (!t->all)
        return -1;
    json_object_set_new(t->all, "v", json_integer(1));
    member(t->all, "desktops");
    member(t->all, "orders");
    return 0;
}

/* An order that was begun and has no result may or may not have been done: nobody repeats it. */
static void orders_to_unknown(struct intent *t)
{
    const char *key;
    json_t *o;

    json_object_foreach(member(t->all, "orders"), key, o)
    {
        const char *state = json_str(o, "state");

        if (state && strcmp(state, order_words[INTENT_ORDER_BEGUN]) == 0)
            json_put_str(o, "state", order_words[INTENT_ORDER_UNKNOWN]);
    }
}

int intent_open(const char *state_dir, bool desktops_known, struct intent **out, struct err *e)
{
    struct intent *t = calloc(1, sizeof *t);

    if (!t || strlen(state_dir) >= sizeof t->dir) {
        free(t);
        return err_set(e, ERR_STORAGE_FAILED, "the state directory cannot be used");
    }
    snprintf(t->dir, sizeof t->dir, "%s", state_dir);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->written_cond, NULL);
    if (load(t, desktops_known) < 0) {
        intent_close(t);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    orders_to_unknown(t);
    pthread_mutex_lock(&t->lock);
    if (change_done(t, e) < 0) {
        intent_close(t);
        return -1;
    }
    *out = t;
    return 0;
}

void intent_close(struct intent *t)
{
    if (!t)
        return;
    json_decref(t->all);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->written_cond);
    free(t);
}

bool intent_lost(const struct intent *t)
{
    return t->lost;
}

int64_t intent_epoch(struct intent *t)
{
    int64_t epoch;

    pthread_mutex_lock(&t->lock);
    epoch = json_num(t->all, "epoch", 0);
    pthread_mutex_unlock(&t->lock);
    return epoch;
}

int intent_obey(struct intent *t, int64_t epoch, struct err *e)
{
    int64_t highest;

    pthread_mutex_lock(&t->lock);
    highest = json_num(t->all, "epoch", 0);
    if (epoch > highest) {
        json_put_int(t->all, "epoch", epoch);
        return change_done(t, e);
    }
    pthread_mutex_unlock(&t->lock);
    if (epoch == highest)
        return 0;
    err_set(e, ERR_EPOCH_STALE, "the leader's epoch is older than one already obeyed");
    return err_cause(e, "epoch %lld, obeyed %lld", (long long)epoch, (long long)highest);
}

/* With the lock held. */
static json_t *desktop(struct intent *t, const struct id *id)
{
    return json_object_get(json_object_get(t->all, "desktops"), id->s);
}

void intent_run(struct intent *t, const struct id *id, struct intent_run *out)
{
    const char *detail, *slug;
    json_t *o;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&t->lock);
    o = desktop(t, id);
    if (json_id(o, "run", &out->run)) {
        out->state = (enum intent_state)word_index(run_words, 4, json_str(o, "state"));
        out->crashed = json_flag(o, "crashed", false);
        slug = json_str(o, "slug");
        out->code = slug ? err_from_slug(slug) : ERR_NONE;
        detail = json_str(o, "detail");
        text_cut(out->detail, sizeof out->detail, detail ? detail : "");
    }
    pthread_mutex_unlock(&t->lock);
}

static bool in_used(const json_t *o, const char *run)
{
    const json_t *used = json_object_get(o, "used");

    for (size_t i = 0; i < json_array_size(used); i++) {
        const char *s = json_string_value(json_array_get(used, i));

        if (s && strcmp(s, run) == 0)
            return true;
    }
    return false;
}

bool intent_used(struct intent *t, const struct id *id, const struct id *run)
{
    bool used;

    pthread_mutex_lock(&t->lock);
    used = in_used(desktop(t, id), run->s);
    pthread_mutex_unlock(&t->lock);
    return used;
}

bool intent_knows(struct intent *t, const struct id *id)
{
    bool known;

    pthread_mutex_lock(&t->lock);
    known = desktop(t, id) != NULL;
    pthread_mutex_unlock(&t->lock);
    return known;
}

static void use(json_t *o, const char *run)
{
    json_t *used = json_object_get(o, "used");

    if (!json_is_array(used)) {
        used = json_array();
        json_object_set_new(o, "used", used);
    }
    if (in_used(o, run))
        return;
    json_array_append_new(used, json_string(run));
    while (json_array_size(used) > INTENT_USED)
        json_array_remove(used, 0);
}

int intent_set_run(struct intent *t, const struct id *id, const struct intent_run *run,
                   struct err *e)
{
    json_t *o;

    pthread_mutex_lock(&t->lock);
    o = desktop(t, id);
    if (!o) {
        o = json_object();
        json_object_set_new(json_object_get(t->all, "desktops"), id->s, o);
    }
    json_put_str(o, "run", run->run.s);
    json_put_str(o, "state", run_words[run->state]);
    json_put_bool(o, "crashed", run->crashed);
    json_put_str(o, "slug", err_slug(run->code));
    json_put_str(o, "detail", run->detail);
    use(o, run->run.s);
    return change_done(t, e);
}

int intent_forget(struct intent *t, const struct id *id, struct err *e)
{
    pthread_mutex_lock(&t->lock);
    if (json_object_del(json_object_get(t->all, "desktops"), id->s) == 0)
        return change_done(t, e);
    pthread_mutex_unlock(&t->lock);
    return 0;
}

enum intent_order_state intent_order(struct intent *t, const struct id *order, enum err_code *code,
                                     char detail[160])
{
    enum intent_order_state state;
    const char *text, *slug;
    json_t *o;

    pthread_mutex_lock(&t->lock);
    o = json_object_get(json_object_get(t->all, "orders"), order->s);
    state = (enum intent_order_state)word_index(order_words, 5, json_str(o, "state"));
    slug = json_str(o, "slug");
    *code = slug ? err_from_slug(slug) : ERR_NONE;
    text = json_str(o, "detail");
    text_cut(detail, 160, text ? text : "");
    pthread_mutex_unlock(&t->lock);
    return state;
}

int intent_set_order(struct intent *t, const struct id *order, const struct id *id,
                     enum intent_order_state state, const struct err *why, struct err *e)
{
    json_t *o = json_object();

    json_put_str(o, "desktop", id->s);
    json_put_str(o, "state", order_words[state]);
    json_put_str(o, "slug", why ? err_slug(why->code) : NULL);
    json_put_str(o, "detail", why ? why->detail : NULL);
    pthread_mutex_lock(&t->lock);
    json_object_set_new(json_object_get(t->all, "orders"), order->s, o);
    return change_done(t, e);
}

void intent_keep_orders(struct intent *t, const struct id *id, const struct id *keep, int n)
{
    const char *key;
    json_t *o, *orders;
    void *next;

    pthread_mutex_lock(&t->lock);
    orders = json_object_get(t->all, "orders");
    json_object_foreach_safe(orders, next, key, o)
    {
        const char *whose = json_str(o, "desktop");
        bool kept = !whose || strcmp(whose, id->s) != 0;

        for (int i = 0; !kept && i < n; i++)
            kept = strcmp(keep[i].s, key) == 0;
        if (!kept)
            json_object_del(orders, key);
    }
    pthread_mutex_unlock(&t->lock);
}
