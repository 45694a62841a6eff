/* heap: threads share arenas, and what is free goes back at rest, although something lies above it.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/daemon/heap.h"
#include "tests/unit/common/unit.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define OTHER_MALLOC true
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHER_MALLOC true
#endif
#endif
#ifndef OTHER_MALLOC
#define OTHER_MALLOC false
#endif

enum { THREADS = 12, BLOCKS = 8192, BLOCK = 1024 };

static pthread_barrier_t all;

static void *allocate(void *arg)
{
    char *p = malloc(5000);

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

static void threads_share_arenas(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    if (OTHER_MALLOC)
        skip();
    pthread_barrier_init(&all, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, allocate, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all);
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
    if (OTHER_MALLOC)
        skip();
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
        cmocka_unit_test(threads_share_arenas),
        cmocka_unit_test(what_is_free_goes_back_at_rest),
    };

    heap_start();
    return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
