/* SPDX-License-Identifier: MIT */
/* features.c: asks the running kernel by loading tiny programs; the answer is what it did, not what it is. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/features_priv.h"

#define INSN(c, d, s, o, i) ((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define REGS_IP 128 /* struct pt_regs of x86-64 */
#define REGS_SP 152

static const struct bpf_insn noop[] = {
	INSN(0xb7, 0, 0, 0, 0), /* r0 = 0 */
	INSN(0x95, 0, 0, 0, 0), /* exit */
};

/* What call_exit_emulate does to the registers: ip = *sp, sp += 8. */
static const struct bpf_insn emulate_ret[] = {
	INSN(0xbf, 6, 1, 0, 0),              /* r6 = r1 */
	INSN(0x79, 3, 6, REGS_SP, 0),        /* r3 = ctx->sp */
	INSN(0xbf, 1, 10, 0, 0),             /* r1 = fp */
	INSN(0x07, 1, 0, 0, -8),             /* r1 -= 8 */
	INSN(0xb7, 2, 0, 0, 8),              /* r2 = 8 */
	INSN(0x85, 0, 0, 0, BPF_FUNC_probe_read_user),
	INSN(0x55, 0, 0, 5, 0),              /* if r0 goto out */
	INSN(0x79, 1, 10, -8, 0),            /* r1 = *(fp - 8) */
	INSN(0x7b, 6, 1, REGS_IP, 0),        /* ctx->ip = r1 */
	INSN(0x79, 1, 6, REGS_SP, 0),        /* r1 = ctx->sp */
	INSN(0x07, 1, 0, 0, 8),              /* r1 += 8 */
	INSN(0x7b, 6, 1, REGS_SP, 0),        /* ctx->sp = r1 */
	INSN(0xb7, 0, 0, 0, 0),              /* out: r0 = 0 */
	INSN(0x95, 0, 0, 0, 0),
};

static int try_load(const struct bpf_insn *insns, size_t n, unsigned attach_type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "tpd_ask", "GPL", insns, n, &opts);
}

/* bpf_loop() exists if a program that calls it with bad arguments is refused for those, not for the call. */
static bool has_helper(int id)
{
	char log[4096] = "";
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = log, .log_size = sizeof(log), .log_level = 1);
	struct bpf_insn insns[] = { INSN(0x85, 0, 0, 0, id), INSN(0x95, 0, 0, 0, 0) };
	int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "tpd_ask", "GPL", insns, 2, &opts);

	if (fd >= 0) {
		close(fd);
		return true;
	}
	return !strstr(log, "invalid func") && !strstr(log, "unknown func") &&
	       !strstr(log, "cannot use helper");
}

/* A link on "/" can never be made: -EBADF where the kernel knows its kind, -EINVAL where not. */
static int refused_link(int prog, unsigned attach_type, int pid)
{
	unsigned long offset = 0;
	union tpd_link_attr attr = { .prog_fd = prog, .attach_type = attach_type,
				     .path = (uintptr_t)"/", .offsets = (uintptr_t)&offset,
				     .cnt = 1, .pid = pid };
	int fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Loading proves nothing: 6.12 loads a session program and refuses only its link. */
static bool has_session(void)
{
	AUTO_CLOSE int fd = try_load(noop, ARRAY_SIZE(noop), TPD_UPROBE_SESSION);

	return fd >= 0 && refused_link(fd, TPD_UPROBE_SESSION, 0) == -EBADF;
}

/* The function that the self-test probes: called, it must give its argument plus one. */
__attribute__((noinline, aligned(16))) int features_self_test(int x);
int features_self_test(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

int features_noop(unsigned attach_type)
{
	return try_load(noop, ARRAY_SIZE(noop), attach_type);
}

int features_offset(const void *code, uint64_t *ret)
{
	AUTO_FCLOSE FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long lo, hi, off;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %lx", &lo, &hi, &off) == 3 && (uintptr_t)code >= lo &&
		    (uintptr_t)code < hi) {
			*ret = (uintptr_t)code - lo + off;
			return 0;
		}
	return -ENOENT;
}

/* Offset in our own executable of the self-test's `ret`; -ENOENT if the compiler made something unexpected. */
static int self_test_offset(uint64_t *ret)
{
	const uint8_t *code = (const uint8_t *)features_self_test;
	size_t i = 0;

	while (i < 64 && code[i] != 0xc3)
		i++;
	return i == 64 ? -ENOENT : features_offset(code + i, ret);
}

/* Runs in the child: waits until the probe is in, then calls through it. */
static void self_test_child(int ready)
{
	char c;
	int (*volatile call)(int) = features_self_test;
	int ok = 0;

	signal(SIGILL, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	if (read(ready, &c, 1) != 1)
		_exit(2);
	for (int i = 0; i < 1000; i++)
		ok += call(i) == i + 1;
	_exit(ok == 1000 ? 0 : 1);
}

static bool self_test(int prog)
{
	int pipefd[2], link = -1, status = -1;
	uint64_t offset;
	pid_t child;

	if (self_test_offset(&offset) || pipe2(pipefd, O_CLOEXEC))
		return false;
	child = fork();
	if (!child) {
		close(pipefd[1]);
		self_test_child(pipefd[0]);
	}
	close(pipefd[0]);
	if (child > 0) {
		union tpd_link_attr attr = { .prog_fd = prog, .attach_type = TPD_UPROBE_MULTI,
					     .path = (uintptr_t)"/proc/self/exe",
					     .offsets = (uintptr_t)&offset, .cnt = 1, .pid = child };

		link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		if (link >= 0 && write(pipefd[1], "x", 1) != 1)
			kill(child, SIGKILL);
	}
	close(pipefd[1]);
	if (child > 0 && waitpid(child, &status, 0) != child)
		status = -1;
	if (link >= 0)
		close(link);
	return link >= 0 && status == 0;
}

static void ask_lockdown(struct features *f)
{
	AUTO_FCLOSE FILE *in = fopen("/sys/kernel/security/lockdown", "re");
	char line[128], *a, *b;

	if (!in || !fgets(line, sizeof(line), in))
		return;
	a = strchr(line, '[');
	b = a ? strchr(a, ']') : NULL;
	if (b)
		snprintf(f->lockdown, sizeof(f->lockdown), "%.*s", (int)(b - a - 1), a + 1);
}

void features_ask(struct features *f)
{
	struct utsname u;
	int fd;

	memset(f, 0, sizeof(*f));
	if (!uname(&u))
		snprintf(f->release, sizeof(f->release), "%s", u.release);
	ask_lockdown(f);
	f->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	f->perf_uprobe = !access("/sys/bus/event_source/devices/uprobe/type", R_OK);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	fd = try_load(noop, ARRAY_SIZE(noop), 0);
	if (fd < 0) {
		f->load_err = fd;
		return;
	}
	close(fd);
	f->bpf_loop = has_helper(BPF_FUNC_loop);
	fd = try_load(noop, ARRAY_SIZE(noop), TPD_UPROBE_MULTI);
	if (fd >= 0) {
		f->uprobe_multi = refused_link(fd, TPD_UPROBE_MULTI, 0) == -EBADF;
		/* pid -1 is refused as such since the filter was corrected, as libbpf found out too. */
		f->multi_pid = f->uprobe_multi && refused_link(fd, TPD_UPROBE_MULTI, -1) == -EINVAL;
		close(fd);
	}
	f->session = f->uprobe_multi && has_session();
	fd = try_load(emulate_ret, ARRAY_SIZE(emulate_ret), f->uprobe_multi ? TPD_UPROBE_MULTI : 0);
	if (fd >= 0) {
		f->write_regs = true;
		f->emulate = f->uprobe_multi && self_test(fd);
		close(fd);
	}
}
