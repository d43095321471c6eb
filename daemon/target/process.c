/* SPDX-License-Identifier: MIT */
/*
 * process.c: opens a process: its identity (pidfd), root, executable, threads' state. All paths go
 * through /proc; all files of the target are opened inside its root and only if they are regular
 * files.
 */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "target/process.h"
#include "target/process_priv.h"

#define MAX_LINK (64u << 10)

int process_readlink(const char *path, char **ret)
{
	AUTO_FREE char *buf = NULL;
	size_t size;

	for (size = 256; size <= MAX_LINK; size *= 4) {
		char *p = realloc(buf, size);
		ssize_t n;

		if (!p)
			return -ENOMEM;
		buf = p;
		n = readlink(path, buf, size);
		if (n < 0)
			return -errno;
		if ((size_t)n < size) {
			buf[n] = 0;
			*ret = util_steal(&buf);
			return 0;
		}
	}
	return -ENAMETOOLONG;
}

bool process_cut_deleted(char *path)
{
	static const char suffix[] = " (deleted)";
	size_t n = strlen(path);

	if (n < sizeof(suffix) || strcmp(path + n - (sizeof(suffix) - 1), suffix))
		return false;
	path[n - (sizeof(suffix) - 1)] = 0;
	return true;
}

/*
 * Opens what at/path names, but only a regular file: a device or a pipe that the target put in
 * place would act or block when opened. O_PATH first, which does neither.
 */
static int reopen_regular(int pathfd, int flags)
{
	AUTO_CLOSE int probe = pathfd;
	char self[32];
	struct stat st;
	int fd;

	if (fstat(probe, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", probe);
	fd = open(self, flags | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int process_open_in_root(int rootfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int tries, fd = -1;

	if (rootfd < 0)
		return -EBADF;
	if (flags & (O_DIRECTORY | O_NOFOLLOW))
		how.flags |= (uint64_t)flags & (O_DIRECTORY | O_NOFOLLOW);
	/*
	 * openat2(2): a rename or mount meanwhile makes ".." unsafe, and the kernel asks to try
	 * again.
	 */
	for (tries = 0; tries < 16; tries++) {
		fd = (int)syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0)
		return -errno;
	return flags & O_PATH ? fd : reopen_regular(fd, flags);
}

static bool same_file(int fd, const struct module *m)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == m->ino;
}

/*
 * The inode that maps tells may be another one than stat's (overlayfs before 6.8); then the path
 * behind the link says whether these pages still belong to the file that was seen.
 */
static int open_map_file(const struct process *p, const struct module *m)
{
	AUTO_FREE char *link = NULL;
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", (int)process_view(p->pid),
		 (unsigned long)m->start, (unsigned long)m->end);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!same_file(fd, m)) {
		int err = process_readlink(path, &link);

		if (!err) {
			process_cut_deleted(link);
			err = strcmp(link, m->path) ? -ESTALE : 0;
		}
		if (err) {
			close(fd);
			return err;
		}
	}
	return reopen_regular(fd, O_RDONLY);
}

int process_open_module(const struct process *p, const struct module *m)
{
	AUTO_CLOSE int fd = -1;
	int err;

	err = open_map_file(p, m);
	if (err >= 0)
		return err;
	/* No such range any more, or no CAP_CHECKPOINT_RESTORE. */
	fd = process_open_in_root(p->rootfd, m->path, O_RDONLY);
	if (fd < 0)
		return p->rootfd < 0 ? err : fd;
	if (!same_file(fd, m))
		return -ESTALE;
	return util_steal_fd(&fd);
}

bool process_alive(const struct process *p)
{
	struct pollfd pfd = { .fd = p->pidfd, .events = POLLIN };

	return p->pidfd >= 0 && poll(&pfd, 1, 0) == 0;
}

static int read_exe(struct process *p, pid_t view)
{
	unsigned char ident[EI_NIDENT];
	AUTO_CLOSE int fd = -1;
	char path[64];
	ssize_t n;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)view);
	err = process_readlink(path, &p->exe);
	if (err)
		return err;
	process_cut_deleted(p->exe);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, ident, sizeof(ident), 0);
	p->is64 = n == sizeof(ident) && !memcmp(ident, ELFMAG, SELFMAG) &&
		  ident[EI_CLASS] == ELFCLASS64;
	return 0;
}

static int open_parts(struct process *p)
{
	pid_t view = process_view(p->pid);
	struct process_status st;
	char path[64];
	int err;

	err = process_status(p->pid, &st);
	if (err)
		return err;
	memcpy(p->comm, st.comm, sizeof(p->comm));
	err = read_exe(p, view);
	if (err)
		return err == -ENOENT && st.zombie ? -ESRCH : err;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)view);
	p->rootfd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = process_read_maps(p);
	if (!err)
		err = process_read_status(p);
	/* Whatever was read belongs to this process only if it lives until here. */
	if (!err && !process_alive(p))
		err = -ESRCH;
	return err;
}

int process_open(struct process *p, pid_t pid)
{
	struct process_status st;
	int err;

	memset(p, 0, sizeof(*p));
	p->pidfd = p->rootfd = -1;
	err = pid > 0 ? process_status(pid, &st) : -ESRCH;
	if (err)
		return err;
	p->pid = st.tgid;
	p->pidfd = (int)syscall(SYS_pidfd_open, st.tgid, 0);
	if (p->pidfd < 0)
		return -errno;
	err = open_parts(p);
	if (err) {
		process_close(p);
		memset(p, 0, sizeof(*p));
		p->pidfd = p->rootfd = -1;
	}
	return err;
}

void process_close(struct process *p)
{
	/* A zeroed one owns no descriptors: 0 there is not ours. */
	if (p->pid) {
		util_closep(&p->pidfd);
		util_closep(&p->rootfd);
	}
	free(p->exe);
	process_free_modules(p->modules, p->nmodules);
	memset(p, 0, sizeof(*p));
	p->pidfd = p->rootfd = -1;
}

int process_open_memory(const struct process *p)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", p->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
