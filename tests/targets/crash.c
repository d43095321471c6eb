/* SPDX-License-Identifier: MIT */
/*
 * crash.c: a C program that dies of MODE, after the truth is out: which signal, at which address, from where. Or that does what
 * looks like it and goes on: longjmp, and a signal that has a handler.
 */
#include <assert.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include "said.h"

static volatile int zero;
static int *volatile nowhere = (int *)0xdead1000;
static jmp_buf back;

TRACED int die_segv(int n)
{
	n += *nowhere;
	KEEP(n);
	return n;
}

TRACED int die_null(int n)
{
	struct {
		char far[64];
		int member;
	} *volatile p = NULL;

	p->member = n;
	return p->member;
}

/* Its own text is not writable. */
TRACED int die_write(int n)
{
	*(volatile char *)(uintptr_t)die_segv = (char)n;
	KEEP(n);
	return n;
}

/* Calls what is not there: the fault has no frame of its own. */
TRACED int die_jump(int n)
{
	int (*volatile f)(int) = (int (*)(int))0xdead2000;

	n = f(n);
	KEEP(n);
	return n;
}

TRACED int die_fpe(int n)
{
	n /= zero;
	KEEP(n);
	return n;
}

TRACED int die_ill(int n)
{
	__asm__ volatile("ud2");
	return n;
}

TRACED int die_trap(int n)
{
	__asm__ volatile("int3");
	return n;
}

/* Maps more of a file than there is. */
TRACED int die_bus(int n)
{
	char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, n, 0);

	n = *(volatile char *)(p + 100);
	KEEP(n);
	return n;
}

TRACED int die_abort(int n)
{
	KEEP(n);
	abort();
}

TRACED int die_assert(int n)
{
	assert(n == 12345);
	KEEP(n);
	return n;
}

TRACED int die_raise(int n)
{
	raise(n);
	KEEP(n);
	return n;
}

/* Until the stack ends. */
TRACED int die_deep(int n)
{
	volatile char big[4096];

	big[0] = (char)n;
	if (n == zero)
		return 0;
	n = die_deep(n + 1) + big[0];
	KEEP(n);
	return n;
}

#define FRAME(name, below)                       \
	TRACED int name(int (*f)(int), int n)    \
	{                                        \
		n = below;                       \
		KEEP(n);                         \
		return n;                        \
	}
FRAME(c3, f(n))
FRAME(c2, c3(f, n))
FRAME(c1, c2(f, n))

TRACED int jumps(int n)
{
	KEEP(n);
	longjmp(back, n);
}

static void handler(int sig)
{
	longjmp(back, sig);
}

struct way {
	const char *mode, *signal, *frames; /* "?": a frame that is nowhere */
	int (*f)(int);
	int n;
	uintptr_t address; /* 1: not known */
	const char *message;
};

static const struct way ways[] = {
	{ "segv", "SIGSEGV", "die_segv c3 c2 c1", die_segv, 1, 0xdead1000, NULL },
	{ "null", "SIGSEGV", "die_null c3 c2 c1", die_null, 1, 64, NULL },
	{ "write", "SIGSEGV", "die_write c3 c2 c1", die_write, 1, (uintptr_t)die_segv, NULL },
	{ "jump", "SIGSEGV", "? die_jump c3 c2 c1", die_jump, 1, 0xdead2000, NULL },
	{ "fpe", "SIGFPE", "die_fpe c3 c2 c1", die_fpe, 7, 1, NULL },
	{ "ill", "SIGILL", "die_ill c3 c2 c1", die_ill, 1, 1, NULL },
	{ "trap", "SIGTRAP", "die_trap c3 c2 c1", die_trap, 1, 1, NULL },
	{ "bus", "SIGBUS", "die_bus c3 c2 c1", die_bus, -1, 1, NULL },
	{ "abort", "SIGABRT", "die_abort c3 c2 c1", die_abort, 1, 1, NULL },
	{ "assert", "SIGABRT", "die_assert c3 c2 c1", die_assert, 1, 1, "n == 12345" },
	{ "raise", "SIGFPE", "die_raise c3 c2 c1", die_raise, SIGFPE, 1, NULL },
	{ "deep", "SIGSEGV", "die_deep die_deep die_deep die_deep", die_deep, 1, 1, NULL },
};

static int empty_file(void)
{
	char path[] = "/tmp/tpd-crash-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	return fd;
}

static void say_way(const struct way *w)
{
	char address[40] = "", message[80] = "";

	if (w->address != 1)
		snprintf(address, sizeof(address), ",'address':'0x%lx'", (unsigned long)w->address);
	if (w->message)
		snprintf(message, sizeof(message), ",'message_has':'%s'", w->message);
	said("'exception_type':'%s','outcome':'uncaught','frames':'%s'%s%s", w->signal, w->frames, address, message);
}

static void *in_thread(void *arg)
{
	const struct way *w = arg;

	return (void *)(long)c1(w->f, w->n);
}

static int survive(const char *mode)
{
	if (!strcmp(mode, "longjmp")) {
		for (volatile int i = 1; i <= 10; i++)
			if (!setjmp(back))
				c1(jumps, i);
	} else if (!strcmp(mode, "term")) {
		/* somebody's wish, not a fault: no entry */
		said_end();
		return c1(die_raise, SIGTERM);
	} else if (!strcmp(mode, "handled")) {
		signal(SIGSEGV, handler);
		signal(SIGFPE, handler);
		for (volatile int i = 0; i < 10; i++) {
			sigset_t none;

			sigemptyset(&none);
			sigprocmask(SIG_SETMASK, &none, NULL);
			if (!setjmp(back))
				c1(i % 2 ? die_fpe : die_segv, 1);
		}
	} else {
		return 2;
	}
	said_end();
	target_wait(NULL);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t t;

	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("crash");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct way w = ways[i];

		if (strcmp(target.mode, w.mode))
			continue;
		if (!strcmp(w.mode, "bus"))
			w.n = empty_file();
		say_way(&w);
		said_end();
		if (target.threads == 1)
			return c1(w.f, w.n);
		pthread_create(&t, NULL, in_thread, &w);
		pthread_join(t, NULL);
		return 0;
	}
	return survive(target.mode);
}
