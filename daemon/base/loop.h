/* SPDX-License-Identifier: MIT */
/* loop.h: the event loop: one thread, one epoll; signals by signalfd, time by timerfd. */
#ifndef TPD_LOOP_H
#define TPD_LOOP_H

#include <signal.h>
#include "base/util.h"

struct loop;

/* Called when the fd is readable (or hung up). A negative return ends loop_run with that value. */
typedef int loop_cb(void *arg, uint32_t events);
/* For a timer: expirations since the last call, at least 1. For a signal: its number. */
typedef int loop_num_cb(void *arg, uint64_t n);

int loop_new(struct loop **ret);
/* Closes what loop_timer and loop_signals made; fds given to loop_add stay open. NULL is fine. */
void loop_free(struct loop *l);

/* Watch fd for EPOLLIN. 0 or negative errno (-EEXIST: already watched). */
int loop_add(struct loop *l, int fd, loop_cb *cb, void *arg);
/* Forget fd; allowed from inside a callback. */
void loop_del(struct loop *l, int fd);

/* A timer, not armed. Its id (>= 0) or negative errno. */
int loop_timer(struct loop *l, loop_num_cb *cb, void *arg);
/* Arm: first after ns (0: disarm), then every period_ns (0: once). */
int loop_timer_set(struct loop *l, int id, uint64_t ns, uint64_t period_ns);

/* Block the signals of this set in the thread and hand them to cb one by one. */
int loop_signals(struct loop *l, const sigset_t *set, loop_num_cb *cb, void *arg);

/* Runs until a callback returns negative or loop_stop was called; the value given there. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int value);

#endif
