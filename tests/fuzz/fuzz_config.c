/* A configuration file, as text of any shape. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct values {
    char *name, *secret;
    int64_t size;
    bool flag;
};

static const struct config_key keys[] = {
    { "name", CONFIG_TEXT, NULL, 0, 8, offsetof(struct values, name), "What it is called." },
    { "secret", CONFIG_SECRET, "", 0, 0, offsetof(struct values, secret), "Not shown." },
    { "size", CONFIG_INT, "5", 1, 9, offsetof(struct values, size), "How many." },
    { "flag", CONFIG_BOOL, "no", 0, 0, offsetof(struct values, flag), "Whether." },
    { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct values v = { 0 };
    struct config c = { .keys = keys, .values = &v };
    struct err e = { 0 };
    char *text = malloc(n + 1);

    memcpy(text, data, n);
    text[n] = '\0';
    if (config_parse(&c, text, &e) < 0) {
        if (e.code != ERR_INVALID_REQUEST || !e.detail[0])
            abort();
    } else if (!v.name || strlen(v.name) > 8 || !v.secret || v.size < 1 || v.size > 9) {
        abort();
    }
    config_release(&c);
    free(text);
    return 0;
}
