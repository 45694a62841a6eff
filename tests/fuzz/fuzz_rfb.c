/*
 * libFuzzer: the client → server filter. The first byte is the policy, the second the size of the
 * pieces; whatever comes out must be the same for every cut and never more than promised.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bserver-agent/screen_rfb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int run(const uint8_t *policy, const uint8_t *p, size_t n, size_t piece, uint8_t *out,
               size_t *len)
{
    struct screen_rfb f;

    *len = 0;
    screen_rfb_init(&f, *policy & 1, *policy & 2);
    for (size_t at = 0; at < n; at += piece) {
        size_t k = n - at < piece ? n - at : piece, got = 0;
        uint8_t *to = malloc(k + SCREEN_RFB_HELD); /* of its own, so that ASan sees its end */
        struct err e = { 0 };
        int r = screen_rfb_feed(&f, p + at, k, to, &got, &e);

        if (r == 0)
            memcpy(out + *len, to, got);
        free(to);
        if (r < 0)
            return -1;
        *len += got;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t *a, *b;
    size_t la, lb;

    if (n < 3)
        return 0;
    a = malloc(2 * n + SCREEN_RFB_HELD);
    b = malloc(2 * n + SCREEN_RFB_HELD);
    if (run(data, data + 2, n - 2, n, a, &la) == 0) {
        if (run(data, data + 2, n - 2, 1U + data[1], b, &lb) < 0 || la != lb ||
            memcmp(a, b, la) != 0)
            abort();
        /* It is its own fixed point: QEMU gets nothing that would be refused the second time. */
        if (run(data, a, la, 1, b, &lb) < 0 || la != lb || memcmp(a, b, la) != 0)
            abort();
    }
    free(a);
    free(b);
    return 0;
}
