/* SPDX-License-Identifier: MIT */
/* recurse.c: recursion to DEPTH (200), two functions that call each other, and a tree of calls. */
#include "target.h"

#define MUTUAL 100
#define FIB    10

TRACED long deep(int n)
{
	long r = n > 1 ? deep(n - 1) + n : 1;

	KEEP(r);
	return r;
}

TRACED long is_odd(int n);

TRACED long is_even(int n)
{
	long r = n ? is_odd(n - 1) : 1;

	KEEP(r);
	return r;
}

TRACED long is_odd(int n)
{
	long r = n ? is_even(n - 1) : 0;

	KEEP(r);
	return r;
}

TRACED long fib(int n)
{
	long r = n < 2 ? n : fib(n - 1) + fib(n - 2);

	KEEP(r);
	return r;
}

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++)
		sum += deep(target.depth) + is_even(MUTUAL) + fib(FIB);
	return sum;
}

/* How many calls of fib(n) there are at each depth below it. */
static void fib_depths(int n, int depth, long *at)
{
	at[depth]++;
	if (n >= 2) {
		fib_depths(n - 1, depth + 1, at);
		fib_depths(n - 2, depth + 1, at);
	}
}

int main(int argc, char **argv)
{
	long sum, n, at[FIB + 1] = { 0 }, fibs = 0;

	target_init(argc, argv, 20);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	fib_depths(FIB, 0, at);
	for (int i = 0; i <= FIB; i++)
		fibs += at[i];
	truth_begin("recurse", sum, 0);
	truth("calls", "deep", "return", n * target.depth);
	truth("calls", "is_even", "return", n * (MUTUAL / 2 + 1));
	truth("calls", "is_odd", "return", n * (MUTUAL / 2));
	truth("calls", "fib", "return", n * fibs);
	for (int i = 0; i < target.depth; i++)
		truth_depth("deep", i, n);
	for (int i = 0; i <= MUTUAL; i++)
		truth_depth(i % 2 ? "is_odd" : "is_even", i, n);
	for (int i = 0; i <= FIB; i++)
		truth_depth("fib", i, n * at[i]);
	truth("parent", "deep", "", n);
	truth("parent", "deep", "deep", n * (target.depth - 1));
	truth("parent", "is_even", "", n);
	truth("parent", "is_even", "is_odd", n * (MUTUAL / 2));
	truth("parent", "is_odd", "is_even", n * (MUTUAL / 2));
	truth_end();
	return 3;
}
