#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/http/metric.h"
#include "common/sync/link_thread.h"

enum { HEARTBEAT_MS = 3000, ANSWER_MS = 10000 };

struct sync_push {
    struct link_thread link;
    struct sync_push_spec spec;
    char held[SYNC_CURSOR_MAX]; /* what the tier above has of us; used by the thread alone */
};

/* The next page after what is held above; an empty one when there is nothing (the heartbeat). */
static int next_page(struct sync_push *p, json_t **out, bool *empty, struct err *e)
{
    json_t *about;

    if (sync_set_page(p->spec.set, NULL, p->held, out, empty, e) < 0) {
        /* Not complete yet: still say that we are here. */
        if (e->code != ERR_NOT_READY)
            return -1;
        *e = (struct err){ 0 };
        *out = json_object();
        *empty = true;
    } else {
        json_object_set_new(*out, "from", json_string(p->held));
    }
    about = p->spec.about ? p->spec.about(p->spec.arg) : NULL;
    if (about)
        json_object_set_new(*out, "about", about);
    return 0;
}

/*
 * Where to go on. A tier that asks again for what it has just refused would be sent the same for
 * ever: that is an error, so that the thread waits before it tries again.
 */
static int learn(struct sync_push *p, const json_t *answer, const json_t *page, bool empty,
                 struct err *e)
{
    const char *cursor = json_str(answer, "cursor");
    bool resend = json_flag(answer, "resend", false);
    bool stuck = resend && strcmp(cursor ? cursor : "", p->held) == 0;

    if (resend || !json_str(page, "cursor"))
        snprintf(p->held, sizeof p->held, "%s", cursor ? cursor : "");
    else
        snprintf(p->held, sizeof p->held, "%s", json_str(page, "cursor"));
    if (!empty)
        metric_add(METRIC_SYNC_SENT, (int64_t)json_array_size(json_object_get(page, "objects")));
    if (p->spec.answered)
        p->spec.answered(p->spec.arg, answer);
    return stuck ? err_set(e, ERR_SYNC_RESEND, "the page was refused, and is asked for again") : 0;
}

static int exchange(struct sync_push *p, bool *more, struct err *e)
{
    json_auto_t *page = NULL, *answer = NULL;
    bool empty = true;

    if (next_page(p, &page, &empty, e) < 0 ||
        peer_post(p->link.peer, "/sync/v1/observed", page, clock_boot_ms() + ANSWER_MS, &answer,
                  e) < 0)
        return -1;
    if (!answer)
        return err_set(e, ERR_PEER_PROTOCOL, "an empty answer to a push");
    if (learn(p, answer, page, empty, e) < 0)
        return -1;
    *more = json_flag(page, "more", false) || json_flag(answer, "resend", false);
    return 0;
}

static void push_body(void *arg)
{
    struct sync_push *p = arg;

    pthread_setname_np(pthread_self(), "push");
    while (!link_thread_stopping(&p->link)) {
        struct err e = { 0 };
        bool more = false;

        if (exchange(p, &more, &e) < 0) {
            if (link_thread_stopping(&p->link))
                break;
            link_thread_result(&p->link, "sync-push", &e);
            link_thread_wait(&p->link, link_thread_backoff_ms(&p->link), false);
            continue;
        }
        link_thread_result(&p->link, "sync-push", NULL);
        if (more)
            continue;
        if (link_thread_wait(&p->link, HEARTBEAT_MS, true))
            link_thread_wait(&p->link, p->spec.gather_ms, false);
    }
}

int sync_push_start(const struct sync_push_spec *spec, struct sync_push **out, struct err *e)
{
    struct sync_push *p = calloc(1, sizeof *p);

    if (!p)
        return err_set(e, ERR_INTERNAL, "out of memory");
    p->spec = *spec;
    if (link_thread_start(&p->link, &p->spec.link, push_body, p, e) < 0) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void sync_push_wake(struct sync_push *p)
{
    link_thread_wake(&p->link);
}

void sync_push_stop(struct sync_push *p)
{
    if (!p)
        return;
    link_thread_stop(&p->link);
    free(p);
}

bool sync_push_up(const struct sync_push *p)
{
    return link_thread_up(&p->link, NULL);
}
