#include "bicctl/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/id.h"
#include "common/base/json.h"

enum { CONNECT_S = 5, CALL_S = 60, UPLOAD_S = 3600, ANSWER_MAX = 64 << 20 };

struct received {
    char *text;
    size_t n;
};

void answer_release(struct answer *a)
{
    json_decref(a->body);
    *a = (struct answer){ 0 };
}

static size_t take(char *data, size_t size, size_t n, void *arg)
{
    struct received *r = arg;
    char *more;

    n *= size;
    if (r->n + n > ANSWER_MAX || !(more = realloc(r->text, r->n + n + 1)))
        return 0;
    r->text = more;
    memcpy(r->text + r->n, data, n);
    r->n += n;
    r->text[r->n] = '\0';
    return n;
}

static void value_of(const char *line, size_t n, const char *name, char *to, size_t size)
{
    size_t k = strlen(name);

    if (n <= k || strncasecmp(line, name, k) != 0)
        return;
    while (k < n && line[k] == ' ')
        k++;
    while (n > k && (line[n - 1] == '\r' || line[n - 1] == '\n'))
        n--;
    snprintf(to, size, "%.*s", (int)(n - k), line + k);
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;

    value_of(data, n * size, "etag:", a->etag, sizeof a->etag);
    value_of(data, n * size, "location:", a->location, sizeof a->location);
    return n * size;
}

/* What the number means to a script. */
static int exit_of(int status)
{
    switch (status) {
    case 401:
    case 403: return EXIT_DENIED;
    case 404: return EXIT_NOT_FOUND;
    case 400:
    case 413:
    case 415:
    case 422: return EXIT_USAGE;
    case 409:
    case 412:
    case 428: return EXIT_CONFLICT;
    case 408:
    case 504: return EXIT_TIMEOUT;
    default: return EXIT_FAILED;
    }
}

static int tell_problem(const struct answer *a)
{
    const char *detail = json_str(a->body, "detail"), *title = json_str(a->body, "title");
    const char *instance = json_str(a->body, "instance");
    const json_t *numbers = json_object_get(a->body, "numbers");

    fprintf(stderr, "bicctl: %s", detail && detail[0] ? detail : title ? title : "refused");
    if (json_object_size(numbers) > 0) {
        char *text = json_dumps(numbers, JSON_COMPACT);

        fprintf(stderr, " %s", text ? text : "");
        free(text);
    }
    fprintf(stderr, " (%d%s%s)\n", a->status, instance ? ", " : "", instance ? instance : "");
    return exit_of(a->status);
}

static struct curl_slist *headers(const struct client *c, const char *method, const char *type,
                                  const char *if_match)
{
    struct curl_slist *list = NULL;
    char line[1024];

    if (c->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", c->token);
        list = curl_slist_append(list, line);
    }
    snprintf(line, sizeof line, "Content-Type: %s", type ? type : "");
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Expect:");
    if (if_match) {
        snprintf(line, sizeof line, "If-Match: %s", if_match);
        list = curl_slist_append(list, line);
    }
    /* Sent again by perform(), it still happens once. Each call has a key of its own: who runs
     * bicctl again asks for a second thing. */
    if (strcmp(method, "POST") == 0 && type && strcmp(type, "application/json") == 0) {
        snprintf(line, sizeof line, "Idempotency-Key: %s", id_new().s);
        list = curl_slist_append(list, line);
    }
    return list;
}

/* The connection ended before the answer: whether it was done is not known. */
static bool lost(CURLcode code)
{
    return code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR;
}

/* may_repeat: asking once more, with the same head and body, does no harm. */
static int perform(CURL *h, const struct client *c, bool may_repeat, struct answer *a)
{
    struct received r = { 0 };
    struct err bad = { 0 };
    CURLcode code;
    long status = 0;

    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &r);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, a);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    if (c->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca);
    code = curl_easy_perform(h);
    if (may_repeat && lost(code)) {
        r.n = 0;
        code = curl_easy_perform(h);
    }
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    a->status = (int)status;
    if (r.n > 0 && json_read(r.text, r.n, &a->body, &bad) < 0)
        a->body = NULL;
    free(r.text);
    if (code != CURLE_OK) {
        fprintf(stderr, "bicctl: %s: %s\n", c->api, curl_easy_strerror(code));
        return code == CURLE_OPERATION_TIMEDOUT ? EXIT_TIMEOUT : EXIT_FAILED;
    }
    return status >= 200 && status < 300 ? EXIT_OK : tell_problem(a);
}

static CURL *open_handle(const struct client *c, const char *method, const char *path)
{
    CURL *h = curl_easy_init();
    char *url = NULL;

    if (!h || asprintf(&url, "%s%s", c->api, path) < 0) {
        curl_easy_cleanup(h);
        return NULL;
    }
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
    free(url);
    return h;
}

int client_call(const struct client *c, const char *method, const char *path, const json_t *body,
                const char *if_match, struct answer *a)
{
    CURL *h = open_handle(c, method, path);
    struct curl_slist *head = headers(c, method, body ? "application/json" : NULL, if_match);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    int rc = EXIT_FAILED;

    if (h) {
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, head);
        curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)CALL_S);
        if (text)
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, text);
        else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
            curl_easy_setopt(h, CURLOPT_POSTFIELDS, "");
        rc = perform(h, c, true, a);
    }
    curl_slist_free_all(head);
    free(text);
    curl_easy_cleanup(h);
    return rc;
}

int client_upload(const struct client *c, const char *path, const char *file, struct answer *a)
{
    CURL *h = open_handle(c, "POST", path);
    struct curl_slist *head = headers(c, "POST", "application/octet-stream", NULL);
    FILE *f = fopen(file, "rbe");
    int rc = EXIT_USAGE;

    if (!f) {
        fprintf(stderr, "bicctl: %s cannot be read\n", file);
    } else if (h && fseeko(f, 0, SEEK_END) == 0) {
        curl_off_t size = ftello(f);

        rewind(f);
        curl_easy_setopt(h, CURLOPT_HTTPHEADER, head);
        curl_easy_setopt(h, CURLOPT_TIMEOUT, (long)UPLOAD_S);
        curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(h, CURLOPT_READDATA, f);
        curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, size);
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, "POST");
        rc = perform(h, c, false, a);
    }
    if (f)
        fclose(f);
    curl_slist_free_all(head);
    curl_easy_cleanup(h);
    return rc;
}
