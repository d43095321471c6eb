/* SPDX-License-Identifier: MIT */
/*
 * throws.cc: exceptions through five frames whose destructors call a traced function, caught by a traced function
 * that goes on, thrown again, thrown and caught within a destructor while another one is under way, and carried
 * in an exception_ptr.
 */
#include <exception>
#include <stdexcept>
#include "target.h"

namespace nest
{
static thread_local long cleaned;

TRACED void cleanup(int x)
{
	cleaned += x;
}

struct Guard {
	int v;
	~Guard()
	{
		cleanup(v);
	}
};

TRACED int f5(int x)
{
	if (x % 3 == 0)
		throw std::runtime_error("every third");
	KEEP(x);
	return x;
}

#define FRAME(name, below)                \
	TRACED int name(int x)            \
	{                                 \
		Guard g{ 1 };             \
		int r = below(x) + 1;     \
		KEEP(r);                  \
		return r;                 \
	}
FRAME(f4, f5)
FRAME(f3, f4)
FRAME(f2, f3)
FRAME(f1, f2)

TRACED int after(int x)
{
	KEEP(x);
	return x * 2;
}

/* Catches, calls on and returns. */
TRACED int absorb(int x)
{
	int r;

	try {
		r = f1(x);
	} catch (const std::exception &) {
		r = after(-x);
	}
	r += after(x);
	return r;
}

/* Catches, calls, and throws again. */
TRACED int rethrow(int x)
{
	int r;

	try {
		r = f5(x);
	} catch (...) {
		after(x);
		throw;
	}
	KEEP(r);
	return r;
}

/* Its destructor throws and catches within itself, while the other exception unwinds. */
struct Nested {
	int v;
	~Nested()
	{
		try {
			f5(0);
		} catch (const std::runtime_error &) {
			cleaned += v;
		}
	}
};

TRACED int nested(int x)
{
	Nested g{ 1 };
	int r = f5(x);

	KEEP(r);
	return r;
}

TRACED std::exception_ptr capture(int x)
{
	std::exception_ptr p;

	try {
		f5(x);
	} catch (...) {
		p = std::current_exception();
	}
	return p;
}

TRACED int deliver(const std::exception_ptr &p)
{
	if (p)
		std::rethrow_exception(p);
	return 1;
}

template <typename F> static long guarded(F f)
{
	try {
		return f();
	} catch (const std::exception &) {
		return -1;
	}
}

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++) {
		sum += absorb(i);
		sum += guarded([i] { return (long)f1(i); });
		sum += guarded([i] { return (long)rethrow(i); });
		sum += guarded([i] { return (long)nested(i); });
		sum += guarded([i] { return (long)deliver(capture(i)); });
	}
	return sum + cleaned;
}
}

static void pair(const char *name, long good, long bad)
{
	truth("calls", name, "return", good);
	truth("calls", name, "exception", bad);
}

int main(int argc, char **argv)
{
	long sum, n, bad, good;

	target_init(argc, argv, 99);
	sum = target_work(nest::work);
	n = (long)target.n * target.threads;
	bad = (long)((target.n + 2) / 3) * target.threads;
	good = n - bad;
	truth_begin("throws", sum, 0);
	for (const char *f : { "nest::f1", "nest::f2", "nest::f3", "nest::f4" })
		pair(f, 2 * good, 2 * bad);
	pair("nest::f5", 5 * good, 5 * bad + n); /* absorb, f1, rethrow, nested (twice), capture */
	pair("nest::cleanup", 8 * n, 0);
	pair("nest::after", n + 2 * bad, 0);
	pair("nest::absorb", n, 0);
	pair("nest::rethrow", good, bad);
	pair("nest::nested", good, bad);
	pair("nest::capture", n, 0);
	pair("nest::deliver", good, bad);
	for (const char *f : { "nest::f1", "nest::f2", "nest::f3", "nest::f4" })
		truth("parent", "nest::cleanup", f, 2 * n);
	truth("parent", "nest::f1", "nest::absorb", n);
	truth("parent", "nest::f1", "", n);
	truth("parent", "nest::after", "nest::absorb", n + bad);
	truth("parent", "nest::after", "nest::rethrow", bad);
	for (int i = 0; i < 5; i++) {
		static const char *const f[] = { "nest::f1", "nest::f2", "nest::f3", "nest::f4" };

		if (i < 4) {
			truth_depth(f[i], i, n);
			truth_depth(f[i], i + 1, n);
		}
		truth_depth("nest::cleanup", i + 1, i == 0 || i == 4 ? n : 2 * n);
	}
	truth_depth("nest::after", 1, n + 2 * bad);
	truth_end();
	return 0;
}
