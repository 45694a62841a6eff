/*
 * What a stranger shows at the display listener. The input is tried as a whole ticket, and as the
 * payload of a ticket that is properly signed, so that the claims are reached too.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct ticket_key *key(void)
{
    static struct ticket_key k;

    if (!k.kid.s[0]) {
        if (sodium_init() < 0)
            abort();
        ticket_key_make(&k);
    }
    return &k;
}

static void show(const char *text)
{
    struct ticket t = { 0 };
    struct id kid = { "" };
    struct err e = { 0 };

    if (ticket_peek(text, &kid, &e) < 0 && e.code != ERR_TICKET_REFUSED)
        abort();
    e = (struct err){ 0 };
    if (ticket_verify(text, key()->public_key, 1795222923456, &t, &e) < 0) {
        if (e.code != ERR_TICKET_REFUSED)
            abort();
        return;
    }
    if (!id_valid(t.bserver.s) || !id_valid(t.desktop.s) || !id_valid(t.run.s) ||
        !id_valid(t.session.s) || !id_valid(t.person.s) || strlen(t.nonce) != 32)
        abort();
}

static void show_signed(const uint8_t *data, size_t n)
{
    enum { ROOM = 8192 };
    unsigned char signature[crypto_sign_BYTES];
    char text[ROOM] = TICKET_PREFIX;
    size_t at = strlen(text);

    if (n > 4096)
        return;
    crypto_sign_detached(signature, NULL, data, n, key()->secret_key);
    sodium_bin2base64(text + at, ROOM - at, data, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    at += strlen(text + at);
    text[at++] = '.';
    sodium_bin2base64(text + at, ROOM - at, signature, sizeof signature,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    show(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);

    memcpy(text, data, n);
    text[n] = '\0';
    show(text);
    free(text);
    show_signed(data, n);
    return 0;
}
