/*
 * heap — how the daemons use malloc. A daemon has many threads that mostly wait, and after start-up
 * it is small and stays so. glibc's habits are for the opposite: an arena for each thread, and
 * what was free once is kept. Nothing here fails.
 */
#ifndef COMMON_DAEMON_HEAP_H
#define COMMON_DAEMON_HEAP_H

enum { HEAP_ARENAS = 2, HEAP_REST_MS = 30000, HEAP_BUSY_MS = HEAP_REST_MS / 20 };

/* Before the first thread: few arenas, and large blocks always go back at free(). */
void heap_start(void);
/* One arena is enough: for a daemon whose threads never hurry. Before the first thread. */
void heap_frugal(void);
/* Every HEAP_REST_MS, from one thread: gives pages that nothing lies on back to the system, unless
 * the process used HEAP_BUSY_MS of processor time since the last call. (It would need them again,
 * and looking for them takes milliseconds in which others wait for memory.) */
void heap_rest(void);

#endif
