/*
 * metric — counters and gauges in Prometheus text format (exposition format 0.0.4).
 *
 * common/http/metrics.def is the table: M(NAME, kind, "bic_…", "sentence"). Atomic, lock free.
 */
#ifndef COMMON_HTTP_METRIC_H
#define COMMON_HTTP_METRIC_H

#include <stdint.h>

enum metric {
#define M(name, kind, text, help) METRIC_##name,
#include "common/http/metrics.def"
#undef M
    METRIC_COUNT
};

void metric_add(enum metric m, int64_t n);
void metric_set(enum metric m, int64_t value);
int64_t metric_get(enum metric m);
char *metric_text(void); /* malloc'd page; NULL when out of memory */

#endif
