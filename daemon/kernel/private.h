/* SPDX-License-Identifier: MIT */
/* private.h: what the files of daemon/kernel/ share; nobody else includes it. */
#ifndef TPD_KERNEL_PRIVATE_H
#define TPD_KERNEL_PRIVATE_H

#include <sys/sysmacros.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/kernel.h"
#include "kernel/uapi.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "tpd.skel.h"
#pragma GCC diagnostic pop

/* The kernel's own dev_t: 12 bits of major, 20 of minor (include/linux/kdev_t.h). 0, "any": a file system without a
 * device, since btrfs tells stat another number than the super block's. */
static inline uint32_t kernel_dev(dev_t dev)
{
	if (!major(dev))
		return 0;
	return major(dev) << 20 | minor(dev);
}

#define WATCHERS 6

struct links {
	int *v;
	size_t n, cap;
};

struct kernel {
	struct tpd *skel;
	struct features features;
	struct bpf_program *prog[PROG_MAX];
	struct links links[PROG_MAX]; /* link fds, and perf event fds after theirs */
	struct bpf_link *watch[WATCHERS];    /* thread and process tracepoints */
	struct ring_buffer *ring;
	int epoll;                    /* edge-triggered on the ring: readable after a wake-up only */
	volatile struct live *live;
	const struct cpu_stats *cpus;
	const struct fn_stats *stats;
	const uint64_t *hists;
	size_t live_len, cpus_len, stats_len, hists_len;
	uint32_t ncpus, shards, fns;
	uint32_t slot;                /* bytes of a slot for captures, 0: none */
	uint32_t fetches, nfetches;   /* operations used, and at most */
	int (*cb)(void *arg, const void *ev, size_t len);
	void *cb_arg;
	int read;
};

#endif
