/* SPDX-License-Identifier: MIT */
/* files_truth.c: system calls as they are, and one line of truth for each; see files.h. */
#include "files.h"
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdarg.h>
#include <sys/mman.h>

#ifndef RWF_APPEND
#define RWF_APPEND 16
#endif

struct flag {
	char family;
	unsigned value;
	const char *name;
};

/* clang-format off */
/* Longer ones first: O_SYNC holds O_DSYNC, O_TMPFILE holds O_DIRECTORY. */
#define F(family, name) { family, name, #name }
static const struct flag flags[] = {
	F('o', O_SYNC), F('o', O_TMPFILE), F('o', O_WRONLY), F('o', O_RDWR), F('o', O_CREAT), F('o', O_EXCL), F('o', O_NOCTTY),
	F('o', O_TRUNC), F('o', O_APPEND), F('o', O_NONBLOCK), F('o', O_DSYNC), F('o', O_DIRECT), F('o', O_DIRECTORY),
	F('o', O_NOFOLLOW), F('o', O_NOATIME), F('o', O_CLOEXEC), F('o', O_PATH),
	F('a', AT_SYMLINK_NOFOLLOW), F('a', AT_SYMLINK_FOLLOW), F('a', AT_EMPTY_PATH), F('a', AT_NO_AUTOMOUNT),
	F('u', AT_REMOVEDIR), F('r', RENAME_NOREPLACE), F('r', RENAME_EXCHANGE),
	F('w', RWF_HIPRI), F('w', RWF_DSYNC), F('w', RWF_SYNC), F('w', RWF_NOWAIT), F('w', RWF_APPEND),
	F('f', FALLOC_FL_KEEP_SIZE), F('f', FALLOC_FL_PUNCH_HOLE), F('f', FALLOC_FL_ZERO_RANGE),
	F('y', SYNC_FILE_RANGE_WAIT_BEFORE), F('y', SYNC_FILE_RANGE_WRITE), F('y', SYNC_FILE_RANGE_WAIT_AFTER),
	F('s', MS_ASYNC), F('s', MS_SYNC), F('s', MS_INVALIDATE),
	F('p', SPLICE_F_NONBLOCK), F('p', SPLICE_F_MOVE), F('p', SPLICE_F_MORE),
	F('c', CLOSE_RANGE_CLOEXEC), F('d', O_CLOEXEC), F('e', MFD_CLOEXEC), F('e', MFD_ALLOW_SEALING),
};
#undef F
/* clang-format on */

static const char *const whences[] = { "SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE" };

static __thread char line[131072], *end;

long sys(long nr, ...)
{
	long a[6], ret;
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return ret == -1 ? -errno : ret;
}

static __attribute__((format(printf, 1, 2))) void put(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end += vsnprintf(end, (size_t)(line + sizeof(line) - end), fmt, ap);
	va_end(ap);
}

void rec(struct ctx *c, const char *op, long ret)
{
	end = line;
	put("{\"pid\":%d,\"tid\":%d,\"step\":%lu,\"op\":\"%s\"", getpid(), c->tid, c->step, op);
	if (ret < 0)
		put(",\"error\":\"%s\"", strerrorname_np((int)-ret));
}

/* Any bytes: those above 7f stand as U+0080 to U+00FF, so that none is lost. */
void rec_text(const char *key, const char *bytes, size_t len)
{
	put(",\"%s\":\"", key);
	for (size_t i = 0; i < len; i++) {
		unsigned char b = bytes[i];

		if (b < 32 || b > 126 || b == '"' || b == '\\')
			put("\\u%04x", b);
		else
			*end++ = b;
	}
	put("\"");
}

void rec_ref(const char *key, const struct ref *r)
{
	if (!r->known)
		return;
	rec_text(key, r->path, strlen(r->path));
	if (!strcmp(key, "path") && *r->real)
		rec_text("real", r->real, strlen(r->real));
}

void rec_int(const char *key, long long v)
{
	put(",\"%s\":%lld", key, v);
}

void rec_true(const char *key)
{
	put(",\"%s\":true", key);
}

/* A descriptor and, unless it is none of ours, what it stands for; path: the key for that. */
void rec_fd(struct ctx *c, const char *key, const char *path, int fd)
{
	static const char *const kinds[] = { "file", "dir", "link", "pipe", "socket", "memfd", "tmpfile" };
	const struct ofd *o = fd_ofd(c, fd);
	char text[TEXT_MAX], name[32];

	rec_int(key, fd);
	if (!o || !path)
		return;
	snprintf(name, sizeof(name), "%s_kind", path);
	rec_text(name, kinds[o->kind], strlen(kinds[o->kind]));
	if (o->kind == K_MEMFD) {
		snprintf(text, sizeof(text), "/memfd:%s", o->name);
		rec_text(path, text, strlen(text));
	} else if (o->dent >= 0) {
		rec_text(path, text, dent_path(o->dent, text));
		if (o->kind != K_TMPFILE && dent_gone(o->dent) && !strcmp(path, "path"))
			rec_true("deleted");
		if (dent_at(o->dent)->deleted) {
			const char *was = arena->was + dent_at(o->dent)->was;

			snprintf(name, sizeof(name), "%s_was", path);
			rec_text(name, was, strlen(was));
		}
	}
	if (o->via >= 0) {
		snprintf(name, sizeof(name), "%s_via", path);
		rec_text(name, text, dent_path(o->via, text));
	}
	if (c->passed[fd])
		rec_true("passed");
	else if (o->passed)
		rec_true("shared"); /* with a descriptor that came by SCM_RIGHTS: nobody else knows of its position */
}

/* 'o' names the access mode also when it is 0; 'l' is lseek's whence. */
void rec_flags(const char *family, unsigned long v)
{
	const char *sep = "";

	put(",\"flags\":\"");
	if (*family == 'l') {
		put("%s", v < 5 ? whences[v] : "");
		v = 0;
	}
	if (*family == 'o' && !(v & O_ACCMODE) && !(v & O_PATH)) {
		put("O_RDONLY");
		sep = "|";
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!strchr(family, flags[i].family) || (v & flags[i].value) != flags[i].value)
			continue;
		put("%s%s", sep, flags[i].name);
		v &= ~(unsigned long)flags[i].value;
		sep = "|";
	}
	put("\"");
	if (v)
		put(",\"flags_left\":%lu", v);
}

void rec_end(struct ctx *c)
{
	size_t n;
	uint64_t at;

	(void)c;
	put("}\n");
	n = (size_t)(end - line);
	at = __atomic_fetch_add(&arena->log_used, n, __ATOMIC_RELAXED);
	if (at + n > LOG_BYTES)
		abort();
	memcpy(arena->log + at, line, n);
}

void truth_print(void)
{
	for (size_t done = 0; done < arena->log_used;) {
		ssize_t n = write(STDOUT_FILENO, arena->log + done, arena->log_used - done);

		if (n <= 0)
			exit(3);
		done += (size_t)n;
	}
}
