#include "common/daemon/heap.h"

#include <malloc.h>

enum { LARGE = 128 * 1024 };

void heap_start(void)
{
    mallopt(M_ARENA_MAX, HEAP_ARENAS);
    mallopt(M_MMAP_THRESHOLD, LARGE); /* said = it no longer grows by itself, nor does the next */
    mallopt(M_TRIM_THRESHOLD, LARGE);
}

void heap_trim(void)
{
    malloc_trim(0);
}
