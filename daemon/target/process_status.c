/* SPDX-License-Identifier: MIT */
/* process_status.c: /proc/PID/status of a process and of its threads; finding processes. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "target/process_priv.h"

int process_each_number(const char *dir, int (*cb)(void *arg, pid_t n), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d)
		return -errno;
	while (!err && (e = readdir(d))) {
		char *end;
		long n = strtol(e->d_name, &end, 10);

		if (n > 0 && n <= INT32_MAX && !*end)
			err = cb(arg, (pid_t)n);
	}
	closedir(d);
	return err;
}

/* The name is escaped in status (\n and backslash): comm tells it as it is. */
static void read_comm(pid_t pid, char comm[16])
{
	char path[64];
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	memset(comm, 0, 16);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, comm, 16);
	if (n > 0)
		comm[n - 1] = 0; /* in place of the newline */
}

static int status_error(int err)
{
	return err == ENOENT || err == ESRCH ? -ESRCH : -err;
}

int process_status(pid_t pid, struct process_status *st)
{
	AUTO_FCLOSE FILE *f = NULL;
	AUTO_FREE char *line = NULL;
	char path[64], state;
	size_t cap = 0;
	int n;

	memset(st, 0, sizeof(*st));
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return status_error(errno);
	errno = 0;
	while (getline(&line, &cap, f) >= 0) {
		if (sscanf(line, "Tgid: %d", &n) == 1)
			st->tgid = n;
		else if (sscanf(line, "State: %c", &state) == 1)
			st->zombie = state == 'Z' || state == 'X';
		else if (sscanf(line, "Seccomp: %d", &n) == 1)
			st->seccomp = n == 1 || n == 2;
		else if (!strncmp(line, "x86_Thread_features:", 20))
			st->shadow_stack = strstr(line, "shstk");
	}
	if (ferror(f))
		return status_error(errno ? errno : EIO);
	if (!st->tgid)
		return -ESRCH;
	read_comm(pid, st->comm);
	return 0;
}

static int thread_status(void *arg, pid_t tid)
{
	struct process_status st;
	struct process *p = arg;
	int err;

	err = process_status(tid, &st);
	if (err == -ESRCH || (!err && st.tgid != p->pid))
		return 0; /* ended meanwhile */
	if (err)
		return err;
	p->seccomp_filter |= st.seccomp;
	p->shadow_stack |= st.shadow_stack;
	return 0;
}

int process_read_status(struct process *p)
{
	char path[64];
	int err;

	p->seccomp_filter = p->shadow_stack = false;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	err = process_each_number(path, thread_status, p);
	return err == -ENOENT ? -ESRCH : err;
}

static bool has_exe(pid_t pid)
{
	char path[64], c;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return readlink(path, &c, 1) > 0;
}

static int first_with_exe(void *arg, pid_t tid)
{
	if (!has_exe(tid))
		return 0;
	*(pid_t *)arg = tid;
	return 1;
}

pid_t process_view(pid_t pid)
{
	pid_t view = pid;
	char path[64];

	/*
	 * A main thread that called pthread_exit() is a zombie without memory; the other threads
	 * still tell.
	 */
	if (!has_exe(pid)) {
		snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
		process_each_number(path, first_with_exe, &view);
	}
	return view;
}

struct find {
	const struct stat *exe; /* NULL: by name */
	const char *comm;
	pid_t *pids;
	size_t n, cap;
};

static bool find_matches(const struct find *f, pid_t pid)
{
	char text[64];
	struct stat st;

	if (f->comm) {
		read_comm(pid, text);
		return !strncmp(text, f->comm, 15);
	}
	snprintf(text, sizeof(text), "/proc/%d/exe", (int)process_view(pid));
	return !stat(text, &st) && st.st_dev == f->exe->st_dev && st.st_ino == f->exe->st_ino;
}

static int find_one(void *arg, pid_t pid)
{
	struct find *f = arg;
	int err;

	/* Never ourselves: tracing the tracer feeds on its own output. */
	if (pid == getpid() || !find_matches(f, pid))
		return 0;
	err = util_grow(&f->pids, f->n, &f->cap, sizeof(*f->pids));
	if (!err)
		f->pids[f->n++] = pid;
	return err;
}

static int find_all(struct find *f, pid_t **ret, size_t *n)
{
	int err = process_each_number("/proc", find_one, f);

	if (err) {
		free(f->pids);
		return err;
	}
	*ret = f->pids;
	*n = f->n;
	return 0;
}

int process_find_exe(const char *path, pid_t **ret, size_t *n)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	return find_all(&(struct find){ .exe = &st }, ret, n);
}

int process_find_comm(const char *name, pid_t **ret, size_t *n)
{
	return find_all(&(struct find){ .comm = name }, ret, n);
}

/* PROC_PID_INIT_INO, include/linux/proc_ns.h. */
#define INITIAL_PID_NS 0xEFFFFFFCu

bool process_initial_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL_PID_NS;
}

bool process_leaderless(const struct process *p)
{
	AUTO_FCLOSE FILE *f = NULL;
	char path[64], line[256], *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", p->pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return false;
	state = strrchr(line, ')'); /* comm may hold anything */
	return state && !strncmp(state, ") Z", 3);
}
