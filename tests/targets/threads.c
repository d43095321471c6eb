/* SPDX-License-Identifier: MIT */
/* threads.c: workers born before and after the tracer, and many short-lived threads one after another. */
#include "target.h"

TRACED int inner(int x)
{
	KEEP(x);
	return x + 1;
}

TRACED int outer(int x)
{
	int r = inner(x) + inner(x + 1);

	KEEP(r);
	return r;
}

TRACED long once(long x)
{
	long r = outer((int)x);

	KEEP(r);
	return r;
}

static void *brief(void *arg)
{
	return (void *)once((long)arg);
}

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++)
		sum += outer(i);
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n, briefs;

	target_init(argc, argv, 500);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	briefs = target.n / 10 + 1;
	for (long i = 0; i < briefs; i++) {
		pthread_t t;
		void *ret;

		pthread_create(&t, NULL, brief, (void *)i);
		pthread_join(t, &ret);
		sum += (long)ret;
	}
	truth_begin("threads", sum, 0);
	truth("calls", "outer", "return", n + briefs);
	truth("calls", "inner", "return", 2 * (n + briefs));
	truth("calls", "once", "return", briefs);
	truth_depth("outer", 0, n);
	truth_depth("outer", 1, briefs);
	truth_depth("inner", 1, 2 * n);
	truth_depth("inner", 2, 2 * briefs);
	truth("parent", "outer", "", n);
	truth("parent", "outer", "once", briefs);
	truth("parent", "inner", "outer", 2 * (n + briefs));
	truth("threads", "outer", "", target.threads + briefs);
	truth("threads", "once", "", briefs);
	truth_end();
	return 0;
}
