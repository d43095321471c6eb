/* SPDX-License-Identifier: MIT */
/* switch.c: jump tables and computed goto, in a leaf without a frame, in a framed function and next to tail calls. */
#include "target.h"

TRACED int help(int x)
{
	KEEP(x);
	return x ^ 5;
}

#define CASES(EXPR)                                                                         \
	switch (EXPR) {                                                                     \
	case 0: r = x * 3; KEEP(r); break;                                                  \
	case 1: r = x + 17; KEEP(r); break;                                                 \
	case 2: r = x << 3; KEEP(r); break;                                                 \
	case 3: r = x - 9; KEEP(r); break;                                                  \
	case 4: r = x ^ 99; KEEP(r); break;                                                 \
	case 5: r = -x; KEEP(r); break;                                                     \
	case 6: r = ~x; KEEP(r); break;                                                     \
	case 7: r = x & 3; KEEP(r); break;                                                  \
	}

TRACED int leaf_switch(int x, int k)
{
	int r = 1;

	CASES(k)
	return r;
}

TRACED int framed_switch(int x, int k)
{
	int r = help(x);

	CASES(k)
	return r + help(r);
}

/* Some cases are tail calls, others are not. */
TRACED int tail_switch(int x, int k)
{
	int r = 2;

	switch (k) {
	case 0: return help(x);
	case 1: return help(x + 4);
	case 2: r = x * 5; KEEP(r); break;
	case 3: r = x * 7; KEEP(r); break;
	case 4: r = x - 8; KEEP(r); break;
	case 5: r = x ^ 8; KEEP(r); break;
	case 6: r = x | 8; KEEP(r); break;
	case 7: return help(x + 7);
	}
	return r;
}

/* An interpreter's loop: every instruction jumps to the next one itself. */
TRACED int interpret(const unsigned char *code, int x)
{
	static const void *const labels[] = { &&stop, &&add, &&twice, &&flip };

	goto *labels[*code++];
add:
	x += 3;
	goto *labels[*code++];
twice:
	x *= 2;
	goto *labels[*code++];
flip:
	x = ~x;
	goto *labels[*code++];
stop:
	return x;
}

static long work(int n)
{
	static const unsigned char code[] = { 1, 2, 3, 1, 1, 2, 3, 0 };
	long sum = 0;

	for (int i = 0; i < n; i++) {
		sum += leaf_switch(i, i % 10) + framed_switch(i, i % 10) + tail_switch(i, i % 8);
		sum += interpret(code, i);
	}
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n, t, tails;

	target_init(argc, argv, 400);
	target.n -= target.n % 8;
	sum = target_work(work);
	t = target.threads;
	n = target.n * t;
	tails = n / 8 * 3;
	truth_begin("switch", sum, 0);
	truth("calls", "help", "return", 2 * n + tails);
	truth("calls", "leaf_switch", "return", n);
	truth("calls", "framed_switch", "return", n);
	truth("calls", "tail_switch", "return", n - tails);
	truth("calls", "tail_switch", "tail_call", tails);
	truth("calls", "interpret", "return", n);
	truth("parent", "help", "framed_switch", 2 * n);
	truth("parent", "help", "", tails);
	truth_depth("help", 0, tails);
	truth_depth("help", 1, 2 * n);
	truth_end();
	return 0;
}
