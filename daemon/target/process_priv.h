/* SPDX-License-Identifier: MIT */
/* process_priv.h: what process.c (opening), process_maps.c and process_status.c share. */
#ifndef TPD_PROCESS_PRIV_H
#define TPD_PROCESS_PRIV_H

#include "target/process.h"

struct process_status {
	pid_t tgid;
	char comm[16];
	bool zombie, seccomp, shadow_stack;
};

/* /proc/PID/status of a thread. 0, -ESRCH gone, or another negative errno. */
int process_status(pid_t pid, struct process_status *st);
/*
 * A thread of pid whose /proc entries still tell maps and executable: pid itself, unless its main
 * thread ended.
 */
pid_t process_view(pid_t pid);
/*
 * Calls cb for each entry of a directory in /proc that is a number, until it returns other than 0.
 */
int process_each_number(const char *dir, int (*cb)(void *arg, pid_t n), void *arg);
int process_readlink(const char *path, char **ret);
/* Takes " (deleted)" off the end; was it there? */
bool process_cut_deleted(char *path);
void process_free_modules(struct module *m, size_t n);

#endif
