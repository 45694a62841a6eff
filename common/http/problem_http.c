#include <stdio.h>
#include <string.h>

#include "common/http/http.h"
#include "common/http/problem.h"

/* What a person can do about it, by the class of the status: better than a sentence for each slug.
 */
static const char *advice(enum err_code code)
{
    int status = err_status(code);

    if (err_retryable(code))
        return "Nothing has been changed. Trying again a little later may succeed.";
    if (status == 401)
        return "Sign in (again) and repeat what you did.";
    if (status == 403)
        return "Ask your administrator if you need to do this.";
    if (status == 412 || status == 428)
        return "Read the object again, look at what changed, and repeat your change.";
    if (status >= 500)
        return "Give the trace id of the answer to your administrator.";
    return "Correct the request; repeating it unchanged will fail again.";
}

static int get_problem(const struct request *rq, struct reply *rp, struct err *e)
{
    enum err_code code = err_from_slug(rq->path_word);

    if (code == ERR_NONE || rq->path_word[0] == '\0')
        return err_set(e, ERR_NOT_FOUND, "there is no problem of this name");
    if (asprintf(&rp->text_owned,
                 "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n"
                 "<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n"
                 "<p>Problem <code>%s</code>, HTTP status %d, %s.</p>\n</html>\n",
                 err_title(code), err_title(code), advice(code), err_slug(code), err_status(code),
                 err_retryable(code) ? "worth repeating" : "not worth repeating") < 0) {
        rp->text_owned = NULL;
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    rp->status = 200;
    rp->text_type = "text/html; charset=utf-8";
    rp->cache = "public, max-age=3600";
    return 0;
}

const struct route problem_routes[] = {
    { "GET", "/problems/{word}", "anyone", get_problem, 0 },
    { 0 },
};
