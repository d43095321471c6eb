/* SPDX-License-Identifier: MIT */
/*
 * empty.c: the floor: an empty BPF program at a function's entry and one at its return, nothing else. A session link at the
 * given file offset where the kernel has it, else two links. Prints "ready", ends with its stdin.
 *
 *   empty PID FILE ENTRY_OFFSET RET_OFFSET
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/uapi.h"

static int load(unsigned attach_type)
{
	static const struct bpf_insn insns[] = { { .code = 0xb7 }, { .code = 0x95 } };
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach_type);

	return bpf_prog_load(BPF_PROG_TYPE_KPROBE, "empty", "GPL", insns, 2, &opts);
}

static int attach(unsigned type, const char *path, unsigned long offset, int pid)
{
	union tpd_link_attr attr = { .prog_fd = load(type), .attach_type = type, .path = (uintptr_t)path,
				     .offsets = (uintptr_t)&offset, .cnt = 1, .pid = pid };

	return syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

int main(int argc, char **argv)
{
	unsigned long entry, ret;
	int pid;

	if (argc != 5)
		return 2;
	pid = atoi(argv[1]);
	entry = strtoul(argv[3], NULL, 0);
	ret = strtoul(argv[4], NULL, 0);
	if (attach(TPD_UPROBE_SESSION, argv[2], entry, pid) < 0 &&
	    (attach(TPD_UPROBE_MULTI, argv[2], entry, pid) < 0 ||
	     attach(TPD_UPROBE_MULTI, argv[2], ret, pid) < 0)) {
		fprintf(stderr, "empty: %s\n", strerror(errno));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	return getchar() != EOF;
}
