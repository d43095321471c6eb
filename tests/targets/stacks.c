/* SPDX-License-Identifier: MIT */
/*
 * stacks.c: leaf() called on every way that a stack can look like; the truth is the stack at that moment, with the lines of the
 * calls. {"module":M} stands for frames whose functions have no names, {"any":true} for frames that nobody cares about.
 */
#include "said.h"
#include <dlfcn.h>
#include <signal.h>
#include <ucontext.h>

#ifdef STATIC
#define LIBC "{'any':true}"
#else
#define LIBC "{'module':'libc.so'}"
int library_call(int (*f)(int), int n);
#endif

static int at[32]; /* lines of the calls under way */
#define HERE(i) at[i] = __LINE__

TRACED int leaf(int n)
{
	KEEP(n);
	return n + 1;
}

/* ---- a deep chain, without a frame pointer where the compiler may ---- */

#define FRAME(name, i, below)                           \
	TRACED int name(int n)                          \
	{                                               \
		HERE(i), n = below(n);                  \
		KEEP(n);                                \
		return n;                               \
	}
FRAME(s12, 12, leaf)
FRAME(s11, 11, s12)
FRAME(s10, 10, s11)
FRAME(s9, 9, s10)
FRAME(s8, 8, s9)
FRAME(s7, 7, s8)
FRAME(s6, 6, s7)
FRAME(s5, 5, s6)
FRAME(s4, 4, s5)
FRAME(s3, 3, s4)
FRAME(s2, 2, s3)
FRAME(s1, 1, s2)

static void chain(void)
{
	char text[1200];
	int n = 0;

	s1(1);
	for (int i = 12; i; i--)
		n += snprintf(text + n, sizeof(text) - n, ",{'function':'s%d','line':%d}", i, at[i]);
	said("'function':'leaf','stack':[{'function':'leaf'}%s]", text);
}

/* ---- frames of other shapes ---- */

/* The size of its frame is known at run time only, so it has a frame pointer among functions without. */
TRACED int variable(int n)
{
	char room[n * 16];

	KEEP(n);
	memset(room, n, sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	HERE(1), n = leaf(n) + room[n];
	KEEP(n);
	return n;
}

TRACED int large(int n)
{
	volatile char room[600];

	room[n] = (char)n;
	HERE(2), n = variable(n) + room[n];
	KEEP(n);
	return n;
}

/* Keeps all registers that a callee must save; many arguments leave the stack uneven. */
TRACED int crowded(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	int r;

	HERE(3), r = large(a);
	KEEP(r);
	return r + a * b + c * d + e * f + g * h + i;
}

TRACED int caller(int n)
{
	HERE(4), n = crowded(n, 2, 3, 4, 5, 6, 7, 8, 9);
	KEEP(n);
	return n;
}

static void shapes(void)
{
	caller(3);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'variable','line':%d},{'function':'large','line':%d},"
	     "{'function':'crowded','line':%d},{'function':'caller','line':%d}]", at[1], at[2], at[3], at[4]);
}

/* ---- inlined ---- */

static inline __attribute__((always_inline)) int innermost(int n)
{
	HERE(1), n = leaf(n);
	KEEP(n);
	return n;
}

static inline __attribute__((always_inline)) int inner(int n)
{
	HERE(2), n = innermost(n);
	KEEP(n);
	return n;
}

TRACED int around(int n)
{
	HERE(3), n = inner(n);
	KEEP(n);
	return n;
}

TRACED int around_caller(int n)
{
	HERE(4), n = around(n);
	KEEP(n);
	return n;
}

static void inlined(void)
{
	around_caller(1);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'innermost','line':%d,'inlined':true},"
	     "{'function':'inner','line':%d,'inlined':true},{'function':'around','line':%d},"
	     "{'function':'around_caller','line':%d}]", at[1], at[2], at[3], at[4]);
}

/* ---- through others ---- */

static int compares;

TRACED int by_size(const void *a, const void *b)
{
	if (!compares++)
		HERE(1), leaf(1);
	return *(const int *)a - *(const int *)b;
}

TRACED int sort(int n)
{
	int v[4] = { n, 3, 1, 2 };

	HERE(2), qsort(v, 4, sizeof(*v), by_size);
	KEEP(v[0]);
	return v[0];
}

TRACED void on_signal(int sig)
{
	HERE(1), sig = leaf(sig);
	KEEP(sig);
}

TRACED int raiser(int n)
{
	HERE(2), raise(SIGUSR1);
	KEEP(n);
	return n;
}

/* Skips the instruction that faulted. */
TRACED void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)info;
	HERE(1), sig = leaf(sig);
	KEEP(sig);
	u->uc_mcontext.gregs[REG_RIP] += 2;
}

/* Interrupted in its first instruction as compiled, where it has no frame yet. */
__attribute__((naked, noinline)) void faulty(void)
{
	__asm__ volatile("ud2\n\tret");
}

TRACED int faulty_caller(int n)
{
	HERE(3), faulty();
	KEEP(n);
	return n;
}

static void through_libc(void)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	sort(4);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'by_size','line':%d}," LIBC
	     ",{'function':'sort','line':%d}]", at[1], at[2]);
	signal(SIGUSR1, on_signal);
	raiser(1);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'on_signal','line':%d}," LIBC
	     ",{'function':'raiser','line':%d}]", at[1], at[2]);
	sigaction(SIGILL, &sa, NULL);
	faulty_caller(1);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'on_fault','line':%d}," LIBC
	     ",{'function':'faulty'},{'function':'faulty_caller','line':%d}]", at[1], at[3]);
}

static void *in_thread(void *arg)
{
	HERE(1), leaf(2);
	return arg;
}

static void thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, in_thread, NULL);
	pthread_join(t, NULL);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'in_thread','line':%d}]", at[1]);
}

#ifndef STATIC
TRACED int called_back(int n)
{
	HERE(1), n = leaf(n);
	KEEP(n);
	return n;
}

TRACED int through(int (*library)(int (*f)(int), int), int n)
{
	HERE(2), n = library(called_back, n);
	KEEP(n);
	return n;
}

static void libraries(const char *self)
{
	int (*late)(int (*f)(int), int);
	char path[512];
	void *handle;

	through(library_call, 1);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'called_back','line':%d},{'module':'libstacks.so'},"
	     "{'function':'through','line':%d}]", at[1], at[2]);
	snprintf(path, sizeof(path), "%.*s/libstacks_late.so", (int)(strrchr(self, '/') - self), self);
	handle = dlopen(path, RTLD_NOW);
	late = handle ? (int (*)(int (*)(int), int))dlsym(handle, "library_call") : NULL;
	if (!late) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	/* A library that is gone, with its process, before anyone has looked is no module any more. */
	target_wait(NULL);
	through(late, 1);
	said("'function':'leaf','stack':[{'function':'leaf'},{'function':'called_back','line':%d},"
	     "{'module':'libstacks_late.so'},{'function':'through','line':%d}]", at[1], at[2]);
}
#endif

int main(int argc, char **argv)
{
	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("stacks");
	chain();
	shapes();
	inlined();
	through_libc();
	thread();
#ifndef STATIC
	libraries(argv[0]);
#endif
	said_end();
	/* gone at once: stacks are told after the process has ended */
	return 0;
}
