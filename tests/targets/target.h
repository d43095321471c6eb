/* SPDX-License-Identifier: MIT */
/*
 * target.h: what the programs under tests/targets share: the talk with the harness, threads, and the truth.
 *
 * A target prints "ready", waits for a line, works, prints its truth as one JSON line, waits for another
 * line or the end of input, and exits. The truth:
 *
 *   {"target":NAME,"sum":N,"varies":BOOL,"expect":[[KIND,FUNCTION,WHAT,COUNT],...]}
 *
 *   calls   FUNCTION ended as WHAT COUNT times          follow  the same with the children counted in
 *   depth   COUNT calls of FUNCTION at depth WHAT       parent  COUNT calls with parent WHAT ("": none)
 *   threads FUNCTION was called by COUNT threads
 *
 * Depths and parents hold if exactly the functions named in "calls" are traced.
 */
#ifndef TARGET_H
#define TARGET_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A function that is called as it is written: not inlined, cloned or evaluated at compile time. */
#define TRACED __attribute__((noipa))
/* The compiler knows nothing about x from here on; also keeps the call before it from becoming a tail call. */
#define KEEP(x)     __asm__ volatile("" : "+r"(x) : : "memory")
#define MAX_THREADS 64

struct target {
	int n, threads, depth;
	const char *mode;
};

static struct target target;
static int truth_entries;

/* argv: N THREADS MODE DEPTH, all optional. */
static inline void target_init(int argc, char **argv, int n)
{
	target.n = argc > 1 ? atoi(argv[1]) : n;
	target.threads = argc > 2 ? atoi(argv[2]) : 1;
	target.mode = argc > 3 ? argv[3] : "";
	target.depth = argc > 4 ? atoi(argv[4]) : 200;
	if (target.n < 1 || target.threads < 1 || target.threads > MAX_THREADS) {
		fprintf(stderr, "usage: %s [N [THREADS [MODE [DEPTH]]]]\n", argv[0]);
		exit(2);
	}
}

/* Byte by byte: nothing behind the line may end up in a buffer that fork or exec copies or loses. */
static inline void target_wait(const char *say)
{
	char c = 0;

	if (say) {
		printf("%s\n", say);
		fflush(stdout);
	}
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

static inline void truth_begin(const char *name, long sum, int varies)
{
	printf("{\"target\":\"%s\",\"sum\":%ld,\"varies\":%s,\"expect\":[", name, sum,
	       varies ? "true" : "false");
}

static inline void truth(const char *kind, const char *function, const char *what, long count)
{
	if (count)
		printf("%s[\"%s\",\"%s\",\"%s\",%ld]", truth_entries++ ? "," : "", kind, function, what,
		       count);
}

static inline void truth_depth(const char *function, int depth, long count)
{
	char what[16];

	snprintf(what, sizeof(what), "%d", depth);
	truth("depth", function, what, count);
}

static inline void truth_end(void)
{
	printf("]}\n");
	fflush(stdout);
	target_wait(NULL);
}

static pthread_mutex_t target_gate = PTHREAD_MUTEX_INITIALIZER;

static inline void *target_thread(void *arg)
{
	long (*work)(int) = (long (*)(int))arg;

	pthread_mutex_lock(&target_gate);
	pthread_mutex_unlock(&target_gate);
	return (void *)work(target.n);
}

/*
 * "ready", then work(n) in each thread, and the sum of what they return. With one thread it is the first;
 * with more, half of them are born before the tracer comes and half after.
 */
static inline long target_work(long (*work)(int))
{
	pthread_t t[MAX_THREADS];
	int i = 0, early = target.threads / 2;
	void *ret;
	long sum = 0;

	if (target.threads == 1) {
		target_wait("ready");
		return work(target.n);
	}
	pthread_mutex_lock(&target_gate);
	for (; i < early; i++)
		pthread_create(&t[i], NULL, target_thread, (void *)work);
	target_wait("ready");
	for (; i < target.threads; i++)
		pthread_create(&t[i], NULL, target_thread, (void *)work);
	pthread_mutex_unlock(&target_gate);
	for (i = 0; i < target.threads; i++) {
		pthread_join(t[i], &ret);
		sum += (long)ret;
	}
	return sum;
}

#endif
