#include "common/daemon/heap.h"

#include <malloc.h>
#include <stdint.h>
#include <time.h>

enum { LARGE = 128 * 1024 };

void heap_start(void)
{
    mallopt(M_ARENA_MAX, HEAP_ARENAS);
    mallopt(M_MMAP_THRESHOLD, LARGE); /* said = it no longer grows by itself, nor does the next */
    mallopt(M_TRIM_THRESHOLD, LARGE);
}

void heap_frugal(void)
{
    mallopt(M_ARENA_MAX, 1);
}

void heap_rest(void)
{
    static int64_t before;
    struct timespec used;
    int64_t ms;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    ms = (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
    if (ms - before < HEAP_BUSY_MS)
        malloc_trim(0);
    before = ms;
}
