/* SPDX-License-Identifier: MIT */
/*
 * files_table.c: every system call that matters to files, its arguments and what it changes (x86-64). A new one is a row here.
 *
 * A record's op is the family's name, so that `--op read` means all ways to read. What is marked SHOWN_NAMED changes tables
 * and is told only when --op names it.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include "pipeline/files_priv.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define CALL(sys) .name = #sys, .nr = SYS_##sys

/* clang-format off */
const struct file_call files_calls[] = {
	{ CALL(open), .effect = EFFECT_OPEN, .path = 1, .flags = 2, .set = FLAGS_OPEN, .mode = 3, .cloexec = O_CLOEXEC },
	{ CALL(openat), .op = "open", .effect = EFFECT_OPEN, .dirfd = 1, .path = 2, .flags = 3, .set = FLAGS_OPEN,
	  .mode = 4, .cloexec = O_CLOEXEC },
	{ CALL(openat2), .op = "open", .effect = EFFECT_OPEN, .dirfd = 1, .path = 2, .aux = 3, .aux_len = 16,
	  .set = FLAGS_OPEN, .cloexec = O_CLOEXEC },
	{ CALL(creat), .op = "open", .effect = EFFECT_OPEN, .path = 1, .mode = 2, .set = FLAGS_OPEN },
	{ CALL(open_by_handle_at), .op = "open", .effect = EFFECT_ARRIVE, .flags = 3, .set = FLAGS_OPEN, .cloexec = O_CLOEXEC },

	{ CALL(read), .effect = EFFECT_MOVE, .fd = 1, .bytes = true, .count = true },
	{ CALL(readv), .op = "read", .effect = EFFECT_MOVE, .fd = 1, .bytes = true, .count = true },
	{ CALL(pread64), .op = "read", .fd = 1, .offset = 4, .bytes = true, .count = true },
	{ CALL(preadv), .op = "read", .fd = 1, .offset = 4, .bytes = true, .count = true },
	{ CALL(preadv2), .op = "read", .effect = EFFECT_MOVE, .fd = 1, .offset = 4, .flags = 6, .set = FLAGS_RW, .bytes = true,
	  .count = true },
	{ CALL(write), .effect = EFFECT_MOVE, .fd = 1, .bytes = true, .writes = true, .count = true },
	{ CALL(writev), .op = "write", .effect = EFFECT_MOVE, .fd = 1, .bytes = true, .writes = true, .count = true },
	{ CALL(pwrite64), .op = "write", .fd = 1, .offset = 4, .bytes = true, .writes = true, .count = true },
	{ CALL(pwritev), .op = "write", .fd = 1, .offset = 4, .bytes = true, .writes = true, .count = true },
	{ CALL(pwritev2), .op = "write", .effect = EFFECT_MOVE, .fd = 1, .offset = 4, .flags = 6, .set = FLAGS_RW,
	  .bytes = true,
	  .writes = true, .count = true },
	{ CALL(lseek), .effect = EFFECT_SEEK, .fd = 1, .flags = 3, .set = FLAGS_SEEK, .count = true },

	{ CALL(close), .effect = EFFECT_CLOSE, .fd = 1 },
	{ CALL(close_range), .op = "close", .effect = EFFECT_CLOSE_RANGE, .flags = 3, .set = FLAGS_CLOSE },

	{ CALL(fsync), .fd = 1, .count = true },
	{ CALL(fdatasync), .fd = 1, .count = true },
	{ CALL(sync_file_range), .fd = 1, .offset = 2, .length = 3, .flags = 4, .set = FLAGS_RANGE, .count = true },
	{ CALL(truncate), .path = 1, .length = 2 },
	{ CALL(ftruncate), .op = "truncate", .fd = 1, .length = 2, .count = true },
	{ CALL(fallocate), .fd = 1, .flags = 2, .set = FLAGS_FALLOC, .offset = 3, .length = 4, .count = true },

	{ CALL(rename), .effect = EFFECT_RENAME, .path = 1, .path2 = 2 },
	{ CALL(renameat), .op = "rename", .effect = EFFECT_RENAME, .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4 },
	{ CALL(renameat2), .op = "rename", .effect = EFFECT_RENAME, .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4, .flags = 5,
	  .set = FLAGS_RENAME },
	{ CALL(unlink), .effect = EFFECT_UNLINK, .path = 1 },
	{ CALL(unlinkat), .op = "unlink", .effect = EFFECT_UNLINK, .dirfd = 1, .path = 2, .flags = 3, .set = FLAGS_UNLINK },
	{ CALL(rmdir), .effect = EFFECT_UNLINK, .path = 1 },
	{ CALL(link), .path = 1, .path2 = 2 },
	{ CALL(linkat), .op = "link", .dirfd = 1, .path = 2, .dirfd2 = 3, .path2 = 4, .flags = 5, .set = FLAGS_AT,
	  .empty = true },
	{ CALL(symlink), .effect = EFFECT_SYMLINK, .path = 1, .path2 = 2, .plain = true },
	{ CALL(symlinkat), .op = "symlink", .effect = EFFECT_SYMLINK, .path = 1, .dirfd2 = 2, .path2 = 3, .plain = true },
	{ CALL(mkdir), .path = 1, .mode = 2 },
	{ CALL(mkdirat), .op = "mkdir", .dirfd = 1, .path = 2, .mode = 3 },
	{ CALL(mknod), .path = 1, .mode = 2 },
	{ CALL(mknodat), .op = "mknod", .dirfd = 1, .path = 2, .mode = 3 },
	{ CALL(chmod), .path = 1, .mode = 2 },
	{ CALL(fchmod), .op = "chmod", .fd = 1, .mode = 2 },
	{ CALL(fchmodat), .op = "chmod", .dirfd = 1, .path = 2, .mode = 3 },
	{ CALL(fchmodat2), .op = "chmod", .dirfd = 1, .path = 2, .mode = 3, .flags = 4, .set = FLAGS_AT, .empty = true },
	{ CALL(chown), .path = 1, .uid = 2 },
	{ CALL(lchown), .op = "chown", .path = 1, .uid = 2 },
	{ CALL(fchown), .op = "chown", .fd = 1, .uid = 2 },
	{ CALL(fchownat), .op = "chown", .dirfd = 1, .path = 2, .uid = 3, .flags = 5, .set = FLAGS_AT, .empty = true },

	{ CALL(stat), .shown = SHOWN_STAT, .path = 1 },
	{ CALL(lstat), .op = "stat", .shown = SHOWN_STAT, .path = 1 },
	{ CALL(fstat), .op = "stat", .shown = SHOWN_STAT, .fd = 1, .count = true },
	{ CALL(newfstatat), .op = "stat", .shown = SHOWN_STAT, .dirfd = 1, .path = 2, .flags = 4, .set = FLAGS_AT,
	  .empty = true },
	{ CALL(statx), .op = "stat", .shown = SHOWN_STAT, .dirfd = 1, .path = 2, .flags = 3, .set = FLAGS_AT, .empty = true },
	{ CALL(access), .shown = SHOWN_STAT, .path = 1 },
	{ CALL(faccessat), .op = "access", .shown = SHOWN_STAT, .dirfd = 1, .path = 2 },
	{ CALL(faccessat2), .op = "access", .shown = SHOWN_STAT, .dirfd = 1, .path = 2, .flags = 4, .set = FLAGS_ACCESS,
	  .empty = true },
	{ CALL(readlink), .shown = SHOWN_STAT, .path = 1, .bytes = true },
	{ CALL(readlinkat), .op = "readlink", .shown = SHOWN_STAT, .dirfd = 1, .path = 2, .bytes = true },
	{ CALL(statfs), .shown = SHOWN_STAT, .path = 1 },
	{ CALL(fstatfs), .op = "statfs", .shown = SHOWN_STAT, .fd = 1, .count = true },

	{ CALL(mmap), .fd = 5, .offset = 6, .length = 2, .flags = 4, .set = FLAGS_MAP },
	{ CALL(msync), .length = 2, .flags = 3, .set = FLAGS_MSYNC },
	{ CALL(sendfile), .effect = EFFECT_COPY, .fd = 2, .fd2 = 1, .aux = 3, .aux_len = 8, .bytes = true },
	{ CALL(splice), .effect = EFFECT_COPY, .fd = 1, .fd2 = 3, .aux = 2, .aux_len = 8, .flags = 6, .set = FLAGS_SPLICE,
	  .bytes = true },
	{ CALL(copy_file_range), .effect = EFFECT_COPY, .fd = 1, .fd2 = 3, .aux = 2, .aux_len = 8, .bytes = true },
	{ CALL(tee), .fd = 1, .fd2 = 2, .flags = 4, .set = FLAGS_SPLICE, .bytes = true },
	{ CALL(vmsplice), .fd = 1, .flags = 4, .set = FLAGS_SPLICE, .bytes = true },

	{ CALL(dup), .effect = EFFECT_DUP, .fd = 1 },
	{ CALL(dup2), .op = "dup", .effect = EFFECT_DUP_TO, .fd = 1 },
	{ CALL(dup3), .op = "dup", .effect = EFFECT_DUP_TO, .fd = 1, .flags = 3, .set = FLAGS_FD },
	{ CALL(fcntl), .op = "dup", .effect = EFFECT_FCNTL, .fd = 1, .flags = 2, .set = FLAGS_FCNTL },

	{ CALL(chdir), .effect = EFFECT_CHDIR, .shown = SHOWN_NAMED, .path = 1 },
	{ CALL(fchdir), .op = "chdir", .effect = EFFECT_CHDIR, .shown = SHOWN_NAMED, .fd = 1 },
	{ CALL(chroot), .effect = EFFECT_CHROOT, .shown = SHOWN_NAMED, .path = 1 },

	{ CALL(pipe), .effect = EFFECT_PAIR, .shown = SHOWN_ALL_FDS, .kind = "pipe", .aux = 1, .aux_len = 8 },
	{ CALL(pipe2), .op = "pipe", .effect = EFFECT_PAIR, .shown = SHOWN_ALL_FDS, .kind = "pipe", .aux = 1, .aux_len = 8,
	  .flags = 2, .set = FLAGS_FD, .cloexec = O_CLOEXEC },
	{ CALL(socketpair), .effect = EFFECT_PAIR, .shown = SHOWN_ALL_FDS, .kind = "socket", .aux = 4, .aux_len = 8,
	  .flags = 2, .cloexec = O_CLOEXEC },
	{ CALL(socket), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "socket", .flags = 2, .cloexec = O_CLOEXEC },
	{ CALL(accept), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "socket" },
	{ CALL(accept4), .op = "accept", .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "socket", .flags = 4,
	  .cloexec = O_CLOEXEC },
	{ CALL(eventfd), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[eventfd]" },
	{ CALL(eventfd2), .op = "eventfd", .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS,
	  .kind = "anon_inode:[eventfd]", .flags = 2, .cloexec = O_CLOEXEC },
	{ CALL(epoll_create), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[eventpoll]" },
	{ CALL(epoll_create1), .op = "epoll_create", .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS,
	  .kind = "anon_inode:[eventpoll]", .flags = 1, .cloexec = O_CLOEXEC },
	{ CALL(timerfd_create), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[timerfd]",
	  .flags = 2, .cloexec = O_CLOEXEC },
	{ CALL(signalfd), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[signalfd]" },
	{ CALL(signalfd4), .op = "signalfd", .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS,
	  .kind = "anon_inode:[signalfd]", .flags = 4, .cloexec = O_CLOEXEC },
	{ CALL(inotify_init), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:inotify" },
	{ CALL(inotify_init1), .op = "inotify_init", .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS,
	  .kind = "anon_inode:inotify", .flags = 1, .cloexec = O_CLOEXEC },
	{ CALL(fanotify_init), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[fanotify]",
	  .flags = 1, .cloexec = 1 },
	{ CALL(perf_event_open), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[perf_event]",
	  .flags = 5, .cloexec = 8 },
	{ CALL(pidfd_open), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[pidfd]", .cloexec = ~0u },
	{ CALL(userfaultfd), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[userfaultfd]",
	  .flags = 1, .cloexec = O_CLOEXEC },
	{ CALL(io_uring_setup), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "anon_inode:[io_uring]", .cloexec = ~0u },
	{ CALL(memfd_create), .effect = EFFECT_NEW, .shown = SHOWN_ALL_FDS, .kind = "memfd:", .path = 1, .flags = 2, .set = FLAGS_MEMFD, .cloexec = 1 },
	{ CALL(pidfd_getfd), .effect = EFFECT_ARRIVE, .shown = SHOWN_NAMED, .cloexec = ~0u },
	{ CALL(mq_open), .effect = EFFECT_ARRIVE, .shown = SHOWN_NAMED, .flags = 2, .cloexec = O_CLOEXEC },
	{ CALL(open_tree), .effect = EFFECT_ARRIVE, .shown = SHOWN_NAMED, .flags = 3, .cloexec = O_CLOEXEC },

	{ CALL(clone), .effect = EFFECT_CLONE, .shown = SHOWN_NEVER },
	{ CALL(clone3), .effect = EFFECT_CLONE, .shown = SHOWN_NEVER, .aux = 1, .aux_len = 8 },
	{ CALL(fork), .effect = EFFECT_CLONE, .shown = SHOWN_NEVER },
	{ CALL(vfork), .effect = EFFECT_CLONE, .shown = SHOWN_NEVER },
	{ CALL(unshare), .effect = EFFECT_UNSHARE, .shown = SHOWN_NEVER },
};
/* clang-format on */

const size_t files_ncalls = ARRAY_SIZE(files_calls);

static bool is(const char *name, const char *word, size_t n)
{
	return name && strlen(name) == n && !memcmp(name, word, n);
}

bool files_known(const char *name, size_t n)
{
	for (size_t i = 0; i < files_ncalls; i++)
		if (files_calls[i].shown != SHOWN_NEVER && (is(files_calls[i].name, name, n) || is(files_calls[i].op, name, n)))
			return true;
	return false;
}

static bool shown(const struct files_conf *c, const struct file_call *call)
{
	if (!c->nops)
		return call->shown == SHOWN || (call->shown == SHOWN_STAT && c->stat) ||
		       (call->shown == SHOWN_ALL_FDS && c->all_fds);
	for (size_t i = 0; i < c->nops; i++)
		if (call->shown != SHOWN_NEVER && (is(call->name, c->ops[i], strlen(c->ops[i])) ||
						   is(call->op, c->ops[i], strlen(c->ops[i]))))
			return true;
	return false;
}

/* Positions matter only to who sees them: those calls are sent because they are asked for, or not at all. */
bool files_tracked(const struct file_call *call)
{
	return call->effect != EFFECT_NONE && call->effect != EFFECT_MOVE && call->effect != EFFECT_SEEK &&
	       call->effect != EFFECT_COPY;
}

int files_specs(const struct files_conf *conf, int (*cb)(void *arg, uint32_t nr, const struct sys_spec *spec), void *arg)
{
	int err = 0;

	for (size_t i = 0; i < files_ncalls && !err; i++) {
		const struct file_call *c = &files_calls[i];
		bool show = shown(conf, c), count = show && conf->summary && c->count;
		struct sys_spec s = { .path = c->path, .path2 = c->path2, .fd = c->fd, .aux = c->aux, .aux_len = c->aux_len,
				      .bytes = c->bytes };

		s.flags = (files_tracked(c) ? SYS_F_TRACK : 0) | (show && !count ? SYS_F_SHOW : 0) | (count ? SYS_F_COUNT : 0);
		if (s.flags)
			err = cb(arg, c->nr, &s);
	}
	return err;
}
