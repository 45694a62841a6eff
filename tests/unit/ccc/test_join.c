/* join: how a node gets its certificate, and the next one. */
#include "tests/unit/ccc/installation.h"

static enum err_code join_code(const char *dir, const char *text, const char *kind)
{
    struct join j = node_join(dir, text);
    struct err e = { 0 };
    struct id node;

    j.kind = kind;
    return join_ensure(&j, &node, &e) == 0 ? ERR_NONE : e.code;
}

static void a_token_that_is_none_is_refused(void **state)
{
    struct join_token other = token;
    char text[JOIN_TOKEN_MAX + 1];

    (void)state;
    assert_int_equal(join_code("n0", NULL, "xcenter"), ERR_JOIN_REFUSED);
    assert_int_equal(join_code("n0", "bicjoin.12.34.56", "xcenter"), ERR_JOIN_REFUSED);
    snprintf(text, sizeof text, "%sx", token_text);
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_JOIN_REFUSED);
    join_token_new(ca_fingerprint(app.ca), &other, text); /* well made, but nobody knows it */
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_JOIN_REFUSED);
    assert_int_equal(atomic_load(&joined), 0);
}

/* A mistake in what is asked is told before the token is anybody's. */
static void a_mistake_does_not_burn_the_token(void **state)
{
    struct join j = node_join("n0", token_text);
    struct err e = { 0 };
    struct id node;

    (void)state;
    assert_int_equal(join_code("n0", token_text, "bserver"), ERR_JOIN_REFUSED);
    j.address = "desk.example";
    assert_int_equal(join_ensure(&j, &node, &e), -1);
    assert_int_equal(e.code, ERR_INVALID_REQUEST);
    assert_int_equal(bound_key[0], '\0');
}

static void a_server_of_another_authority_learns_nothing(void **state)
{
    char text[JOIN_TOKEN_MAX];

    (void)state;
    snprintf(text, sizeof text, "bicjoin.%s.%s.%064d", token.id, token.secret, 0);
    assert_int_equal(join_code("n0", text, "xcenter"), ERR_PEER_IDENTITY);
    assert_int_equal(bound_key[0], '\0');
}

static void a_node_joins_once_and_again(void **state)
{
    struct join j = node_join("n1", token_text), without = node_join("n1", NULL);
    struct err e = { 0 };
    struct id node, again;
    struct stat st;
    char kind[16];

    (void)state;
    OK(join_ensure(&j, &node, &e));
    assert_true(id_eq(&node, &granted));
    assert_int_equal(atomic_load(&joined), 1);
    assert_int_equal(strlen(last_serial), 32);
    OK(join_identity(in_root("n1/node.crt"), kind, &again, &e));
    assert_string_equal(kind, "xcenter");
    assert_true(id_eq(&node, &again));
    assert_int_equal(stat(in_root("n1/node.key"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    OK(join_ensure(&without, &again, &e)); /* nothing to do, no token needed */
    assert_int_equal(atomic_load(&joined), 1);
    unlink(in_root("n1/node.crt")); /* as if it had died before it wrote the certificate down */
    OK(join_ensure(&j, &again, &e));
    assert_true(id_eq(&node, &again));
    assert_int_equal(atomic_load(&joined), 2);
    assert_int_equal(join_code("n2", token_text, "xcenter"), ERR_JOIN_REFUSED); /* another key */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_is_none_is_refused),
        cmocka_unit_test(a_mistake_does_not_burn_the_token),
        cmocka_unit_test(a_server_of_another_authority_learns_nothing),
        cmocka_unit_test(a_node_joins_once_and_again),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
