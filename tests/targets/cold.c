/* SPDX-License-Identifier: MIT */
/*
 * cold.c: functions that the compiler takes apart at -O2: a .cold piece that jumps back, one that returns
 * by itself, a .constprop clone and an .isra clone.
 */
#include "target.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static volatile long odds;

__attribute__((cold, noipa)) void complain(int x)
{
	odds += x;
}

/* Its .cold piece calls and jumps back into the hot one. */
TRACED int rejoins(int x)
{
	int r = x * 2;

	if (UNLIKELY(x % 7 == 0)) {
		complain(x);
		r += 3;
	}
	KEEP(r);
	return r + x;
}

/* Its .cold piece ends in returns of its own, or in a tail call. */
TRACED int ends_cold(int *v, int x)
{
	if (UNLIKELY(x % 5 == 0)) {
		complain(x);
		complain(x + 1);
		v[0] = x;
		return -x;
	}
	v[1] += x;
	return v[1] & 15;
}

/* Always called with the same second argument: becomes cloned.constprop.0. */
static __attribute__((noinline)) int cloned(int x, int k)
{
	for (int i = 0; i < k; i++)
		x = x * 3 + k;
	KEEP(x);
	return x;
}

struct pair {
	int a, b, c;
};

/* Reads one member of what it is given: becomes member.isra.0. */
static __attribute__((noinline)) int member(const struct pair *p, int x)
{
	x += p->b;
	KEEP(x);
	return x;
}

static long work(int n)
{
	struct pair p = { 1, 2, 3 };
	int v[2] = { 0 };
	long sum = 0;

	for (int i = 0; i < n; i++) {
		p.b = i;
		sum += rejoins(i) + ends_cold(v, i) + cloned(i, 4) + member(&p, i);
	}
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n, sevens, fives;

	target_init(argc, argv, 700);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	sevens = (long)((target.n + 6) / 7) * target.threads;
	fives = (long)((target.n + 4) / 5) * target.threads;
	truth_begin("cold", sum, 0);
	truth("calls", "rejoins", "return", n);
	truth("calls", "ends_cold", "return", n);
	truth("calls", "complain", "return", sevens + 2 * fives);
	truth("calls", "cloned", "return", n);
	truth("calls", "member", "return", n);
	truth_depth("rejoins", 0, n);
	truth_depth("complain", 1, sevens + 2 * fives);
	truth("parent", "complain", "rejoins", sevens);
	truth("parent", "complain", "ends_cold", 2 * fives);
	truth_end();
	return 0;
}
