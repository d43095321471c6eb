/* SPDX-License-Identifier: MIT */
/* features.h: what the running kernel can do. It is asked by trying, never by its version. */
#ifndef TPD_FEATURES_H
#define TPD_FEATURES_H

#include "base/util.h"

struct features {
	int load_err;         /* a trivial program could not be loaded: negative errno, 0: it could */
	bool btf;             /* /sys/kernel/btf/vmlinux is there */
	bool uprobe_multi;    /* many uprobes in one link (6.6) */
	bool multi_pid;       /* ... filtered by process, not by thread (46ba0e49b642, 6.10) */
	bool session;         /* entry and return in one, decided call by call (6.13) */
	bool write_regs;      /* a uprobe program may write registers (6.18, not under lockdown) */
	bool emulate;         /* ... and a `ret` executed by BPF ran through on a child of our own */
	bool perf_uprobe;     /* the uprobe PMU is there: one perf event a site */
	bool bpf_loop;        /* 5.17, tpd needs it */
	char release[65];
	char lockdown[32];    /* "none", "integrity", "confidentiality", "" unknown */
};

/* Asks everything; needs CAP_BPF and CAP_PERFMON or CAP_SYS_ADMIN, else load_err is -EPERM. */
void features_ask(struct features *f);

/*
 * Since 6.18 the kernel turns a probed nop of 5 bytes into a call of its own, once it was hit; 6.18.15 leaves the call there when the
 * probe is taken away. Tries it on a child of our own: does a nop come back? Takes some 100 ms, so only asked for where it matters.
 */
bool features_nop5(const struct features *f);

#endif
