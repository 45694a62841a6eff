#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"
#include "common/sync/link_thread.h"

/* With somebody else to ask, who hangs is left within the 9 s after which a node counts as silent.
 */
enum { WAIT_S = 30, ANSWER_MS = 10000, WAIT_OTHERS_S = 5, ANSWER_OTHERS_MS = 4000 };

struct sync_pull {
    struct link_thread link;
    struct sync_pull_spec spec;
    int wait_s, patience_ms; /* of a long-poll; until its answer is here */
    int64_t offset_ms;       /* atomic */
    bool offset_known;       /* atomic; released after offset_ms */
};

/* The upper tier's time when it answered, less ours now: late by the way back at most. */
static void note_head(struct sync_pull *p, const json_t *page)
{
    int64_t theirs;

    if (!clock_parse(json_str(page, "time"), &theirs))
        return;
    __atomic_store_n(&p->offset_ms, theirs - clock_wall_ms(), __ATOMIC_RELAXED);
    __atomic_store_n(&p->offset_known, true, __ATOMIC_RELEASE);
}

static int take_page(struct sync_pull *p, const char *cursor, json_t *page, struct err *e)
{
    json_object_set_new(page, "from", json_string(cursor));
    note_head(p, page);
    if (sync_set_follows(p->spec.set, page, e) < 0)
        return -1;
    if (p->spec.page && p->spec.page(p->spec.page_arg, page, e) < 0)
        return -1;
    if (sync_set_apply(p->spec.set, page, &p->spec.apply, e) < 0)
        return -1;
    metric_add(METRIC_SYNC_RECEIVED, (int64_t)json_array_size(json_object_get(page, "objects")));
    if (json_flag(page, "snapshot", false))
        metric_add(METRIC_SYNC_SNAPSHOTS, 1);
    return 0;
}

static int exchange(struct sync_pull *p, bool again, struct err *e)
{
    char cursor[SYNC_CURSOR_MAX], path[160];
    json_auto_t *page = NULL;

    sync_set_cursor(p->spec.set, cursor);
    /* Who holds a complete copy never asks from nothing: a relay that is behind must see that. */
    if (again && !sync_set_is_ready(p->spec.set))
        cursor[0] = '\0';
    snprintf(path, sizeof path, "/sync/v1/wanted?after=%s&wait=%d", cursor, p->wait_s);
    if (peer_get(p->link.peer, path, clock_boot_ms() + p->patience_ms, &page, e) < 0)
        return -1;
    if (!page)
        return err_set(e, ERR_PEER_PROTOCOL, "an empty answer instead of a page");
    return take_page(p, cursor, page, e);
}

static void pull_body(void *arg)
{
    struct sync_pull *p = arg;
    bool again = false;

    pthread_setname_np(pthread_self(), "pull");
    while (!link_thread_stopping(&p->link)) {
        struct err e = { 0 };

        if (exchange(p, again, &e) == 0) {
            link_thread_result(&p->link, "sync-pull", NULL);
            again = false;
            continue;
        }
        if (link_thread_stopping(&p->link))
            break;
        again = e.code == ERR_SYNC_RESEND;
        link_thread_result(&p->link, "sync-pull", &e);
        link_thread_wait(&p->link, link_thread_backoff_ms(&p->link), false);
    }
}

int sync_pull_start(const struct sync_pull_spec *spec, struct sync_pull **out, struct err *e)
{
    struct sync_pull *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->spec = *spec;
    p->wait_s = spec->link.urls[1] ? WAIT_OTHERS_S : WAIT_S;
    p->patience_ms = p->wait_s * 1000 + (spec->link.urls[1] ? ANSWER_OTHERS_MS : ANSWER_MS);
    if (link_thread_start(&p->link, &p->spec.link, pull_body, p, e) < 0) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void sync_pull_stop(struct sync_pull *p)
{
    if (!p)
        return;
    link_thread_stop(&p->link);
    free(p);
}

bool sync_pull_up(const struct sync_pull *p)
{
    return link_thread_up(&p->link, NULL);
}

int64_t sync_pull_age_ms(const struct sync_pull *p)
{
    int64_t age;

    link_thread_up(&p->link, &age);
    return age;
}

bool sync_pull_offset_ms(const struct sync_pull *p, int64_t *offset)
{
    if (!__atomic_load_n(&p->offset_known, __ATOMIC_ACQUIRE))
        return false;
    *offset = __atomic_load_n(&p->offset_ms, __ATOMIC_RELAXED);
    return true;
}
