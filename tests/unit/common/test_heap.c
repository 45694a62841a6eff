/* heap: threads share arenas, and what is free goes back at rest, although something lies above it.
 * The Makefile builds this without sanitizers: they bring a malloc of their own. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/daemon/heap.h"
#include "tests/unit/common/unit.h"

enum { THREADS = 12, BLOCKS = 8192, BLOCK = 1024 };

static pthread_barrier_t all;

static void *allocate(void *arg)
{
    char *volatile p = malloc(5000); /* or the compiler sees that nobody needs it */

    (void)arg;
    pthread_barrier_wait(&all);
    free(p);
    return NULL;
}

/* malloc_info names each arena once. */
static int arenas(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    int n = 0;

    assert_non_null(f);
    assert_int_equal(malloc_info(0, f), 0);
    fclose(f);
    for (const char *p = text; (p = strstr(p, "<heap nr=")); p++)
        n++;
    free(text);
    return n;
}

static void allocate_at_once(void)
{
    pthread_t threads[THREADS];

    pthread_barrier_init(&all, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all);
}

static void a_frugal_daemon_has_one_arena(void **state)
{
    (void)state;
    heap_frugal();
    allocate_at_once();
    assert_int_equal(arenas(), 1);
    heap_start(); /* as it was for the others */
}

static void threads_share_arenas(void **state)
{
    (void)state;
    allocate_at_once();
    assert_in_range(arenas(), 1, HEAP_ARENAS);
}

static long resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long size, pages = 0;

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &size, &pages), 2);
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void what_is_free_goes_back_at_rest(void **state)
{
    static char *block[BLOCKS];
    clock_t begin;
    long full;

    (void)state;
    heap_rest(); /* counts from here */
    for (int i = 0; i < BLOCKS; i++) {
        block[i] = malloc(BLOCK);
        assert_non_null(block[i]);
        memset(block[i], 1, BLOCK);
    }
    for (int i = 0; i < BLOCKS - 1; i++)
        free(block[i]); /* the last one holds the end of the heap where it is */
    full = resident();
    begin = clock();
    while (clock() - begin < (HEAP_BUSY_MS + 1) * (CLOCKS_PER_SEC / 1000))
        ;
    heap_rest();
    assert_true(resident() > full - BLOCKS * BLOCK / 4);
    heap_rest();
    assert_true(resident() < full - BLOCKS * BLOCK / 2);
    free(block[BLOCKS - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frugal_daemon_has_one_arena), /* first: an arena is for good */
        cmocka_unit_test(threads_share_arenas),
        cmocka_unit_test(what_is_free_goes_back_at_rest),
    };

    heap_start();
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
