#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/daemon/process.h"
#include "common/http/metric.h"

static int not_ready(struct err *e)
{
    return err_set(e, ERR_NOT_READY, "this process is starting or stopping");
}

static int get_healthz(const struct request *rq, struct reply *rp, struct err *e)
{
    (void)rq;
    return http_reply(rp, 200, json_pack("{s:s}", "status", "ok"), e);
}

static int get_readyz(const struct request *rq, struct reply *rp, struct err *e)
{
    const struct daemon *d = process_enter();
    char why[128] = "";
    bool ready = d && (!d->spec->ready || d->spec->ready(d->app, why, sizeof why));

    (void)rq;
    process_leave();
    if (!d)
        return not_ready(e);
    if (!ready)
        return err_set(e, ERR_NOT_READY, "%s", why[0] ? why : "not ready yet");
    return http_reply(rp, 200, json_pack("{s:s}", "status", "ready"), e);
}

/* What the program adds to the page. NULL: out of memory. */
static char *add_own(char *page, const struct daemon *d)
{
    char *all = NULL;
    size_t size = 0;
    FILE *f = page ? open_memstream(&all, &size) : NULL;
    bool bad;

    if (!f) {
        free(page);
        return NULL;
    }
    bad = fputs(page, f) < 0;
    free(page);
    d->spec->metrics(d->app, f);
    bad = ferror(f) != 0 || bad;
    if (fclose(f) == 0 && !bad)
        return all;
    free(all);
    return NULL;
}

static int get_metrics(const struct request *rq, struct reply *rp, struct err *e)
{
    const struct daemon *d = process_enter();

    (void)rq;
    rp->text_owned = metric_text();
    if (d && d->spec->metrics)
        rp->text_owned = add_own(rp->text_owned, d);
    process_leave();
    if (!rp->text_owned)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rp->text_type = "text/plain; version=0.0.4; charset=utf-8";
    rp->status = 200;
    return 0;
}

static int get_summary(const struct request *rq, struct reply *rp, struct err *e)
{
    const struct daemon *d = process_enter();
    json_t *body = !d ? NULL : d->spec->summary ? d->spec->summary(d->app) : json_object();

    (void)rq;
    process_leave();
    if (!d)
        return not_ready(e);
    if (body && !json_object_get(body, "as_of"))
        json_put_time(body, "as_of", clock_wall_ms());
    return http_reply(rp, 200, body, e);
}

const struct route daemon_routes[] = {
    { "GET", "/healthz", "node:any", get_healthz, HTTP_NO_TRACE_LOG },
    { "GET", "/readyz", "node:any", get_readyz, HTTP_NO_TRACE_LOG },
    { "GET", "/metrics", "node:any", get_metrics, HTTP_NO_TRACE_LOG },
    { "GET", "/summary", "node:any", get_summary, HTTP_NO_TRACE_LOG },
    { 0 },
};
