/*
 * clock — the one place where the time is read.
 *
 * Durations and deadlines use the boot clock (CLOCK_BOOTTIME: goes on in suspend, never steps).
 * Wall time is for people, tickets and certificates only.
 */
#ifndef COMMON_BASE_CLOCK_H
#define COMMON_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_boot_ms(void); /* milliseconds since boot */
int64_t clock_wall_ms(void); /* milliseconds since 1970, UTC */

enum { CLOCK_TEXT = 32 };
/* RFC 3339, UTC, milliseconds: "2026-11-21T01:02:03.456Z". Returns to. */
const char *clock_text(int64_t wall_ms, char to[CLOCK_TEXT]);
/* Reads RFC 3339 with Z or an offset; false if text is NULL or not such a time. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
