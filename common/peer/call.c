#include "common/peer/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/problem.h"

/* The text of a collected answer; a body that is not wanted (an error's) is collected too. */
size_t call_on_bytes(char *bytes, size_t one, size_t n, void *arg)
{
    struct call *c = arg;
    long status = 0;
    char *grown;

    (void)one;
    curl_easy_getinfo(c->peer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (c->sink && status / 100 == 2)
        return c->sink(c->arg, bytes, n, &c->sink_error) ? n : 0;
    if (n > PEER_ANSWER_MAX - c->size) {
        err_set(&c->sink_error, ERR_PEER_PROTOCOL, "a part of the system answered with too much");
        return 0;
    }
    grown = realloc(c->text, c->size + n + 1);
    if (!grown) {
        err_set(&c->sink_error, ERR_INTERNAL, "out of memory");
        return 0;
    }
    memcpy(grown + c->size, bytes, n);
    c->text = grown;
    c->size += n;
    c->text[c->size] = '\0';
    return n;
}

static void fail_by_code(const struct peer *p, CURLcode code, struct err *e)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        err_set(e, ERR_PEER_TIMEOUT, "the %s did not answer in time", p->tls.kind);
        break;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: err_set(e, ERR_INTERNAL, "the call could not be made"); break;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        err_set(e, ERR_INTERNAL, "this node's certificate cannot be used");
        break;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_CONTENT_ENCODING:
        err_set(e, ERR_PEER_PROTOCOL, "the %s answered unintelligibly", p->tls.kind);
        break;
    default: err_set(e, ERR_PEER_UNREACHABLE, "the %s could not be reached", p->tls.kind);
    }
}

/* The only translator of libcurl's codes. */
static int peer_fail(struct peer *p, const struct call *c, const char *url, CURLcode code,
                     struct err *e)
{
    if (c->sink_error.code != ERR_NONE) {
        *e = c->sink_error;
    } else if (atomic_load(&p->interrupted)) {
        err_set(e, ERR_PEER_UNREACHABLE, "this part of the system is stopping");
    } else if (p->tls.refused || code == CURLE_PEER_FAILED_VERIFICATION) {
        err_set(e, ERR_PEER_IDENTITY, "the other end is not the %s that was called", p->tls.kind);
        return err_cause(e, "%s: %s", url, p->tls.refused ? p->tls.shown : p->why);
    } else {
        fail_by_code(p, code, e);
    }
    return err_cause(e, "%s: curl %d: %s", url, (int)code,
                     p->why[0] ? p->why : curl_easy_strerror(code));
}

static struct curl_slist *headers(const struct call *c, int64_t left)
{
    char line[64];
    struct curl_slist *all = NULL, *more;
    const char *words[6] = { "Accept: application/json", "Expect:", line };
    char trace[128], idempotency[96], attempt[40];
    int n = 3;

    snprintf(line, sizeof line, "BIC-Deadline-Ms: %lld", (long long)left);
    if (strcmp(log_trace(), "-") != 0) {
        snprintf(trace, sizeof trace, "X-Request-Id: %s", log_trace());
        words[n++] = trace;
    }
    if (strcmp(c->method, "POST") == 0) {
        snprintf(idempotency, sizeof idempotency, "Idempotency-Key: %s", c->order.key.s);
        words[n++] = idempotency;
    }
    if (c->order.attempt > 0) {
        snprintf(attempt, sizeof attempt, "BIC-Attempt: %lld", (long long)c->order.attempt);
        words[n++] = attempt;
    }
    for (int i = 0; i < n; i++) {
        more = curl_slist_append(all, words[i]);
        if (!more) {
            curl_slist_free_all(all);
            return NULL;
        }
        all = more;
    }
    if (c->body) {
        more = curl_slist_append(all, "Content-Type: application/json");
        if (!more)
            curl_slist_free_all(all);
        all = more;
    }
    return all;
}

static void set_request(struct peer *p, struct call *c, const char *url)
{
    CURL *h = p->easy;

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(h, CURLOPT_RANGE, c->range);
    curl_easy_setopt(h, CURLOPT_MAX_RECV_SPEED_LARGE, (curl_off_t)c->bytes_per_s);
    /* a download that stands still for 30 s is over, however far its deadline is */
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, c->sink ? 1L : 0L);
    curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, c->sink ? 30L : 0L);
    curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(c->method, "POST") == 0) {
        curl_easy_setopt(h, CURLOPT_POST, 1L);
        curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_size);
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->body ? c->body : "");
    } else if (strcmp(c->method, "GET") != 0) {
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, c->method);
    }
}

/* Drives the one handle; peer_interrupt wakes the poll. */
static CURLcode perform(struct peer *p)
{
    CURLcode code = CURLE_FAILED_INIT;
    int running = 1, queued;

    if (curl_multi_add_handle(p->multi, p->easy) != CURLM_OK)
        return CURLE_FAILED_INIT;
    while (running > 0) {
        if (atomic_load(&p->interrupted)) {
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        }
        if (curl_multi_perform(p->multi, &running) != CURLM_OK ||
            (running > 0 && curl_multi_poll(p->multi, NULL, 0, 1000, NULL) != CURLM_OK))
            break;
    }
    for (CURLMsg *m = curl_multi_info_read(p->multi, &queued); m;
         m = curl_multi_info_read(p->multi, &queued))
        if (m->msg == CURLMSG_DONE)
            code = m->data.result;
    curl_multi_remove_handle(p->multi, p->easy);
    return code;
}

static void keep_answer(struct peer *p)
{
    struct curl_header *h = NULL;
    long status = 0;

    curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
    p->status = (int)status;
    p->location[0] = '\0';
    if (curl_easy_header(p->easy, "Location", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
        snprintf(p->location, sizeof p->location, "%s", h->value);
}

/* Was anything of the request sent? Then it may have been carried out and is not tried elsewhere.
 */
static bool sent(CURL *easy)
{
    long bytes = 0;

    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

/* How long one address may take: all that is left, or its share if another can be asked after it.
 * The last one's is the largest: it may be the slow end that holds up the answer, not the way. */
static int64_t share(const struct peer *p, int64_t left, int others)
{
    return p->anywhere && others > 0 ? left * 3 / 8 : left;
}

/* At one address. *retry: the next one may be asked. */
static int attempt(struct peer *p, struct call *c, int others, bool *retry, struct err *e)
{
    const char *base = p->url[p->good];
    int64_t left = c->deadline_ms - clock_boot_ms(), connect = left / (others + 1);
    int64_t mine = share(p, left, others);
    struct curl_slist *list;
    char *url = NULL;
    CURLcode code;

    *retry = false;
    if (left <= 0)
        return err_set(e, ERR_PEER_TIMEOUT, "no time was left to ask the %s", p->tls.kind);
    list = headers(c, mine);
    if (!list || asprintf(&url, "%s%s", base, c->path) < 0) {
        curl_slist_free_all(list);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    free(c->text);
    c->text = NULL;
    c->size = 0;
    p->why[0] = '\0';
    p->tls.refused = false;
    set_request(p, c, url);
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(p->easy, CURLOPT_TIMEOUT_MS, (long)(mine > 0 ? mine : 1));
    curl_easy_setopt(
        p->easy, CURLOPT_CONNECTTIMEOUT_MS,
        (long)(connect < PEER_CONNECT_MS ? (connect > 0 ? connect : 1) : PEER_CONNECT_MS));
    code = perform(p);
    keep_answer(p);
    *retry = code != CURLE_OK && (p->anywhere || !sent(p->easy));
    curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
    if (code == CURLE_OPERATION_TIMEDOUT && *retry && !p->anywhere &&
        clock_boot_ms() < c->deadline_ms)
        code = CURLE_COULDNT_CONNECT; /* the connect's own share of the time */
    if (code != CURLE_OK)
        peer_fail(p, c, base, code, e);
    free(url);
    return code == CURLE_OK ? 0 : -1;
}

/* It answers, but only that it is of no use for this now, where another way may be. */
static bool no_way(struct peer *p, const struct call *c, struct err *e)
{
    struct err said = { 0 };

    if (!p->anywhere || (p->status != 503 && p->status != 504))
        return false;
    call_problem(p, c, &said);
    if (said.code != ERR_NOT_READY && said.code != ERR_PEER_UNREACHABLE &&
        said.code != ERR_PEER_TIMEOUT)
        return false;
    *e = said;
    return true;
}

static void next_address(struct peer *p)
{
    p->good = (p->good + 1) % p->urls;
}

int call_do(struct peer *p, struct call *c, struct err *e)
{
    struct err first = { 0 };

    c->peer = p;
    if (!id_set(&c->order.key))
        c->order.key = id_new();
    p->status = 0;
    p->location[0] = '\0';
    for (int others = p->urls - 1;; others--, c->order.attempt += p->anywhere) {
        struct err now = { 0 };
        bool retry = true, answered = attempt(p, c, others, &retry, &now) == 0;

        if (answered && (others == 0 || !no_way(p, c, &now)))
            break;
        if (first.code == ERR_NONE || now.code == ERR_PEER_IDENTITY)
            first = now; /* who it was says more than that the next one was away */
        next_address(p);
        if ((!answered && !retry) || others == 0 || atomic_load(&p->interrupted) ||
            clock_boot_ms() >= c->deadline_ms) {
            *e = first;
            return -1;
        }
    }
    if (p->status == 503) /* it answers, but is of no use now: begin with another one next time */
        next_address(p);
    return 0;
}

int call_problem(struct peer *p, const struct call *c, struct err *e)
{
    json_auto_t *body = NULL;
    struct err ignored = { 0 };
    const char *type;

    if (c->size > 0 && json_read(c->text, c->size, &body, &ignored) == 0) {
        type = json_str(body, "type");
        if (type && strncmp(type, "/problems/", 10) == 0) {
            problem_decode(body, p->tls.kind, e);
            return -1;
        }
    }
    err_set(e, ERR_PEER_PROTOCOL, "the %s answered unintelligibly", p->tls.kind);
    return err_cause(e, "status %d without a problem document", p->status);
}
