/* SPDX-License-Identifier: MIT */
/*
 * jumps.c: longjmp over traced frames, into a traced function that goes on, siglongjmp out of handlers on the
 * thread's own and on an alternate stack, and calls as deep as the lost ones right after.
 */
#include <setjmp.h>
#include <signal.h>
#include "target.h"

#define DEEP 4

static __thread jmp_buf back;
static __thread sigjmp_buf sigback;

static volatile int jump = 1;

TRACED int deep(int x)
{
	if (x == 0 && jump)
		longjmp(back, 1);
	x = x ? deep(x - 1) : 0;
	KEEP(x);
	return x;
}

TRACED int calm(int x)
{
	int r = x ? calm(x - 1) : 0;

	KEEP(r);
	return r + 1;
}

/* A traced function that is landed in, calls on and returns. */
TRACED int lands(int x)
{
	volatile int r = x;

	if (setjmp(back) == 0)
		r += deep(DEEP);
	else
		r += calm(DEEP);
	return r;
}

TRACED void handler(int sig)
{
	siglongjmp(sigback, sig);
}

TRACED int raises(int sig)
{
	raise(sig);
	return sig;
}

TRACED int caught(int sig)
{
	int r = sigsetjmp(sigback, 1);

	if (!r)
		r = raises(sig);
	else
		r += calm(1);
	return r;
}

static void install(void)
{
	struct sigaction own = { .sa_handler = handler };
	struct sigaction other = { .sa_handler = handler, .sa_flags = SA_ONSTACK };

	sigaction(SIGUSR1, &own, NULL);
	sigaction(SIGUSR2, &other, NULL);
}

static long work(int n)
{
	stack_t ss = { .ss_size = 65536 };
	volatile long sum = 0;

	ss.ss_sp = malloc(ss.ss_size);
	sigaltstack(&ss, NULL);
	for (volatile int i = 0; i < n; i++) {
		if (setjmp(back) == 0)
			sum += deep(DEEP);
		else
			sum += calm(DEEP + 2);
		sum += lands(i) + caught(SIGUSR1) + caught(SIGUSR2);
	}
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	free(ss.ss_sp);
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 100);
	install();
	sum = target_work(work);
	n = (long)target.n * target.threads;
	truth_begin("jumps", sum, 0);
	truth("calls", "deep", "unwound", 2 * n * (DEEP + 1));
	truth("calls", "calm", "return", n * (DEEP + 3 + DEEP + 1 + 2 * 2));
	truth("calls", "lands", "return", n);
	truth("calls", "handler", "unwound", 2 * n);
	truth("calls", "raises", "unwound", 2 * n);
	truth("calls", "caught", "return", 2 * n);
	for (int i = 0; i <= DEEP + 1; i++)
		truth_depth("deep", i, (i <= DEEP) * n + (i > 0) * n);
	for (int i = 0; i <= DEEP + 2; i++)
		truth_depth("calm", i, n + (i > 0 && i <= DEEP + 1) * n + (i == 1 || i == 2) * 2 * n);
	truth_depth("handler", 2, 2 * n);
	truth("parent", "handler", "raises", 2 * n);
	truth("parent", "calm", "lands", n);
	truth("parent", "calm", "caught", 2 * n);
	truth("parent", "calm", "", n);
	truth("parent", "calm", "calm", n * (DEEP + 2 + DEEP + 2));
	truth_end();
	return 5;
}
