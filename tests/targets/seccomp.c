/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c: calls after the process confined itself: MODE strict (read, write, exit and sigreturn only) or filter
 * (a list of system calls; any other kills). A tracer that makes the target enter the kernel kills it.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "target.h"

TRACED int inner(int x)
{
	KEEP(x);
	return x + 1;
}

TRACED int outer(int x)
{
	int r = inner(x) + inner(x + 1);

	KEEP(r);
	return r;
}

static int confine_filter(void)
{
#define LET(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		LET(SYS_read), LET(SYS_write), LET(SYS_exit), LET(SYS_exit_group), LET(SYS_rt_sigreturn),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int confine(void)
{
	if (!strcmp(target.mode, "filter"))
		return confine_filter();
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

/* MODE strict-late and filter-late: confined only after the tracer came. */
int main(int argc, char **argv)
{
	static char buffer[4096];
	int late, n;
	long sum = 0;

	target_init(argc, argv, 1000);
	n = target.n;
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	late = strstr(target.mode, "-late") != NULL;
	target.mode = strstr(target.mode, "filter") ? "filter" : "strict";
	if (!late && confine())
		return 9;
	target_wait("ready");
	if (late && confine())
		return 9;
	for (int i = 0; i < n; i++)
		sum += outer(i);
	truth_begin("seccomp", sum, 0);
	truth("calls", "outer", "return", n);
	truth("calls", "inner", "return", 2 * n);
	truth_depth("outer", 0, n);
	truth_depth("inner", 1, 2 * n);
	truth("parent", "inner", "outer", 2 * n);
	truth_end();
	syscall(SYS_exit, 4); /* exit_group is not allowed in strict mode */
	return 0;
}
