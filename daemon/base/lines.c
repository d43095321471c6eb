/* SPDX-License-Identifier: MIT */
/* lines.c: see lines.h. */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/lines.h"

#define CLOSE_NS 5000000000u /* what a slow reader gets at the end */

/*
 * Does a regular file end in the middle of a line? The fd is write-only: look through another one.
 */
static bool ends_torn(int fd, off_t size)
{
	AUTO_CLOSE int in = -1;
	char path[32], last;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_CLOEXEC);
	return in >= 0 && size > 0 && pread(in, &last, 1, size - 1) == 1 && last != '\n';
}

int lines_open(struct lines *l, const char *path, bool truncate)
{
	AUTO_CLOSE int fd = file_open_output(path, truncate);
	AUTO_FREE char *p = NULL;
	struct stat st;
	int flags;

	if (fd < 0)
		return fd;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st))
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	p = malloc(2 * LINES_WRITE);
	if (!p)
		return -ENOMEM;
	*l = (struct lines){ .cap = 2 * LINES_WRITE };
	l->regular = S_ISREG(st.st_mode);
	l->shared = !(flags & O_NONBLOCK) &&
		    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
	if (l->regular && ends_torn(fd, st.st_size))
		p[l->len++] = '\n';
	l->p = util_steal(&p);
	l->fd = util_steal_fd(&fd);
	return 0;
}

/* Takes n written bytes off the front. */
static void consume(struct lines *l, size_t n)
{
	const char *nl = n ? memrchr(l->p, '\n', n) : NULL;

	l->torn = nl ? (size_t)(l->p + n - nl - 1) : l->torn + n;
	l->len -= n;
	memmove(l->p, l->p + n, l->len);
	if (!l->len && l->cap > 2 * LINES_MAX) {
		char *p = realloc(l->p, 2 * LINES_WRITE);

		if (p) {
			l->p = p;
			l->cap = 2 * LINES_WRITE;
		}
	}
}

static bool may_pass(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EIO || err == -EAGAIN || err == -EFBIG ||
	       err == -ENOMEM || err == -ENOBUFS;
}

/* The output is gone: what waits for it is lost. */
static void bury(struct lines *l, int err)
{
	const char *p = l->p, *end = p + l->len;

	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
		l->lost++;
		l->gap++;
	}
	l->len = 0;
	l->dead = err;
}

/*
 * O_NONBLOCK belongs to the open file, which our stdout shares with the shell and others: it must
 * not be set there. A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)).
 */
static ssize_t write_some(const struct lines *l, const char *p, size_t len)
{
	struct pollfd pfd = { .fd = l->fd, .events = POLLOUT };
	ssize_t n;

	if (l->shared) {
		if (poll(&pfd, 1, 0) <= 0)
			return -EAGAIN;
		len = MIN(len, (size_t)PIPE_BUF);
	}
	do
		n = write(l->fd, p, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? n : -EIO;
}

static void push(struct lines *l)
{
	ssize_t n = 0;
	size_t done = 0;

	while (done < l->len) {
		n = write_some(l, l->p + done, l->len - done);
		if (n < 0)
			break;
		done += (size_t)n;
	}
	consume(l, done);
	l->err = n < 0 ? (int)n : 0;
	if (l->err && !may_pass(l->err))
		bury(l, l->err);
	if (!l->err)
		l->shedding = false;
}

static size_t limit(bool keep)
{
	return LINES_MAX + (keep ? LINES_EXTRA : 0);
}

bool lines_full(const struct lines *l, bool keep)
{
	return l->dead || (l->shedding && !keep) || (l->err && l->len >= limit(keep));
}

int lines_shed(struct lines *l)
{
	l->shedding = true;
	l->lost++;
	l->gap++;
	return l->dead ? l->dead : -ENOBUFS;
}

static int make_room(struct lines *l, size_t len)
{
	size_t want, cap = l->cap;
	char *p;

	if (__builtin_add_overflow(l->len, len, &want))
		return -ENOMEM;
	while (cap < want)
		if (__builtin_mul_overflow(cap, (size_t)2, &cap))
			return -ENOMEM;
	if (cap == l->cap)
		return 0;
	p = realloc(l->p, cap);
	if (!p)
		return -ENOMEM;
	l->p = p;
	l->cap = cap;
	return 0;
}

int lines_put(struct lines *l, const char *p, size_t len, bool keep)
{
	if (lines_full(l, keep) || (l->err && l->len + len > limit(keep)))
		return l->dead ? l->dead : -ENOBUFS;
	if (make_room(l, len))
		return -ENOMEM;
	memcpy(l->p + l->len, p, len);
	l->len += len;
	if (!l->err && l->len >= LINES_WRITE)
		push(l);
	return 0;
}

int lines_flush(struct lines *l)
{
	if (!l->dead)
		push(l);
	if (l->dead)
		return l->dead;
	return l->err == -EAGAIN && !l->shedding ? 0 : l->err;
}

void lines_told(struct lines *l)
{
	l->gap = 0;
}

void lines_drain(struct lines *l)
{
	uint64_t end = clock_mono() + CLOSE_NS, now;

	lines_flush(l);
	while (l->err == -EAGAIN && (now = clock_mono()) < end) {
		struct pollfd pfd = { .fd = l->fd, .events = POLLOUT };

		if (poll(&pfd, 1, (int)((end - now) / 1000000 + 1)) > 0)
			lines_flush(l);
	}
}

/* Only if the unfinished line is still the end of the file: others may append to it as well. */
static void untear(struct lines *l)
{
	off_t end = lseek(l->fd, 0, SEEK_CUR);
	struct stat st;

	if (l->regular && l->torn && !fstat(l->fd, &st) && end == st.st_size &&
	    end >= (off_t)l->torn && !ftruncate(l->fd, end - (off_t)l->torn))
		l->torn = 0;
}

void lines_close(struct lines *l)
{
	untear(l);
	close(l->fd);
	free(l->p);
	*l = (struct lines){ .fd = -1 };
}
