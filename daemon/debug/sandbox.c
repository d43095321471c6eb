/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: the order matters: what needs a file or a privilege comes first. A child of fork() is a copy of tpd: memory
 * that tpd shares with the kernel (the ring buffer) is unmapped, descriptors of maps and programs are closed.
 */
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/close_range.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/util.h"
#include "debug/sandbox.h"

#define NOBODY	 65534
#define MEMORY	 (2ull << 30)	/* address space beyond what fork() left: debug files are mapped */
#define UNPACKED (256ull << 20) /* a memory file with an unpacked .gnu_debugdata */
#define FILES	 4096

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* clang-format off */
static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(close),
	SCMP_SYS(dup), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
	SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(memfd_create),
	SCMP_SYS(restart_syscall),
};
/* What the sanitizers' runtime asks for on its own. */
static const int sanitizers[] = {
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(gettid),
	SCMP_SYS(getpid), SCMP_SYS(tgkill), SCMP_SYS(prctl),
};
/* Libraries try these by themselves (split DWARF, files that .gnu_debugaltlink names) and take no for an answer. */
static const int denied[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(stat), SCMP_SYS(lstat),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat),
};
static const int fcntls[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC };
/* clang-format on */

static int arrange_fds(int sock)
{
	AUTO_CLOSE int null = -1, keep = fcntl(sock, F_DUPFD_CLOEXEC, SANDBOX_SOCKET + 1);

	if (keep < 0)
		return -errno;
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd < SANDBOX_SOCKET; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	if (dup2(keep, SANDBOX_SOCKET) < 0)
		return -errno;
	null = keep = -1;
	return syscall(SYS_close_range, SANDBOX_SOCKET + 1, ~0u, 0) ? -errno : 0;
}

/* Ring buffers and other memory that is not a copy: their pages would stay writable here. */
static int unshare_memory(const void *shared)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/maps", "re");
	AUTO_FREE char *line = NULL;
	uint64_t start, end;
	size_t cap = 0;
	char perms[5];

	if (!f)
		return -errno;
	while (getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, perms) != 3)
			return -EBADMSG;
		if (perms[3] == 's' && start != (uintptr_t)shared && munmap((void *)start, end - start))
			return -errno;
	}
	return 0;
}

static int limit(int what, uint64_t max)
{
	struct rlimit r, want = { max, max };

	if (getrlimit(what, &r))
		return -errno;
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < max)
		want.rlim_cur = want.rlim_max = r.rlim_max;
	return setrlimit(what, &want) ? -errno : 0;
}

static int limit_all(void)
{
	AUTO_FCLOSE FILE *f = fopen("/proc/self/statm", "re");
	uint64_t pages;
	int err;

	if (!f || fscanf(f, "%" SCNu64, &pages) != 1)
		return -EBADMSG;
	err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_FSIZE, UNPACKED);
	if (!err)
		err = limit(RLIMIT_NOFILE, FILES);
	if (!err)
		err = limit(RLIMIT_NPROC, 0);
	/* Sanitizers map terabytes of shadow. */
	if (!err && !SANITIZED)
		err = limit(RLIMIT_AS, pages * (uint64_t)sysconf(_SC_PAGESIZE) + MEMORY);
	return err;
}

/* When memory is short, the child goes before anyone else: it is replaced at the next question. */
static void volunteer(void)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		errno = 0;
}

/* EPERM and EINVAL: a tpd that may not change its user, or in a namespace without that user, has still no capability
 * afterwards, and no way to open a file. */
static int give_up_identity(void)
{
	if (geteuid())
		return 0;
	if ((setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)) &&
	    errno != EPERM && errno != EINVAL)
		return -errno;
	return 0;
}

static int give_up_capabilities(void)
{
	cap_t none = cap_init(), now;
	int err = none ? 0 : -ENOMEM;

	if (!err && cap_set_proc(none))
		err = -errno;
	now = err ? NULL : cap_get_proc();
	if (!err && (!now || cap_compare(now, none)))
		err = -EPERM;
	cap_free(now);
	cap_free(none);
	return err;
}

static int give_up_privileges(void)
{
	int err;

	for (cap_value_t c = 0; c < cap_max_bits(); c++)
		if (cap_get_bound(c) > 0 && cap_drop_bound(c) && errno != EPERM)
			return -errno;
	if (cap_reset_ambient() && errno != EPERM && errno != EINVAL)
		return -errno;
	err = give_up_identity();
	if (!err)
		err = give_up_capabilities();
	/* A change of user forgets the first: prctl(2). */
	if (!err && (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) ||
		     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		err = -errno;
	return err;
}

static int add_rules(scmp_filter_ctx ctx)
{
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(sanitizers) && !err && SANITIZED; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, sanitizers[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(denied) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), denied[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(fcntls) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				       SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntls[i], 0));
	/* glibc's fstat() */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return err;
}

static int filter_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = ctx ? add_rules(ctx) : -ENOMEM;

	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

int sandbox_enter(int sock, const void *shared)
{
	sigset_t none;
	int err;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	clearenv();
	volunteer();
	err = arrange_fds(sock);
	if (!err)
		err = unshare_memory(shared);
	if (!err)
		err = limit_all();
	if (!err)
		err = give_up_privileges();
	if (!err)
		err = filter_calls();
	return err;
}
