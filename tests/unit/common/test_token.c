/* The token of a sign-in: made, hashed, found in what a browser or a script sends. */
#include "tests/unit/common/client.h"

#include <signal.h>
#include <sodium.h>

#include "common/base/log.h"
#include "common/http/token.h"

#define COOKIE "bic_session_01234567"

static struct http_server *server;
static int port;
static char token[TOKEN_TEXT];

static int authenticate(const struct request *rq, struct caller *c, struct err *e)
{
    char found[TOKEN_TEXT];
    bool by_cookie;

    if (token_of(rq, COOKIE, found, &by_cookie, e) < 0)
        return -1;
    if (!found[0])
        return 0;
    assert_int_equal(strlen(found), TOKEN_TEXT - 1);
    if (strcmp(found, token) != 0)
        return err_set(e, ERR_NOT_SIGNED_IN, "another token");
    c->kind = CALLER_PERSON;
    c->by_cookie = by_cookie;
    token_csrf(found, c->csrf);
    return 0;
}

static int get_mine(const struct request *rq, struct reply *rp, struct err *e)
{
    token_set_cookie(rp, COOKIE, "", 0, true);
    return http_reply(rp, 200, json_pack("{s:b}", "cookie", rq->caller.by_cookie), e);
}

static const struct route routes[] = { { "GET", "/mine", "self", get_mine, 0 },
                                       { "POST", "/mine", "self", get_mine, 0 },
                                       { 0 } };

static int setup(void **state)
{
    static const struct route *const tables[] = { routes, NULL };
    struct http_spec s = { .self = "ccc/test",
                           .address = "127.0.0.1:0",
                           .routes = tables,
                           .authenticate = authenticate,
                           .workers = 1 };
    struct err e = { 0 };

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_level_set(LOG_LEVEL_ERROR);
    curl_global_init(CURL_GLOBAL_ALL);
    assert_ok(http_start(&s, &server, &e), &e);
    port = http_port(server);
    token_new(token);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_stop(server);
    curl_global_cleanup();
    return 0;
}

static void never_the_same_and_never_stored(void **state)
{
    char other[TOKEN_TEXT], hash[TOKEN_HASH], csrf[TOKEN_HASH];

    (void)state;
    token_new(other);
    assert_int_equal(strlen(other), TOKEN_TEXT - 1);
    assert_string_not_equal(other, token);
    token_hash("abc", hash);
    assert_string_equal(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    token_csrf("abc", csrf);
    assert_string_not_equal(hash, csrf);
}

static void ask(const char *header, const char *with, long status, bool by_cookie)
{
    char text[300];
    struct answer a;

    snprintf(text, sizeof text, "%s%s", header, with);
    a = CALL(port, .path = "/mine", .headers = { text });
    if (a.status != status)
        fail_msg("%s: %ld, wanted %ld", text, a.status, status);
    if (status == 200) {
        assert_int_equal(json_flag(a.json, "cookie", false), by_cookie);
        assert_string_equal(answer_header(&a, "Set-Cookie"),
                            COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0; Secure");
    }
    answer_free(&a);
}

static void found_where_it_may_be(void **state)
{
    char longer[TOKEN_TEXT + 1];

    (void)state;
    snprintf(longer, sizeof longer, "%sx", token);
    ask("Authorization: Bearer ", token, 200, false);
    ask("Authorization: bearer ", token, 200, false);
    ask("Authorization: Basic ", token, 401, false);
    ask("Authorization: Bearer ", "short", 401, false);
    ask("Authorization: Bearer ", longer, 401, false);
    ask("Cookie: " COOKIE "=", token, 200, true);
    ask("Cookie: a=b; " COOKIE "=short; " COOKIE "=", token, 200, true);
    ask("Cookie: " COOKIE "=", longer, 401, true);
    ask("Cookie: x" COOKIE "=", token, 401, true);
    ask("Cookie: " COOKIE "x=", token, 401, true);
    ask("Cookie: ; ;;=; ", "", 401, true);
}

/* A script with both has the bearer's rights, and needs no CSRF value for them. */
static void a_cookie_alone_does_not_write(void **state)
{
    char cookie[200], bearer[200], csrf[200] = "X-CSRF-Token: ";
    struct answer a;

    (void)state;
    snprintf(cookie, sizeof cookie, "Cookie: " COOKIE "=%s", token);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s", token);
    token_csrf(token, csrf + strlen(csrf));
    a = CALL(port, .path = "/mine", .method = "POST", .headers = { cookie });
    assert_string_equal(answer_slug(&a), "csrf");
    answer_free(&a);
    a = CALL(port, .path = "/mine", .method = "POST", .headers = { cookie, csrf });
    assert_int_equal(a.status, 200);
    answer_free(&a);
    a = CALL(port, .path = "/mine", .method = "POST", .headers = { cookie, bearer });
    assert_int_equal(a.status, 200);
    answer_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_the_same_and_never_stored),
        cmocka_unit_test(found_where_it_may_be),
        cmocka_unit_test(a_cookie_alone_does_not_write),
    };

    return cmocka_run_group_tests_name("token", tests, setup, teardown);
}
