/* SPDX-License-Identifier: MIT */
/*
 * process.h: a running process seen through /proc and a pidfd: what it maps, its root, what makes
 * return probes dangerous for it. Nothing here changes the process.
 */
#ifndef TPD_PROCESS_H
#define TPD_PROCESS_H

#include <sys/types.h>
#include "base/util.h"

/* One mapped file with executable pages. A file mapped several times is one module. */
struct module {
	char *path;      /* as /proc/PID/maps tells it, " (deleted)" taken off; escapes undone */
	dev_t dev;       /* as maps tells it; may differ from stat's on btrfs and overlayfs */
	uint64_t ino;
	uint64_t start, end; /* of the first executable mapping: [start, end) */
	uint64_t offset;     /* file offset of start */
	bool deleted;    /* the path names another file by now, or none */
};

struct process {
	pid_t pid;       /* tgid, as this PID namespace numbers it */
	int pidfd;       /* keeps the pid from being reused unseen */
	int rootfd;      /* O_PATH of /proc/PID/root, for lookups inside the target's root; -1: none */
	char *exe;       /* readlink of /proc/PID/exe, " (deleted)" taken off */
	char comm[16];
	bool is64;       /* ELF class of its executable */
	bool seccomp_filter; /* Seccomp: 1 or 2 in status */
	bool shadow_stack;   /* a thread runs with a user shadow stack */
	struct module *modules;
	size_t nmodules;
};

/*
 * Opens pid (a thread id is turned into its process). 0, -ESRCH no such process, -EACCES/-EPERM, -ENOENT for a
 * kernel thread (no executable). *p is zeroed first and must be closed only on success.
 */
int process_open(struct process *p, pid_t pid);
/* NULL-safe in all members; a zeroed one is fine. */
void process_close(struct process *p);
/* Reads the mappings anew (once per call: it takes the target's mmap lock). */
int process_read_maps(struct process *p);
/* Reads seccomp and shadow stack state anew, of all threads. */
int process_read_status(struct process *p);
/* Has its main thread ended while others go on? */
bool process_leaderless(const struct process *p);
/* Do we see pids as the kernel's own programs do? */
bool process_initial_namespace(void);
/* Is the process still alive? Never confused by pid reuse. */
bool process_alive(const struct process *p);

/*
 * Opens a module's file read-only: map_files first (right even if deleted, replaced, or in another mount
 * namespace), then the path inside the target's root, checked to be the same file. An fd or negative errno.
 */
int process_open_module(const struct process *p, const struct module *m);
/*
 * What must be added to the file's own addresses to get those at run time. By the segment that begins in the mapping: the pages of two
 * segments may overlap in the file (rustc and lld lay them out so), then its offset is in both. 0 or -ERANGE.
 */
struct elf;
int module_bias(const struct module *m, const struct elf *e, uint64_t *ret);

/* Opens its memory for reading. An fd or negative errno. */
int process_open_memory(const struct process *p);
/* Opens a path inside the target's root, never outside of it (RESOLVE_IN_ROOT). fd or -errno. */
int process_open_in_root(int rootfd, const char *path, int flags);

/* pids of all processes whose executable is the same file as path, or whose comm is name. */
int process_find_exe(const char *path, pid_t **ret, size_t *n);
int process_find_comm(const char *name, pid_t **ret, size_t *n);

#endif
