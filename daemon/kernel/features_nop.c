/* SPDX-License-Identifier: MIT */
/* features_nop.c: does the kernel give a probed nop of 5 bytes back? See features.h. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "kernel/features_priv.h"

#define NOP5  0x0f, 0x1f, 0x44, 0x00, 0x00
#define HITS  64  /* the kernel changes the instruction at one of the first */
#define WAIT_MS 100

extern const uint8_t features_nop5_test[];
__asm__(".pushsection .text\n.p2align 5\n.globl features_nop5_test\n.hidden features_nop5_test\n"
	"features_nop5_test:\n\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\tret\n.popsection\n");

/* In the child: hit the probe, say so, and when it is gone look at the instruction. */
static void hit_and_look(int from, int to)
{
	static const uint8_t nop[] = { NOP5 };
	void (*call)(void) = (void (*)(void))(uintptr_t)features_nop5_test;
	char c;

	if (read(from, &c, 1) != 1)
		_exit(2);
	for (int i = 0; i < HITS; i++)
		call();
	if (write(to, "x", 1) != 1 || read(from, &c, 1) != 1)
		_exit(2);
	/* It may take the kernel a moment. */
	for (int i = 0; i < WAIT_MS && memcmp(features_nop5_test, nop, sizeof(nop)); i++)
		poll(NULL, 0, 1);
	_exit(memcmp(features_nop5_test, nop, sizeof(nop)) ? 1 : 0);
}

static bool probe_and_leave(int prog, pid_t child, uint64_t offset, int to, int from)
{
	union tpd_link_attr attr = { .prog_fd = prog, .attach_type = TPD_UPROBE_MULTI, .path = (uintptr_t)"/proc/self/exe",
				     .offsets = (uintptr_t)&offset, .cnt = 1, .pid = child };
	int link = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	char c;
	bool ok = link >= 0 && write(to, "x", 1) == 1 && read(from, &c, 1) == 1;

	if (link >= 0)
		close(link);
	return ok && write(to, "x", 1) == 1;
}

static bool try_on_child(int prog, uint64_t offset)
{
	int down[2], up[2], status = -1;
	pid_t child;
	bool ok;

	if (pipe2(down, O_CLOEXEC))
		return false;
	if (pipe2(up, O_CLOEXEC)) {
		close(down[0]);
		close(down[1]);
		return false;
	}
	child = fork();
	if (!child) {
		close(down[1]);
		close(up[0]);
		hit_and_look(down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	ok = child > 0 && probe_and_leave(prog, child, offset, down[1], up[0]);
	close(down[1]);
	close(up[0]);
	if (child > 0 && waitpid(child, &status, 0) != child)
		status = -1;
	return ok && status == 0;
}

bool features_nop5(const struct features *f)
{
	uint64_t offset;
	bool ok = false;
	int fd;

	/* Other ways to probe do not change the nop. */
	if (!f->uprobe_multi)
		return true;
	fd = features_noop(TPD_UPROBE_MULTI);
	if (fd >= 0 && !features_offset(features_nop5_test, &offset))
		ok = try_on_child(fd, offset);
	if (fd >= 0)
		close(fd);
	return ok;
}
