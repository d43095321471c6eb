/* SPDX-License-Identifier: MIT */
/*
 * kernel.h: the BPF programs and maps: loaded, attached, read. With features.h the only door to libbpf.
 */
#ifndef TPD_KERNEL_H
#define TPD_KERNEL_H

#include <sys/types.h>
#include "kernel/features.h"
#include "fetch.h"
#include "spec.h"

struct kernel;

struct kernel_conf {
	const struct features *features;
	pid_t tgid;            /* the only target; 0: kernel_target() names them */
	bool stream;           /* an event for each call */
	uint32_t fns;          /* functions at most; <= HIST_ARRAY_FNS have histograms of their own */
	uint64_t ring_bytes;   /* power of two, at least a page */
	uint32_t sample;       /* of 2^32; 0xffffffff: all */
	uint32_t max_depth;
	uint64_t min_ns;
	uint64_t rate;
	uint32_t target_flags; /* of processes found by exe or comm */
	uint64_t exe_ino;      /* --exe, as stat gives them; 0: none */
	dev_t exe_dev;
	const char *comm;      /* --comm or NULL */
	bool watch;            /* follow exec, fork and exit */
	uint32_t capture;      /* bytes of a capture at most, 0: nothing is captured */
	uint32_t fetches;      /* operations of all functions' programs at most */
	bool where;            /* captures have tests */
	uint32_t stack;        /* bytes of stack sent with a call, 0 or a power of two from 512 to 32768 */
	uint32_t signals;      /* the same for fatal signals, 0: they are not told */
	uint32_t throws;       /* the same for throws */
	bool files;            /* system calls on files are told, see kernel_set_syscall() */
	uint64_t file_min_ns;  /* shorter ones are not shown */
	bool file_errors;      /* only those that fail are shown */
	uint32_t file_totals;  /* descriptors that are counted at most, 0: none */
	bool throw_all;        /* also those of threads in which no traced call is open */
};

enum prog { PROG_ENTRY, PROG_ENTRY_EMULATE, PROG_EXIT, PROG_EXIT_EMULATE, PROG_SESSION, PROG_HOOK, PROG_MAX };

/* One site to probe. err: set by kernel_attach to why the kernel refused it. */
struct site {
	uint64_t offset; /* in the file */
	uint64_t cookie;
	int err;
};

/* Loads. 0; -EPERM; -EOPNOTSUPP no BTF or too old; -EINVAL the verifier refused (its last lines are logged). */
int kernel_open(struct kernel **ret, const struct kernel_conf *conf);
/* Detaches and frees; NULL is fine. */
void kernel_close(struct kernel *k);

/*
 * Attaches prog to n sites of the file fd, for process pid, or for every process that maps it (0).
 * A site that the kernel refuses gets its err and does not sink the rest. Returns how many were refused, or a
 * negative errno if nothing can be attached at all (-EPERM, -ESRCH, -ENOMEM).
 */
int kernel_attach(struct kernel *k, enum prog prog, int fd, pid_t pid, struct site *sites, size_t n);

/* Take away the links of a program kind; entries go first, so that no call begins that cannot end. */
void kernel_detach(struct kernel *k, enum prog prog);
void kernel_detach_all(struct kernel *k);

/* Makes a process a target (flags TARGET_*); dev and ino are its executable's, as stat tells them. */
int kernel_target(struct kernel *k, pid_t tgid, uint32_t flags, dev_t dev, uint64_t ino);
/* The pids of all targets, as the programs know them: malloc'ed. How many, or negative errno. */
int kernel_targets(const struct kernel *k, pid_t **ret);
int kernel_set_jump(struct kernel *k, uint32_t i, const struct jump_spec *spec);
/*
 * What is captured of a function: spec's programs are ops[0 .. nentry + nret). Before its sites are attached. 0; -ENOSPC: the pool
 * of operations is used up; -E2BIG: bytes is more than a slot holds.
 */
int kernel_set_capture(struct kernel *k, uint32_t fn, const struct capture_spec *spec, const struct fetch *ops, uint32_t bytes);
/* What is to be done at a system call; before that, with `files`, nothing is. 0, -ERANGE, other negative errno. */
int kernel_set_syscall(struct kernel *k, uint32_t nr, const struct sys_spec *spec);
/* Calls cb for each descriptor that was counted. A negative return of cb ends it, a positive one takes this one out. */
int kernel_file_totals(struct kernel *k, int (*cb)(void *arg, const struct file_key *key, const struct file_stats *s), void *arg);
/* Where the C library of a target keeps things, see struct target_places. */
int kernel_set_places(struct kernel *k, pid_t tgid, int64_t errno_off, uint64_t abort_msg);

/* fd for the event loop; readable when the ring wants to be read. */
int kernel_fd(const struct kernel *k);
/* Hands every event in the ring to cb. A negative return of cb ends it. How many were read, or negative. */
int kernel_read(struct kernel *k, int (*cb)(void *arg, const void *ev, size_t len), void *arg);
/* After detach: turns calls that still run into events of exit "open". */
int kernel_sweep(struct kernel *k);

/* Memory shared with the programs. */
volatile struct live *kernel_live(struct kernel *k);
const struct cpu_stats *kernel_cpus(const struct kernel *k, size_t *n);
/* Sum over the shards. */
void kernel_fn_stats(const struct kernel *k, uint32_t fn, struct fn_stats *ret);
int kernel_histogram(const struct kernel *k, uint32_t fn, uint64_t bucket[HIST_BUCKETS]);
/* Hits that the kernel did not run a program for (recursion). */
uint64_t kernel_missed(const struct kernel *k);

#endif
