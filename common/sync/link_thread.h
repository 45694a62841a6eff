/* link_thread — what pull and push have in common: one thread, one peer, waiting, backing off. */
#ifndef COMMON_SYNC_LINK_THREAD_H
#define COMMON_SYNC_LINK_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/log.h"
#include "common/sync/link.h"

struct link_thread {
    pthread_t thread;
    pthread_mutex_t lock; /* what follows, except peer, body and arg */
    pthread_cond_t wake;
    bool stopping, woken, up;
    int failures;      /* in a row */
    int64_t last_ms;   /* clock_boot_ms of the last answer, -1: none yet */
    struct peer *peer; /* used by the thread alone, but for peer_interrupt */
    void (*body)(void *arg);
    void *arg;
    char about[LOG_ABOUT];
};

int link_thread_start(struct link_thread *t, const struct sync_link_spec *spec,
                      void (*body)(void *), void *arg, struct err *e) MUSTCHECK;
void link_thread_stop(struct link_thread *t);
bool link_thread_stopping(struct link_thread *t);
void link_thread_wake(struct link_thread *t);
/* Sleeps up to ms, less when stopping or (for_wake) woken; returns whether it was woken. */
bool link_thread_wait(struct link_thread *t, int64_t ms, bool for_wake);
/* Notes how an exchange went (NULL = well); logs only when that changed. */
void link_thread_result(struct link_thread *t, const char *what, const struct err *failed);
int64_t link_thread_backoff_ms(struct link_thread *t);
bool link_thread_up(const struct link_thread *t, int64_t *age_ms);

#endif
