/* SPDX-License-Identifier: MIT */
/*
 * file.c: see file.h. The kernel has the same rules as switches (Documentation/admin-
 * guide/sysctl/fs.rst: protected_symlinks, protected_regular, protected_fifos,
 * protected_hardlinks), but any of them may be off.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include "base/file.h"

#define LINKS_MAX 40 /* as the kernel's MAXSYMLINKS */

/* The descriptor that a path stands for, or -1. */
static int inherited(const char *path)
{
	static const char *const dirs[] = { "/dev/fd/", "/proc/self/fd/" };

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		const char *digits = path + strlen(dirs[i]);

		if (strncmp(path, dirs[i], strlen(dirs[i])) || !*digits)
			continue;
		if (strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 8)
			return atoi(digits);
	}
	return -1;
}

static bool is_shared(const struct stat *dir)
{
	return dir->st_mode & (S_IWGRP | S_IWOTH);
}

/* Could someone other than us and the owner of the directory have put it there? */
static bool is_foreign(const struct stat *dir, const struct stat *st)
{
	return is_shared(dir) && (dir->st_mode & S_ISVTX) && st->st_uid != geteuid() &&
	       st->st_uid != dir->st_uid;
}

/* Put the target of the link behind fd in front of rest; both together must fit. */
static int splice_link(int fd, char path[PATH_MAX], const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	size_t len = strlen(rest);

	if (n < 0)
		return -errno;
	if ((size_t)n + 1 + len + 1 > PATH_MAX)
		return -ENAMETOOLONG;
	memmove(path + n + 1, rest, len + 1);
	memcpy(path, target, (size_t)n);
	path[n] = '/';
	return 0;
}

static int open_start(const char *path)
{
	int fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Walks all but the last component, which is left at *leaf. The directory's fd or negative errno.
 */
static int walk(char path[PATH_MAX], const char **leaf)
{
	AUTO_CLOSE int dir = open_start(path);
	struct stat at, st;
	char *p = path, *slash;

	for (int links = 0; dir >= 0;) {
		AUTO_CLOSE int fd = -1;
		int err;

		p += strspn(p, "/");
		slash = strchr(p, '/');
		if (!slash) {
			*leaf = p;
			return util_steal_fd(&dir);
		}
		*slash = '\0';
		fd = openat(dir, p, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) || fstat(dir, &at))
			return -errno;
		p = slash + 1;
		if (!S_ISLNK(st.st_mode)) {
			close(dir);
			dir = util_steal_fd(&fd);
			continue;
		}
		if (is_foreign(&at, &st))
			return -EACCES;
		err = ++links > LINKS_MAX ? -ELOOP : splice_link(fd, path, p);
		if (err)
			return err;
		p = path;
		if (*p == '/') {
			close(dir);
			dir = open_start(path);
		}
	}
	return dir;
}

static int check(int dir, int fd)
{
	struct stat at, st;
	bool regular;

	if (fstat(dir, &at) || fstat(fd, &st))
		return -errno;
	regular = S_ISREG(st.st_mode);
	if (!regular && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return -EINVAL;
	if (is_foreign(&at, &st))
		return -EACCES;
	if (regular && st.st_nlink > 1 && (is_shared(&at) || st.st_uid != geteuid()))
		return -EACCES;
	return regular;
}

int file_open_output(const char *path, bool truncate)
{
	AUTO_CLOSE int dir = -1, fd = -1;
	char copy[PATH_MAX];
	const char *leaf = NULL;
	int ret = inherited(path);

	if (ret >= 0) {
		ret = fcntl(ret, F_DUPFD_CLOEXEC, 3);
		return ret < 0 ? -errno : ret;
	}
	if (!*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	strcpy(copy, path);
	dir = walk(copy, &leaf);
	if (dir < 0)
		return dir;
	if (!*leaf)
		return -EISDIR;
	fd = openat(dir, leaf, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
				       O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = check(dir, fd);
	if (ret < 0)
		return ret;
	if (ret && truncate && ftruncate(fd, 0))
		return -errno;
	return util_steal_fd(&fd);
}
