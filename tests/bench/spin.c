/* SPDX-License-Identifier: MIT */
/*
 * spin.c: calls one small function in a loop and prints what CPU time a call took. Each line on stdin runs one round:
 * "push N" or "endbr N" calls the function that begins with that instruction N times, "text N" the first one with a text of
 * 32 bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

long f_push(long x);
long f_endbr(long x);

__asm__(".text\n"
	".p2align 6\n.globl f_push\n.type f_push,@function\n"
	"f_push: push %rbp\n mov %rsp,%rbp\n lea 1(%rdi),%rax\n pop %rbp\n ret\n"
	".size f_push,.-f_push\n"
	".p2align 6\n.globl f_endbr\n.type f_endbr,@function\n"
	"f_endbr: endbr64\n push %rbp\n mov %rsp,%rbp\n lea 1(%rdi),%rax\n pop %rbp\n ret\n"
	".size f_endbr,.-f_endbr\n");

/* CPU time, user and kernel: what a call costs, however busy the machine is otherwise. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(void)
{
	static const char text[] = "a text that is 32 bytes long ...";
	char what[16], line[64];
	long n, sum = 0;

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		double t;

		if (sscanf(line, "%15s %ld", what, &n) != 2)
			return 2;
		t = now();
		if (!strcmp(what, "push"))
			for (long i = 0; i < n; i++)
				sum += f_push(i);
		else if (!strcmp(what, "text"))
			for (long i = 0; i < n; i++)
				sum += f_push((long)text);
		else
			for (long i = 0; i < n; i++)
				sum += f_endbr(i);
		printf("%.1f\n", (now() - t) / n);
		fflush(stdout);
	}
	return sum == 42;
}
