/* SPDX-License-Identifier: MIT */
/*
 * cancel.c: threads that end within traced calls: pthread_exit, pthread_cancel, both with cleanup handlers that call
 * traced functions, a raw exit system call, and the plain return for comparison.
 */
#include <semaphore.h>
#include <sys/syscall.h>
#include "target.h"

static sem_t blocked, never;
static __thread long tidied;
static long all_tidied;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

TRACED void tidy(void *arg)
{
	pthread_mutex_lock(&lock);
	all_tidied += (long)arg;
	pthread_mutex_unlock(&lock);
	__asm__ volatile(""); /* not a tail call */
}

TRACED int leaves(int x)
{
	KEEP(x);
	if (x)
		pthread_exit(NULL);
	return x;
}

TRACED int holds(int x)
{
	int r;

	pthread_cleanup_push(tidy, (void *)1L);
	r = leaves(x);
	KEEP(r);
	pthread_cleanup_pop(0);
	return r;
}

TRACED int waits(int x)
{
	int r;

	pthread_cleanup_push(tidy, (void *)2L);
	sem_post(&blocked);
	r = sem_wait(&never);
	KEEP(r);
	pthread_cleanup_pop(0);
	return r + x;
}

TRACED long vanishes(long x)
{
	KEEP(x);
	if (x)
		syscall(SYS_exit, 0);
	return x;
}

TRACED void *exits(void *arg)
{
	tidied = holds(arg != NULL);
	return (void *)tidied;
}

TRACED void *cancelled(void *arg)
{
	tidied = waits(1);
	return arg;
}

TRACED void *raw(void *arg)
{
	tidied = vanishes(1);
	return arg;
}

static long work(int n)
{
	pthread_t t;

	for (int i = 0; i < n; i++) {
		pthread_create(&t, NULL, exits, (void *)1L);
		pthread_join(t, NULL);
		pthread_create(&t, NULL, exits, NULL);
		pthread_join(t, NULL);
		pthread_create(&t, NULL, cancelled, NULL);
		sem_wait(&blocked);
		pthread_cancel(t);
		pthread_join(t, NULL);
		pthread_create(&t, NULL, raw, NULL);
		pthread_join(t, NULL);
	}
	return 0;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 50);
	sem_init(&blocked, 0, 0);
	sem_init(&never, 0, 0);
	/* a canceller must not be woken by another's thread: one at a time */
	target.n *= target.threads;
	target.threads = 1;
	sum = target_work(work) + all_tidied;
	n = target.n;
	truth_begin("cancel", sum, 0);
	truth("calls", "exits", "return", n);
	truth("calls", "exits", "thread_exit", n);
	truth("calls", "holds", "return", n);
	truth("calls", "holds", "thread_exit", n);
	truth("calls", "leaves", "return", n);
	truth("calls", "leaves", "thread_exit", n);
	truth("calls", "cancelled", "thread_exit", n);
	truth("calls", "waits", "thread_exit", n);
	truth("calls", "raw", "thread_exit", n);
	truth("calls", "vanishes", "thread_exit", n);
	truth("calls", "tidy", "return", 2 * n);
	truth("parent", "tidy", "holds", n);
	truth("parent", "tidy", "waits", n);
	truth("parent", "leaves", "holds", 2 * n);
	truth_depth("leaves", 2, 2 * n);
	truth_depth("tidy", 2, 2 * n);
	truth_end();
	return 0;
}
