/* SPDX-License-Identifier: MIT */
/*
 * forks.c: MODE fork: children in a storm, some born within a traced call; exec: the program executes itself over and
 * over; vfork and spawn: children of other programs. Without --follow only the first process counts.
 */
#include <spawn.h>
#include <sys/wait.h>
#include "target.h"

#define CALLS 10

extern char **environ;

TRACED int leaf(int x)
{
	KEEP(x);
	return x + 1;
}

TRACED int calls(int x)
{
	int r = leaf(x) + leaf(x + 1);

	KEEP(r);
	return r;
}

/* Parent and child both return from it; the child's return belongs to no call of its own. */
TRACED pid_t forks(void)
{
	pid_t pid = fork();

	KEEP(pid);
	return pid;
}

static int reap(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static long fork_work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = i % 2 ? forks() : fork();

		if (pid == 0) {
			for (int k = 0; k < CALLS; k++)
				sum += calls(k);
			_exit(3);
		}
		sum += calls(i) + reap(pid);
	}
	return sum;
}

/* The child runs on the parent's stack and in its memory, but is another process. */
static __attribute__((noinline)) pid_t vfork_true(char **argv)
{
	pid_t pid = vfork();

	if (pid == 0) {
		leaf(1);
		execvp("true", argv);
		_exit(127);
	}
	return pid;
}

static long spawn_work(int n)
{
	char *argv[] = { "true", NULL };
	long sum = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = -1;

		if (!strcmp(target.mode, "spawn"))
			posix_spawnp(&pid, "true", NULL, NULL, argv, environ);
		else
			pid = vfork_true(argv);
		sum += calls(i) + reap(pid);
	}
	return sum;
}

/* argv: N THREADS exec GENERATION SUM. The first generation waits for the tracer. */
static int exec_main(int argc, char **argv)
{
	int generation = argc > 4 ? atoi(argv[4]) : 0;
	long sum = argc > 5 ? atol(argv[5]) : 0, n = target.n;
	char g[16], s[32];

	if (!generation)
		target_wait("ready");
	for (int k = 0; k < CALLS; k++)
		sum += calls(k);
	if (generation + 1 < target.n) {
		snprintf(g, sizeof(g), "%d", generation + 1);
		snprintf(s, sizeof(s), "%ld", sum);
		execl("/proc/self/exe", argv[0], argv[1], "1", "exec", g, s, NULL);
		return 9;
	}
	truth_begin("forks", sum, 0);
	truth("calls", "calls", "return", n * CALLS);
	truth("calls", "leaf", "return", 2 * n * CALLS);
	truth("parent", "leaf", "calls", 2 * n * CALLS);
	truth_end();
	return 0;
}

int main(int argc, char **argv)
{
	long sum, n, c;

	target_init(argc, argv, 50);
	if (!strcmp(target.mode, "exec"))
		return exec_main(argc, argv);
	sum = target_work(strcmp(target.mode, "fork") ? spawn_work : fork_work);
	n = target.n;
	c = strcmp(target.mode, "fork") ? 0 : n * CALLS;
	truth_begin("forks", sum, 0);
	truth("calls", "calls", "return", n);
	truth("calls", "leaf", "return", 2 * n);
	truth("follow", "calls", "return", n + c);
	truth("follow", "leaf", "return", 2 * (n + c) + (strcmp(target.mode, "vfork") ? 0 : n));
	if (c) {
		truth("calls", "forks", "return", n / 2);
		truth("follow", "forks", "return", n / 2);
	}
	truth("parent", "leaf", "calls", 2 * n);
	truth_end();
	return 0;
}
