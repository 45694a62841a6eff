#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bserver-agent/pack_state.h"
#include "common/base/clock.h"
#include "common/daemon/heap.h"

#define ENDING ".conf"
enum { RETRY_FIRST_MS = 1000, RETRY_MOST_MS = 60000, ENDING_LEN = sizeof ENDING - 1, PATH = 512 };

static bool same(const struct stamp *a, const struct stamp *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static void path_of(const struct slot *s, char to[PATH])
{
    snprintf(to, PATH, "%s/%s" ENDING, s->pack->config->hosts, s->file);
}

/* ---- the directory */

static struct slot *slot_of(struct pack *p, const char *file)
{
    struct slot *s = p->slots, **last = &p->slots;

    for (; s; last = &s->next, s = s->next)
        if (strcmp(s->file, file) == 0)
            return s;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->pack = p;
    snprintf(s->file, sizeof s->file, "%s", file);
    *last = s;
    return s;
}

/* With the lock held. Names that are too long to be told in a log line are none of ours. */
static void note_file(struct pack *p, const char *name)
{
    size_t n = strlen(name);
    char file[PACK_FILE], path[PATH];
    struct stat st;
    struct slot *s;

    if (name[0] == '.' || n <= ENDING_LEN || n - ENDING_LEN >= PACK_FILE ||
        strcmp(name + n - ENDING_LEN, ENDING) != 0)
        return;
    snprintf(file, sizeof file, "%.*s", (int)(n - ENDING_LEN), name);
    snprintf(path, sizeof path, "%s/%s", p->config->hosts, name);
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    s = slot_of(p, file);
    if (!s)
        return;
    s->there = true;
    s->seen = (struct stamp){ st.st_ino, st.st_size, st.st_mtim };
}

/* What cannot be read changes nothing. */
static bool list(struct pack *p)
{
    DIR *dir = opendir(p->config->hosts);

    if (!dir) {
        if (!p->blind)
            log_error("event=hosts-unreadable dir=%s cause=%s", p->config->hosts, strerror(errno));
        p->blind = true;
        return false;
    }
    p->blind = false;
    pthread_mutex_lock(&p->lock);
    for (struct slot *s = p->slots; s; s = s->next)
        s->there = false;
    for (const struct dirent *d; (d = readdir(dir)) != NULL;)
        note_file(p, d->d_name);
    pthread_mutex_unlock(&p->lock);
    closedir(dir);
    return true;
}

bool pack_has_screens(struct pack *p)
{
    bool found = false;

    list(p);
    for (const struct slot *s = p->slots; s && !found; s = s->next) {
        struct part *part = NULL;
        struct err e = { 0 };
        char path[PATH];

        path_of(s, path);
        if (part_read(path, agent_keys, sizeof(struct agent_config), &part, &e) == 0)
            found = ((struct agent_config *)part_config(part))->display_listen[0] != '\0';
        part_free(part);
    }
    return found;
}

/* ---- one slot */

static int open_agent(struct slot *s, struct part **part, struct agent **agent, struct err *e)
{
    const struct agent_config *c;
    char path[PATH];
    json_t *told;
    int rc;

    path_of(s, path);
    if (part_read(path, agent_keys, sizeof(struct agent_config), part, e) < 0)
        return -1;
    c = part_config(*part);
    if (c->hosts[0])
        return err_set(e, ERR_INVALID_REQUEST, "a host's file cannot name further hosts");
    if (part_take(*part, e) < 0 || agent_open(c, &s->pack->place, agent, e) < 0)
        return -1;
    told = agent_published(*agent);
    rc = part_ready(*part, told, e);
    json_decref(told);
    return rc;
}

static void note_failure(struct slot *s, const struct err *e)
{
    int64_t wait = RETRY_FIRST_MS;

    /* Said when it begins or changes, not each time. */
    if (s->error.code != e->code || strcmp(s->error.detail, e->detail) != 0)
        log_err("opening a host", e);
    for (int i = 0; i < s->fails && wait < RETRY_MOST_MS; i++)
        wait *= 2;
    s->error = *e;
    s->fails++;
    s->next_ms = clock_boot_ms() + (wait < RETRY_MOST_MS ? wait : RETRY_MOST_MS);
    s->state = SLOT_FAILED;
}

static void *opener(void *arg)
{
    struct slot *s = arg;
    struct pack *p = s->pack;
    struct part *part = NULL;
    struct agent *agent = NULL;
    struct err e = { 0 };
    int rc;

    log_about_set(s->file);
    rc = open_agent(s, &part, &agent, &e);
    if (rc < 0) {
        agent_close(agent);
        part_free(part);
    }
    pthread_mutex_lock(&p->lock);
    if (rc < 0) {
        note_failure(s, &e);
    } else {
        s->part = part;
        s->agent = agent;
        s->fails = 0;
        s->error = (struct err){ 0 };
        s->state = SLOT_OPEN;
    }
    if (p->ticker) /* else its first tick still runs, or it is stopping */
        ticker_wake(p->ticker);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void open_slot(struct slot *s)
{
    s->read = s->seen;
    s->state = SLOT_OPENING;
    s->has_opener = pthread_create(&s->opener, NULL, opener, s) == 0;
    if (!s->has_opener) {
        s->state = SLOT_FAILED;
        s->next_ms = clock_boot_ms() + RETRY_FIRST_MS;
        log_error("no thread for opening a host file=%s", s->file);
    }
}

/* Out of sight under the lock, closed without it. Not while it is opening. */
static void close_slot(struct slot *s)
{
    struct agent *agent;
    struct part *part;

    pthread_mutex_lock(&s->pack->lock);
    agent = s->agent;
    part = s->part;
    s->agent = NULL;
    s->part = NULL;
    s->state = SLOT_WAITING;
    pthread_mutex_unlock(&s->pack->lock);
    if (!agent)
        return;
    log_about_set(s->file);
    agent_close(agent);
    part_free(part);
    log_notice("event=host-closed");
    log_about_set(NULL);
}

/* ---- what follows from a look */

static void join_opener(struct slot *s)
{
    if (s->has_opener)
        pthread_join(s->opener, NULL);
    s->has_opener = false;
}

/* What has changed is closed; what is due waits for an opener. */
static void settle(struct slot *s, int64_t now)
{
    bool changed = !same(&s->read, &s->seen), opening, ends;

    pthread_mutex_lock(&s->pack->lock);
    opening = s->state == SLOT_OPENING;
    ends = s->state == SLOT_OPEN && (changed || !s->there);
    if (s->state == SLOT_FAILED && changed) {
        s->error = (struct err){ 0 }; /* told again, if it is the same */
        s->fails = 0;
    }
    if (s->state == SLOT_FAILED && (changed || now >= s->next_ms))
        s->state = SLOT_WAITING;
    pthread_mutex_unlock(&s->pack->lock);
    if (opening)
        return;
    join_opener(s);
    if (ends)
        close_slot(s);
}

static void forget_gone(struct pack *p)
{
    struct slot **at = &p->slots;

    pthread_mutex_lock(&p->lock);
    while (*at) {
        struct slot *s = *at;

        if (s->there || s->state == SLOT_OPENING || s->has_opener || s->agent) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        free(s);
    }
    pthread_mutex_unlock(&p->lock);
}

void pack_look(struct pack *p)
{
    int opening = 0;

    list(p);
    for (struct slot *s = p->slots; s; s = s->next)
        settle(s, clock_boot_ms());
    forget_gone(p);
    pthread_mutex_lock(&p->lock);
    for (const struct slot *s = p->slots; s; s = s->next)
        opening += s->state == SLOT_OPENING;
    for (struct slot *s = p->slots; s && opening < PACK_OPENERS; s = s->next)
        if (s->state == SLOT_WAITING && s->there) {
            open_slot(s);
            opening += s->state == SLOT_OPENING;
        }
    pthread_mutex_unlock(&p->lock);
}

static void *closer(void *arg)
{
    close_slot(arg);
    return NULL;
}

/* Side by side: each waits for its connections, about a second. */
void pack_close_slots(struct pack *p)
{
    for (struct slot *s = p->slots; s; s = s->next) {
        join_opener(s);
        s->has_opener = pthread_create(&s->opener, NULL, closer, s) == 0;
        if (!s->has_opener)
            close_slot(s);
    }
    for (struct slot *s = p->slots, *next; s; s = next) {
        next = s->next;
        join_opener(s);
        free(s);
    }
    p->slots = NULL;
}
