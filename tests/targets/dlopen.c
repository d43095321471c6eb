/* SPDX-License-Identifier: MIT */
/*
 * dlopen.c: loads a C library and then a C++ library that throws through the program's own frames, while it is
 * traced; says "loaded" after each and waits, so that the tracer can see it. MODE is the libraries' folder.
 */
#include <dlfcn.h>
#include "target.h"

static int (*late_outer)(int);
static int (*late_thrower)(int (*)(int), int);
static int (*late_catcher)(int (*)(int), int);

TRACED int plain(int x)
{
	KEEP(x);
	return x + 1;
}

/* C, but built with unwind tables: an exception passes through. */
TRACED int between(int x)
{
	int r = late_thrower(plain, x);

	KEEP(r);
	return r;
}

static void *load(const char *name)
{
	char path[4096];
	void *lib;

	snprintf(path, sizeof(path), "%s/%s", target.mode, name);
	lib = dlopen(path, RTLD_NOW);
	if (!lib) {
		fprintf(stderr, "%s\n", dlerror());
		exit(9);
	}
	return lib;
}

int main(int argc, char **argv)
{
	long sum = 0, n, bad;
	void *lib;

	target_init(argc, argv, 300);
	n = target.n;
	target_wait("ready");
	for (int i = 0; i < n; i++)
		sum += plain(i);
	lib = load("liblate.so");
	late_outer = (int (*)(int))dlsym(lib, "late_outer");
	target_wait("loaded");
	for (int i = 0; i < n; i++)
		sum += late_outer(i) + plain(i);
	lib = load("liblate_throw.so");
	late_thrower = (int (*)(int (*)(int), int))dlsym(lib, "late_thrower");
	late_catcher = (int (*)(int (*)(int), int))dlsym(lib, "late_catcher");
	target_wait("loaded");
	for (int i = 0; i < n; i++)
		sum += late_catcher(between, i);
	bad = (n + 2) / 3;
	truth_begin("dlopen", sum, 0);
	truth("calls", "plain", "return", 3 * n);
	truth("calls", "late_outer", "return", n);
	truth("calls", "late_inner", "return", 2 * n);
	truth("calls", "between", "return", n - bad);
	truth("calls", "between", "exception", bad);
	truth("calls", "late_thrower", "return", n - bad);
	truth("calls", "late_thrower", "exception", bad);
	truth("calls", "late_catcher", "return", n);
	truth("parent", "late_inner", "late_outer", 2 * n);
	truth("parent", "between", "late_catcher", n);
	truth("parent", "late_thrower", "between", n);
	truth("parent", "plain", "late_thrower", n);
	truth("parent", "plain", "", 2 * n);
	truth_end();
	return 0;
}
