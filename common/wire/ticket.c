#include "common/wire/ticket.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/json.h"

enum {
    VERSION = 1,
    PREFIX_LEN = sizeof TICKET_PREFIX - 1,
    SKEW_MS = 2000,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

_Static_assert(TICKET_PUBLIC == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(TICKET_SECRET == crypto_sign_SECRETKEYBYTES, "Ed25519 secret key");

void ticket_key_make(struct ticket_key *k)
{
    if (sodium_init() < 0)
        abort(); /* no random numbers: no key may leave here */
    k->kid = id_new();
    crypto_sign_keypair(k->public_key, k->secret_key);
}

static json_t *claims(const struct ticket_key *k, const struct ticket *t)
{
    json_auto_t *o = json_object();

    if (!o)
        return NULL;
    json_put_int(o, "v", VERSION);
    json_put_str(o, "kid", k->kid.s);
    json_put_str(o, "bserver", t->bserver.s);
    json_put_str(o, "desktop", t->desktop.s);
    json_put_str(o, "run", t->run.s);
    json_put_str(o, "session", t->session.s);
    json_put_str(o, "person", t->person.s);
    json_put_int(o, "seq", t->seq);
    json_put_int(o, "iat", t->iat_ms);
    json_put_str(o, "nonce", t->nonce);
    json_put_bool(o, "view_only", t->view_only);
    json_put_bool(o, "cut_text", t->cut_text);
    return MOVE(o);
}

static void make_nonce(char to[33])
{
    unsigned char random[16];

    randombytes_buf(random, sizeof random);
    sodium_bin2hex(to, 33, random, sizeof random);
}

int ticket_sign(const struct ticket_key *k, struct ticket *t, char to[TICKET_MAX], struct err *e)
{
    unsigned char signature[crypto_sign_BYTES];
    json_auto_t *o = NULL;
    char payload[TICKET_MAX];
    size_t n, at = PREFIX_LEN;

    if (sodium_init() < 0)
        return err_set(e, ERR_INTERNAL, "no ticket can be made");
    t->kid = k->kid;
    if (!t->nonce[0])
        make_nonce(t->nonce);
    o = claims(k, t);
    n = o ? json_dumpb(o, payload, sizeof payload, JSON_COMPACT | JSON_PRESERVE_ORDER) : 0;
    if (n == 0 || n > sizeof payload)
        return err_set(e, ERR_INTERNAL, "no ticket can be made");
    if (PREFIX_LEN + sodium_base64_ENCODED_LEN(n, VARIANT) +
            sodium_base64_ENCODED_LEN(sizeof signature, VARIANT) >
        TICKET_MAX)
        return err_set(e, ERR_INTERNAL, "the ticket is too long");
    crypto_sign_detached(signature, NULL, (const unsigned char *)payload, n, k->secret_key);
    memcpy(to, TICKET_PREFIX, PREFIX_LEN);
    sodium_bin2base64(to + at, TICKET_MAX - at, (const unsigned char *)payload, n, VARIANT);
    at += strlen(to + at);
    to[at++] = '.';
    sodium_bin2base64(to + at, TICKET_MAX - at, signature, sizeof signature, VARIANT);
    return 0;
}

static int refuse(struct err *e, const char *cause)
{
    err_set(e, ERR_TICKET_REFUSED, "the ticket is not valid here and now");
    return err_cause(e, "%s", cause);
}

/* libsodium takes 0xDF for '_', so the alphabet is checked here: one ticket has one text. */
static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

struct parts {
    unsigned char payload[TICKET_MAX], signature[crypto_sign_BYTES];
    size_t payload_len;
};

static int split(const char *text, struct parts *p, struct err *e)
{
    size_t n = text ? strnlen(text, TICKET_MAX) : 0, signature_len;
    const char *payload, *dot, *end;

    if (n <= PREFIX_LEN || n >= TICKET_MAX || memcmp(text, TICKET_PREFIX, PREFIX_LEN) != 0 ||
        strspn(text, ALPHABET) != n)
        return refuse(e, "shape: prefix, length or alphabet");
    payload = text + PREFIX_LEN;
    dot = strchr(payload, '.');
    if (!dot ||
        sodium_base642bin(p->payload, sizeof p->payload, payload, (size_t)(dot - payload), NULL,
                          &p->payload_len, &end, VARIANT) != 0 ||
        end != dot)
        return refuse(e, "shape: payload is not base64url");
    if (sodium_base642bin(p->signature, sizeof p->signature, dot + 1, n - (size_t)(dot + 1 - text),
                          NULL, &signature_len, &end, VARIANT) != 0 ||
        end != text + n || signature_len != sizeof p->signature)
        return refuse(e, "shape: signature is not 64 bytes of base64url");
    return 0;
}

static int parse(const struct parts *p, json_t **out, struct err *e)
{
    struct err inner = { 0 };

    if (json_read((const char *)p->payload, p->payload_len, out, &inner) < 0)
        return refuse(e, "shape: payload is not JSON");
    return 0;
}

int ticket_peek(const char *text, struct id *kid, struct err *e)
{
    json_auto_t *o = NULL;
    struct parts p;

    if (split(text, &p, e) < 0 || parse(&p, &o, e) < 0)
        return -1;
    if (!json_id(o, "kid", kid))
        return refuse(e, "shape: no kid");
    return 0;
}

static bool claim_bool(const json_t *o, const char *key, bool *to)
{
    const json_t *v = json_object_get(o, key);

    *to = json_is_true(v);
    return json_is_boolean(v);
}

static bool claim_count(const json_t *o, const char *key, int64_t *to)
{
    const json_t *v = json_object_get(o, key);

    *to = json_integer_value(v);
    return json_is_integer(v) && *to >= 0 && *to < INT64_C(1) << 53;
}

static bool claim_nonce(const json_t *o, char to[33])
{
    const char *text = json_str(o, "nonce");

    if (!text || strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
        return false;
    memcpy(to, text, 33);
    return true;
}

/* Members that this build does not know are tolerated (a newer bCenter); those it knows must be
 * there. */
static bool read_claims(const json_t *o, struct ticket *t)
{
    return json_num(o, "v", 0) == VERSION && json_id(o, "kid", &t->kid) &&
           json_id(o, "bserver", &t->bserver) && json_id(o, "desktop", &t->desktop) &&
           json_id(o, "run", &t->run) && json_id(o, "session", &t->session) &&
           json_id(o, "person", &t->person) && claim_count(o, "seq", &t->seq) &&
           claim_count(o, "iat", &t->iat_ms) && claim_nonce(o, t->nonce) &&
           claim_bool(o, "view_only", &t->view_only) && claim_bool(o, "cut_text", &t->cut_text);
}

int ticket_verify(const char *text, const unsigned char public_key[TICKET_PUBLIC], int64_t now_ms,
                  struct ticket *out, struct err *e)
{
    json_auto_t *o = NULL;
    struct ticket t = { 0 };
    struct parts p;

    if (sodium_init() < 0)
        return refuse(e, "no cryptography");
    if (split(text, &p, e) < 0)
        return -1;
    if (crypto_sign_verify_detached(p.signature, p.payload, p.payload_len, public_key) != 0)
        return refuse(e, "signature");
    if (parse(&p, &o, e) < 0)
        return -1;
    if (!read_claims(o, &t))
        return refuse(e, "claims: a member is missing or of another type");
    if (t.iat_ms > now_ms + SKEW_MS)
        return refuse(e, "time: issued in the future");
    if (t.iat_ms + TICKET_TTL_MS < now_ms)
        return refuse(e, "time: expired");
    *out = t;
    return 0;
}
