/*
 * heap — how the daemons use malloc. A daemon has many threads that mostly wait, and after start-up
 * it is small and stays so. glibc's habits are for the opposite: an arena for each thread, and
 * what was free once is kept. Nothing here fails.
 */
#ifndef COMMON_DAEMON_HEAP_H
#define COMMON_DAEMON_HEAP_H

enum { HEAP_ARENAS = 2, HEAP_TRIM_MS = 30000 };

/* Before the first thread: few arenas, and large blocks always go back at free(). */
void heap_start(void);
/* Now and then, from one thread: pages that nothing lies on go back to the system. */
void heap_trim(void);

#endif
