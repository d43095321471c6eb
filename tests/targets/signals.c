/* SPDX-License-Identifier: MIT */
/*
 * signals.c: handlers that interrupt traced calls and call traced functions: on the thread's own stack, on an
 * alternate one, nested, and at random instructions (MODE async: another thread sends them).
 */
#include <signal.h>
#include <stdatomic.h>
#include "target.h"

#define ASYNC 100

static atomic_int acks, done;
static __thread long handled;

TRACED int in_handler(int x)
{
	KEEP(x);
	return x + 1;
}

TRACED void on_own(int sig)
{
	handled += in_handler(sig);
}

TRACED void on_other(int sig)
{
	handled += in_handler(sig);
}

/* A handler in a handler: the second one on the alternate stack. */
TRACED void on_nested(int sig)
{
	handled += in_handler(sig);
	raise(SIGUSR2);
	handled += in_handler(sig);
}

static void on_async(int sig)
{
	in_handler(sig);
	atomic_fetch_add(&acks, 1);
}

TRACED int interrupted(int sig)
{
	int r = raise(sig);

	KEEP(r);
	return r + in_handler(sig);
}

TRACED int leaf(int x)
{
	KEEP(x);
	return x;
}

TRACED int spin(int x)
{
	int r = leaf(x) + leaf(x + 1);

	KEEP(r);
	return r;
}

static void install(int sig, void (*f)(int), int flags)
{
	struct sigaction sa = { .sa_handler = f, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

static long work(int n)
{
	stack_t ss = { .ss_size = 65536 };
	long sum = 0;

	ss.ss_sp = malloc(ss.ss_size);
	sigaltstack(&ss, NULL);
	for (int i = 0; i < n; i++)
		sum += interrupted(SIGUSR1) + interrupted(SIGUSR2) + interrupted(SIGALRM) + leaf(i);
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	free(ss.ss_sp);
	return sum + handled;
}

static void *sender(void *arg)
{
	for (int i = 0; i < ASYNC; i++) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		while (atomic_load(&acks) <= i)
			sched_yield();
	}
	atomic_store(&done, 1);
	return NULL;
}

static int async_main(void)
{
	pthread_t me = pthread_self(), t;
	long spins = 0;

	install(SIGUSR1, on_async, 0);
	target_wait("ready");
	pthread_create(&t, NULL, sender, &me);
	while (!atomic_load(&done)) {
		spin(1);
		spins++;
	}
	pthread_join(t, NULL);
	truth_begin("signals", ASYNC, 1);
	truth("calls", "spin", "return", spins);
	truth("calls", "leaf", "return", 2 * spins);
	truth("calls", "in_handler", "return", ASYNC);
	truth("parent", "leaf", "spin", 2 * spins);
	truth_depth("spin", 0, spins);
	truth_depth("leaf", 1, 2 * spins);
	truth_end();
	return 0;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 200);
	if (!strcmp(target.mode, "async"))
		return async_main();
	install(SIGUSR1, on_own, 0);
	install(SIGUSR2, on_other, SA_ONSTACK);
	install(SIGALRM, on_nested, 0);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	truth_begin("signals", sum, 0);
	truth("calls", "interrupted", "return", 3 * n);
	truth("calls", "in_handler", "return", 3 * n + n + n + 2 * n + n);
	truth("calls", "on_own", "return", n);
	truth("calls", "on_other", "return", 2 * n);
	truth("calls", "on_nested", "return", n);
	truth("calls", "leaf", "return", n);
	truth("parent", "on_own", "interrupted", n);
	truth("parent", "on_other", "interrupted", n);
	truth("parent", "on_other", "on_nested", n);
	truth("parent", "on_nested", "interrupted", n);
	truth("parent", "in_handler", "interrupted", 3 * n);
	truth("parent", "in_handler", "on_own", n);
	truth("parent", "in_handler", "on_other", 2 * n);
	truth("parent", "in_handler", "on_nested", 2 * n);
	truth_depth("in_handler", 1, 3 * n);
	truth_depth("in_handler", 2, 4 * n);
	truth_depth("in_handler", 3, n);
	truth_end();
	return 0;
}
