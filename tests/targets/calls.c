/* SPDX-License-Identifier: MIT */
/* calls.c: a known call tree: through an untraced function, through libc's qsort, with arguments on the stack. */
#include <stdarg.h>
#include "target.h"

struct big {
	long v[12];
};

static __thread long compared;

static TRACED int low(int x)
{
	KEEP(x);
	return x + 1;
}

static TRACED int bridge(int x)
{
	int r = low(x);

	KEEP(r);
	return r;
}

/* Has no code of its own, however this is built. */
static __attribute__((always_inline)) inline int folded(int x)
{
	KEEP(x);
	return x;
}

TRACED int mid(int x)
{
	int r = low(x) + low(x + 1) + low(folded(x) + 2);

	KEEP(r);
	return r;
}

TRACED int compare(const void *a, const void *b)
{
	compared++;
	return *(const int *)a - *(const int *)b;
}

TRACED struct big many(int a, long b, int c, long d, int e, long f, struct big g, double h)
{
	g.v[0] += a + b + c + d + e + f + (long)h;
	return g;
}

TRACED int vary(int n, ...)
{
	va_list ap;
	int r = 0;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		r += va_arg(ap, int);
	va_end(ap);
	return r;
}

TRACED int top(int x)
{
	int v[] = { 5, 3, 9, 1, 7, 2, 8 };
	int r = mid(x) + mid(x + 1) + bridge(x);

	qsort(v, 7, sizeof(*v), compare);
	KEEP(r);
	return r + v[0];
}

static pthread_mutex_t count_lock = PTHREAD_MUTEX_INITIALIZER;
static long all_compared;

static long work(int n)
{
	struct big g = { { 0 } };
	long sum = 0;

	for (int i = 0; i < n; i++) {
		sum += top(i);
		g = many(i, 2, 3, 4, 5, 6, g, 7.5);
		sum += vary(4, i, 1, 2, 3);
	}
	pthread_mutex_lock(&count_lock);
	all_compared += compared;
	pthread_mutex_unlock(&count_lock);
	return sum + g.v[0];
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 1000);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	truth_begin("calls", sum, 0);
	truth("calls", "top", "return", n);
	truth("calls", "mid", "return", 2 * n);
	truth("calls", "low", "return", 7 * n);
	truth("calls", "compare", "return", all_compared);
	truth("calls", "many", "return", n);
	truth("calls", "vary", "return", n);
	truth_depth("top", 0, n);
	truth_depth("mid", 1, 2 * n);
	truth_depth("low", 2, 6 * n);
	truth_depth("low", 1, n);
	truth_depth("compare", 1, all_compared);
	truth("parent", "top", "", n);
	truth("parent", "mid", "top", 2 * n);
	truth("parent", "low", "mid", 6 * n);
	truth("parent", "low", "top", n);
	truth("parent", "compare", "top", all_compared);
	truth("threads", "top", "", target.threads);
	truth_end();
	return 7;
}
