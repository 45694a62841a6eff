#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "common/wire/ticket.h"

static const int64_t NOW = INT64_C(1800000000000);

static struct ticket sample(void)
{
    return (struct ticket){
        .bserver = id_new(),
        .desktop = id_new(),
        .run = id_new(),
        .session = id_new(),
        .person = id_new(),
        .seq = 41,
        .iat_ms = NOW,
        .view_only = true,
        .cut_text = false,
    };
}

static void refused(const char *text, const struct ticket_key *k, int64_t now, const char *cause)
{
    struct ticket out = { .seq = 77 };
    struct err e = { 0 };

    assert_int_equal(ticket_verify(text, k->public_key, now, &out, &e), -1);
    assert_int_equal(e.code, ERR_TICKET_REFUSED);
    if (cause)
        assert_non_null(strstr(e.cause, cause));
    assert_int_equal(out.seq, 77);
}

static void every_claim_comes_back(void **state)
{
    struct ticket t = sample(), out;
    struct ticket_key k;
    struct err e = { 0 };
    struct id kid;
    char text[TICKET_MAX];

    (void)state;
    ticket_key_make(&k);
    assert_int_equal(ticket_sign(&k, &t, text, &e), 0);
    assert_int_equal(strlen(t.nonce), 32);
    assert_int_equal(
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."),
        strlen(text));
    assert_int_equal(ticket_peek(text, &kid, &e), 0);
    assert_true(id_eq(&kid, &k.kid));
    assert_int_equal(ticket_verify(text, k.public_key, NOW, &out, &e), 0);
    assert_memory_equal(&out.kid, &k.kid, sizeof out.kid);
    assert_memory_equal(&out.bserver, &t.bserver, sizeof out.bserver);
    assert_memory_equal(&out.desktop, &t.desktop, sizeof out.desktop);
    assert_memory_equal(&out.run, &t.run, sizeof out.run);
    assert_memory_equal(&out.session, &t.session, sizeof out.session);
    assert_memory_equal(&out.person, &t.person, sizeof out.person);
    assert_int_equal(out.seq, 41);
    assert_int_equal(out.iat_ms, NOW);
    assert_string_equal(out.nonce, t.nonce);
    assert_true(out.view_only);
    assert_false(out.cut_text);
}

static void nonces_differ_and_a_given_one_stays(void **state)
{
    struct ticket a = sample(), b = sample(), c = sample();
    struct ticket_key k;
    struct err e = { 0 };
    char text[TICKET_MAX];

    (void)state;
    ticket_key_make(&k);
    memcpy(c.nonce, "00112233445566778899aabbccddeeff", 33);
    assert_int_equal(ticket_sign(&k, &a, text, &e), 0);
    assert_int_equal(ticket_sign(&k, &b, text, &e), 0);
    assert_int_equal(ticket_sign(&k, &c, text, &e), 0);
    assert_string_not_equal(a.nonce, b.nonce);
    assert_string_equal(c.nonce, "00112233445566778899aabbccddeeff");
}

static void its_time_is_thirty_seconds(void **state)
{
    struct ticket t = sample(), out;
    struct ticket_key k;
    struct err e = { 0 };
    char text[TICKET_MAX];

    (void)state;
    ticket_key_make(&k);
    assert_int_equal(ticket_sign(&k, &t, text, &e), 0);
    assert_int_equal(ticket_verify(text, k.public_key, NOW + 30000, &out, &e), 0);
    assert_int_equal(ticket_verify(text, k.public_key, NOW - 2000, &out, &e), 0);
    refused(text, &k, NOW + 30001, "expired");
    refused(text, &k, NOW - 2001, "future");
}

static void another_key_is_refused(void **state)
{
    struct ticket t = sample();
    struct ticket_key k, other;
    struct err e = { 0 };
    char text[TICKET_MAX];

    (void)state;
    ticket_key_make(&k);
    ticket_key_make(&other);
    assert_int_equal(ticket_sign(&k, &t, text, &e), 0);
    refused(text, &other, NOW, "signature");
}

/* Every single character matters: no bit of the text can change and still be accepted. */
static void every_change_is_refused(void **state)
{
    struct ticket t = sample();
    struct ticket_key k;
    struct err e = { 0 };
    char text[TICKET_MAX];
    size_t n;

    (void)state;
    ticket_key_make(&k);
    assert_int_equal(ticket_sign(&k, &t, text, &e), 0);
    n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        char kept = text[i];

        for (int bit = 0; bit < 8; bit++) {
            text[i] = (char)(kept ^ (1 << bit));
            refused(text, &k, NOW, NULL);
        }
        text[i] = '\0';
        refused(text, &k, NOW, NULL);
        text[i] = kept;
    }
}

/* A bCenter that signs nonsense is refused by shape, not believed because of its signature. */
static void sign_raw(const struct ticket_key *k, const char *payload, char to[TICKET_MAX])
{
    unsigned char signature[crypto_sign_BYTES];
    size_t n = strlen(TICKET_PREFIX);

    crypto_sign_detached(signature, NULL, (const unsigned char *)payload, strlen(payload),
                         k->secret_key);
    memcpy(to, TICKET_PREFIX, n);
    sodium_bin2base64(to + n, TICKET_MAX - n, (const unsigned char *)payload, strlen(payload),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    n = strlen(to);
    to[n++] = '.';
    sodium_bin2base64(to + n, TICKET_MAX - n, signature, sizeof signature,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

#define ID "00000000-0000-4000-8000-000000000001"
#define IDS                                                                                        \
    "\"kid\":\"" ID "\",\"bserver\":\"" ID "\",\"desktop\":\"" ID "\",\"run\":\"" ID               \
    "\",\"session\":\"" ID "\",\"person\":\"" ID "\","
#define NONCE "\"nonce\":\"00112233445566778899aabbccddeeff\","
#define REST "\"view_only\":false,\"cut_text\":false}"

static void signed_claims_are_still_checked(void **state)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"v\":1",
        "\xFF",
        "{\"v\":2," IDS NONCE "\"seq\":1,\"iat\":1800000000000," REST,
        "{\"v\":1,\"v\":1," IDS NONCE "\"seq\":1,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS NONCE "\"seq\":-1,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS NONCE "\"seq\":1.0,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS NONCE "\"seq\":9223372036854775807,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS NONCE "\"seq\":1,\"iat\":9223372036854775807," REST,
        "{\"v\":1," IDS NONCE "\"seq\":1,\"iat\":\"1800000000000\"," REST,
        "{\"v\":1," IDS NONCE "\"seq\":1," REST,
        "{\"v\":1," IDS "\"seq\":1,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS "\"nonce\":\"x\",\"seq\":1,\"iat\":1800000000000," REST,
        "{\"v\":1," NONCE "\"seq\":1,\"iat\":1800000000000," REST,
        "{\"v\":1," IDS NONCE "\"seq\":1,\"iat\":1800000000000,\"view_only\":0,\"cut_text\":false}",
        "{\"v\":1," IDS NONCE "\"seq\":1,\"iat\":1800000000000,\"view_only\":false}",
    };
    struct ticket_key k;
    struct ticket out;
    struct err e = { 0 };
    char text[TICKET_MAX];

    (void)state;
    ticket_key_make(&k);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        sign_raw(&k, bad[i], text);
        refused(text, &k, NOW, NULL);
    }
    sign_raw(&k, "{\"v\":1," IDS NONCE "\"later\":{},\"seq\":1,\"iat\":1800000000000," REST, text);
    assert_int_equal(ticket_verify(text, k.public_key, NOW, &out, &e), 0);
}

static void peek_refuses_what_is_no_ticket(void **state)
{
    static const char *const bad[] = { "",
                                       "bic.ticket.",
                                       "bic.ticket..",
                                       "bic.ticket.e30.e30",
                                       "bic.display.v1",
                                       "bic.ticket.####.####" };
    char longest[TICKET_MAX + 8];
    struct id kid;

    (void)state;
    memset(longest, 'A', sizeof longest);
    memcpy(longest, TICKET_PREFIX, strlen(TICKET_PREFIX));
    longest[sizeof longest - 1] = '\0';
    for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
        struct err e = { 0 };

        assert_int_equal(ticket_peek(i < 6 ? bad[i] : longest, &kid, &e), -1);
        assert_int_equal(e.code, ERR_TICKET_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_claim_comes_back),
        cmocka_unit_test(nonces_differ_and_a_given_one_stays),
        cmocka_unit_test(its_time_is_thirty_seconds),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(every_change_is_refused),
        cmocka_unit_test(signed_claims_are_still_checked),
        cmocka_unit_test(peek_refuses_what_is_no_ticket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
