#include "common/http/metric.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic int64_t values[METRIC_COUNT];

static const struct {
    const char *kind, *name, *help;
} table[METRIC_COUNT] = {
#define M(name, kind, text, help) [METRIC_##name] = { #kind, text, help },
#include "common/http/metrics.def"
#undef M
};

void metric_add(enum metric m, int64_t n)
{
    atomic_fetch_add_explicit(&values[m], n, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&values[m], value, memory_order_relaxed);
}

int64_t metric_get(enum metric m)
{
    return atomic_load_explicit(&values[m], memory_order_relaxed);
}

char *metric_text(void)
{
    char *page = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&page, &size);
    int bad = 0;

    if (!f)
        return NULL;
    for (int m = 0; m < METRIC_COUNT; m++)
        bad |=
            fprintf(f, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", table[m].name, table[m].help,
                    table[m].name, table[m].kind, table[m].name, metric_get((enum metric)m)) < 0;
    if (fclose(f) == 0 && !bad)
        return page;
    free(page);
    return NULL;
}
