/* SPDX-License-Identifier: MIT */
/*
 * proc_fds.c: see proc_fds.h. Links in /proc/PID/fd are read by tpd, so they tell paths from tpd's root where the target's
 * lies below it, and from the root of the target's mount namespace otherwise.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "app/proc_fds.h"
#include "base/util.h"

#define LINK_ROOM 8192
#define DELETED   " (deleted)"
#define ROOTS_MAX 64 /* kept open; of those that came before, paths with symbolic links stay as they are named */

/* Where a process's paths begin; kept, since it may be gone before its events are read. */
struct root {
	uint64_t space;
	dev_t dev;
	ino_t ino;
	uint64_t mounts; /* namespace */
	int fd;
	char *prefix;    /* "" or, as tpd sees it, "/srv/jail" */
};

struct proc_fds {
	struct root *roots;
	size_t n, cap;
	uint64_t spaces;
	char text[LINK_ROOM + sizeof(DELETED)];
};

static bool read_link(int at, const char *name, char *text)
{
	ssize_t n = readlinkat(at, name, text, LINK_ROOM);

	if (n <= 0 || n >= LINK_ROOM)
		return false;
	text[n] = '\0';
	return true;
}

/* ---- roots ---- */

static uint64_t mounts_of(uint32_t pid)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	return stat(path, &st) ? 0 : st.st_ino;
}

static int add_root(struct proc_fds *d, int fd, const struct stat *st, uint64_t mounts)
{
	int err = util_grow(&d->roots, d->n, &d->cap, sizeof(*d->roots));
	struct root *r;
	char self[48];

	if (err)
		return err;
	if (d->n >= ROOTS_MAX) {
		r = &d->roots[d->n - ROOTS_MAX];
		if (r->fd >= 0)
			close(r->fd);
		r->fd = -1;
	}
	r = &d->roots[d->n];
	*r = (struct root){ .space = d->spaces + 1, .dev = st->st_dev, .ino = st->st_ino, .mounts = mounts, .fd = fd };
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	r->prefix = read_link(AT_FDCWD, self, d->text) ? strdup(strcmp(d->text, "/") ? d->text : "") : strdup("");
	if (!r->prefix)
		return -ENOMEM;
	d->spaces++;
	d->n++;
	return 0;
}

static const struct root *root_of(struct proc_fds *d, uint32_t pid)
{
	AUTO_CLOSE int fd = -1;
	uint64_t mounts;
	struct stat st;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	mounts = mounts_of(pid);
	for (size_t i = 0; i < d->n; i++)
		if (d->roots[i].ino == st.st_ino && d->roots[i].dev == st.st_dev && d->roots[i].mounts == mounts)
			return &d->roots[i];
	if (add_root(d, fd, &st, mounts))
		return NULL;
	util_steal_fd(&fd);
	return &d->roots[d->n - 1];
}

static uint64_t ask_space(void *arg, uint32_t pid)
{
	const struct root *r = root_of(arg, pid);

	return r ? r->space : 0;
}

/* As it is called inside the root. */
static const char *inside(const struct root *r, const char *path)
{
	size_t n = r ? strlen(r->prefix) : 0;

	if (!n || strncmp(path, r->prefix, n) || (path[n] && path[n] != '/'))
		return path;
	return path[n] ? path + n : "/";
}

static const char *ask_real(void *arg, uint64_t space, const char *path, bool *regular)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	struct proc_fds *d = arg;
	AUTO_CLOSE int fd = -1;
	struct root *r = NULL;
	struct stat st;
	char self[48];

	for (size_t i = 0; i < d->n; i++)
		if (d->roots[i].space == space)
			r = &d->roots[i];
	/* What is in /proc is each process's own. */
	if (!r || r->fd < 0 || !strncmp(path, "/proc/", 6))
		return NULL;
	fd = syscall(SYS_openat2, r->fd, path, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!read_link(AT_FDCWD, self, d->text) || d->text[0] != '/')
		return NULL;
	*regular = S_ISREG(st.st_mode);
	path = inside(r, d->text);
	return strncmp(path, "/proc/", 6) ? path : NULL;
}

/* ---- descriptors ---- */

/* Is it a name of another file, or of none, without this end? */
static bool was_deleted(const struct root *r, const char *path, const struct stat *st)
{
	struct stat now;

	if (!r || r->fd < 0)
		return true;
	return fstatat(r->fd, path[1] ? path + 1 : ".", &now, AT_SYMLINK_NOFOLLOW) || now.st_ino != st->st_ino ||
	       now.st_dev != st->st_dev;
}

static void name_file(const struct root *r, const struct stat *st, char *text, struct descriptor *ret)
{
	size_t n = strlen(text), end = strlen(DELETED);

	if (n > end && !strcmp(text + n - end, DELETED) && was_deleted(r, inside(r, text), st)) {
		text[n - end] = '\0';
		ret->deleted = true;
	}
	ret->path = inside(r, text);
	if (ret->deleted && !strncmp(text, "/memfd:", 7))
		ret->path = text + 1;
}

static void read_info(int at, const char *name, struct descriptor *ret)
{
	AUTO_CLOSE int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	unsigned long long pos;
	char text[512];
	unsigned flags;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "pos: %llu flags: %o", &pos, &flags) == 2) {
		ret->pos = pos;
		ret->flags = flags;
	}
}

static bool describe(struct proc_fds *d, const struct root *r, int fds, int infos, const char *name, struct descriptor *ret)
{
	struct stat st;

	*ret = (struct descriptor){ .fd = atoi(name) };
	if (!read_link(fds, name, d->text) || fstatat(fds, name, &st, 0))
		return false;
	ret->regular = S_ISREG(st.st_mode);
	ret->path = d->text;
	if (d->text[0] == '/')
		name_file(r, &st, d->text, ret);
	read_info(infos, name, ret);
	return true;
}

static int open_dir(uint32_t pid, const char *what)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, what);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int ask_all(void *arg, uint32_t pid, void (*cb)(void *cb_arg, const struct descriptor *d), void *cb_arg)
{
	struct proc_fds *d = arg;
	const struct root *r = root_of(d, pid);
	AUTO_CLOSE int infos = open_dir(pid, "fdinfo");
	int fds = open_dir(pid, "fd");
	struct descriptor one;
	struct dirent *e;
	DIR *dir;

	if (fds < 0)
		return fds == -ENOENT ? -ESRCH : fds;
	dir = fdopendir(fds);
	if (!dir) {
		close(fds);
		return -ENOMEM;
	}
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && describe(d, r, fds, infos, e->d_name, &one))
			cb(cb_arg, &one);
	closedir(dir);
	return 0;
}

static bool ask_one(void *arg, uint32_t pid, int fd, struct descriptor *ret)
{
	AUTO_CLOSE int fds = open_dir(pid, "fd");
	AUTO_CLOSE int infos = open_dir(pid, "fdinfo");
	struct proc_fds *d = arg;
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	return fds >= 0 && fd >= 0 && describe(d, root_of(d, pid), fds, infos, name, ret);
}

static bool ask_same(void *arg, uint32_t pid, int fd, uint32_t pid2, int fd2)
{
	long ret = syscall(SYS_kcmp, (pid_t)pid, (pid_t)pid2, KCMP_FILE, (unsigned long)fd, (unsigned long)fd2);

	return ret == 0 || (ret < 0 && errno != EBADF && errno != ESRCH);
}

static const char *ask_cwd(void *arg, uint32_t pid)
{
	struct proc_fds *d = arg;
	const struct root *r = root_of(d, pid);
	size_t n, end = strlen(DELETED);
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
	if (!read_link(AT_FDCWD, path, d->text) || d->text[0] != '/')
		return NULL;
	n = strlen(d->text);
	if (n > end && !strcmp(d->text + n - end, DELETED) && access(path, F_OK))
		d->text[n - end] = '\0';
	return inside(r, d->text);
}

/* ---- life ---- */

int proc_fds_new(struct proc_fds **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void proc_fds_free(struct proc_fds *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n; i++) {
		if (d->roots[i].fd >= 0)
			close(d->roots[i].fd);
		free(d->roots[i].prefix);
	}
	free(d->roots);
	free(d);
}

struct descriptors proc_fds_descriptors(struct proc_fds *d)
{
	return (struct descriptors){ d, ask_all, ask_one, ask_same, ask_cwd, ask_space, ask_real };
}
