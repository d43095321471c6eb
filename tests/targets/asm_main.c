/* SPDX-License-Identifier: MIT */
/* asm_main.c: calls what asm.S defines, and an ifunc. */
#include "target.h"

int sizeless(int x);
int sizeless_too(int x);
int alias(int x);
int weak_alias(int x);
int original(int x);
int reads_return(int x);
int call_pops_argument(long x);
int rep_ret(int x);

TRACED int chosen_two(int x)
{
	KEEP(x);
	return x + 11;
}

static int (*resolve(void))(int)
{
	return chosen_two;
}

int choose(int x) __attribute__((ifunc("resolve")));

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++) {
		sum += sizeless(i) + sizeless_too(i) + alias(i) + weak_alias(i) + original(i);
		sum += reads_return(i) + call_pops_argument(i) + rep_ret(i) + choose(i);
	}
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 500);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	truth_begin("asm", sum, 0);
	truth("calls", "sizeless", "return", n);
	truth("calls", "sizeless_too", "return", n);
	truth("calls", "untyped", "return", n);
	truth("calls", "original", "return", 3 * n);
	truth("calls", "reads_return", "return", n);
	truth("calls", "pops_argument", "return", n);
	truth("calls", "call_pops_argument", "return", n);
	truth("calls", "rep_ret", "return", n);
	truth("calls", "chosen_two", "return", n);
	truth("parent", "untyped", "sizeless", n);
	truth("parent", "pops_argument", "call_pops_argument", n);
	truth_end();
	return 0;
}
