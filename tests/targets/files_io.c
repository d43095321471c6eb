/* SPDX-License-Identifier: MIT */
/* files_io.c: operations on descriptors: transfers, positions, copies, mappings, passing on; see files.h. */
#include "files.h"
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ANY	(1u << K_FILE | 1u << K_DIR | 1u << K_PIPE | 1u << K_SOCKET | 1u << K_MEMFD | 1u << K_TMPFILE)
#define REGULAR (1u << K_FILE | 1u << K_MEMFD | 1u << K_TMPFILE)

static char none[] = "";

/* Positions and sizes after a transfer at the position (at < 0) or elsewhere. Where memfds and pipes have no name, nothing is kept. */
static void moved(struct ctx *c, int fd, bool write, int64_t at, long ret)
{
	struct ofd *o = fd_ofd(c, fd);
	int64_t end;

	if (!o || ret <= 0 || o->kind == K_PIPE || o->kind == K_SOCKET)
		return;
	if (write && o->flags & O_APPEND && o->dent >= 0) {
		if (at < 0)
			at = -2; /* moves, to the end */
		end = *inode_size(o->dent) + ret;
	} else {
		end = (at < 0 ? o->pos : at) + ret;
	}
	if (at < 0)
		o->pos = end;
	if (write && o->dent >= 0 && end > *inode_size(o->dent))
		*inode_size(o->dent) = end;
	fd_check(c, fd);
}

/* The position that a transfer at the position begins at. */
static void rec_position(struct ctx *c, int fd, bool write)
{
	const struct ofd *o = fd_ofd(c, fd);

	if (!o || !(REGULAR >> o->kind & 1) || o->flags & O_PATH)
		return;
	if (write && o->flags & O_APPEND) {
		rec_true("append");
		return;
	}
	rec_int("offset", o->pos);
}

/* How much, now and then nothing, and into how many pieces. */
static int pieces(struct ctx *c, struct iovec *v, bool fault)
{
	static const unsigned sizes[] = { 1, 7, 100, 512, 4096, 10000 };
	size_t n = chance(c, 8) ? 0 : sizes[rnd(c, 6)], one = n / 3;

	v[0] = (struct iovec){ fault ? (void *)8 : c->dummy, one };
	v[1] = (struct iovec){ c->dummy + one, 0 };
	v[2] = (struct iovec){ c->dummy + one, n - one };
	return 3;
}

static void op_transfer(struct ctx *c)
{
	static const char *const ops[2][5] = { { "read", "readv", "pread64", "preadv", "preadv2" },
					       { "write", "writev", "pwrite64", "pwritev", "pwritev2" } };
	static const long nrs[2][5] = { { SYS_read, SYS_readv, SYS_pread64, SYS_preadv, SYS_preadv2 },
					{ SYS_write, SYS_writev, SYS_pwrite64, SYS_pwritev, SYS_pwritev2 } };
	int how = (int)rnd(c, 5), write = (int)rnd(c, 2),
	    fd = chance(c, 4) ? BAD_FD : fd_pick(c, chance(c, 75) ? REGULAR : ANY);
	bool here = how < 2 || (how == 4 && chance(c, 40)), fault = !write && chance(c, 3);
	int64_t at = here ? -1 : chance(c, 4) ? -7 : (int64_t)rnd(c, 30000);
	int rwf = how == 4 && write && chance(c, 30) ? RWF_DSYNC : 0;
	struct iovec v[3];
	int n = pieces(c, v, fault);
	long ret, len = (long)(v[0].iov_len + v[2].iov_len);

	if (how == 0 || how == 2)
		ret = sys(nrs[write][how], fd, fault ? (void *)8 : c->dummy, len, at);
	else
		ret = sys(nrs[write][how], fd, v, n, at, at < 0 ? -1L : 0L, rwf);
	rec(c, ops[write][how], ret);
	rec_fd(c, "fd", "path", fd);
	if (here)
		rec_position(c, fd, write);
	else
		rec_int("offset", at);
	if (ret >= 0)
		rec_int("bytes", ret);
	if (how == 4)
		rec_flags("w", rwf);
	rec_end(c);
	if (how == 4 && at == -7) /* as preadv2 has it: not only -1 stands for the position */
		at = ret < 0 ? -7 : 0;
	moved(c, fd, write, at, ret);
}

static void op_seek(struct ctx *c)
{
	int fd = fd_pick(c, chance(c, 90) ? REGULAR : ANY), whence = (int)rnd(c, 5);
	long off = chance(c, 5) ? -99999999 : (long)rnd(c, 20000), ret;
	struct ofd *o = fd_ofd(c, fd);

	if (whence == SEEK_CUR && chance(c, 50))
		off = -(long)rnd(c, 100);
	if (o && o->kind == K_DIR)
		return;
	ret = sys(SYS_lseek, fd, off, whence);
	if (ret >= 0 && o)
		o->pos = ret;
	rec(c, "lseek", ret);
	rec_fd(c, "fd", "path", fd);
	if (ret >= 0)
		rec_int("offset", ret);
	rec_flags("l", whence);
	rec_end(c);
	fd_check(c, fd);
}

/* ---- what has no position ---- */

static void op_state(struct ctx *c)
{
	static const char *const ops[] = { "fsync",	"fdatasync", "sync_file_range", "ftruncate",
					   "fallocate", "fchmod",    "fchown",		"fstat" };
	int how = (int)rnd(c, 8), fd = chance(c, 5) ? BAD_FD : fd_pick(c, chance(c, 85) ? REGULAR : ANY);
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				     FALLOC_FL_PUNCH_HOLE };
	struct ofd *o = fd_ofd(c, fd);
	long at = rnd(c, 9000), len = chance(c, 8) ? -1 : 1 + (long)rnd(c, 9000), ret;
	int mode = modes[rnd(c, 4)];
	static const long nrs[] = { SYS_fsync, SYS_fdatasync };

	if (how < 2)
		ret = sys(nrs[how], fd);
	else if (how == 2)
		ret = sys(SYS_sync_file_range, fd, at, len, SYNC_FILE_RANGE_WRITE);
	else if (how == 3)
		ret = sys(SYS_ftruncate, fd, len);
	else if (how == 4)
		ret = sys(SYS_fallocate, fd, mode, at, len);
	else if (how == 5)
		ret = sys(SYS_fchmod, fd, 0710);
	else if (how == 6)
		ret = sys(SYS_fchown, fd, 3, -1);
	else
		ret = sys(SYS_fstat, fd, c->dummy);
	if (!ret && o && o->dent >= 0 && how == 3)
		*inode_size(o->dent) = len;
	if (!ret && o && o->dent >= 0 && how == 4 && !mode && at + len > *inode_size(o->dent))
		*inode_size(o->dent) = at + len;
	rec(c, ops[how], ret);
	rec_fd(c, "fd", "path", fd);
	if (how == 2 || how == 4)
		rec_int("offset", at);
	if (how >= 2 && how <= 4)
		rec_int("length", len);
	if (how == 2)
		rec_flags("y", SYNC_FILE_RANGE_WRITE);
	if (how == 4)
		rec_flags("f", mode);
	if (how == 5)
		rec_int("mode", 0710);
	if (how == 6)
		rec_int("uid", 3);
	rec_end(c);
}

static void op_truncate(struct ctx *c)
{
	int dent = dent_pick(c, K_FILE, false);
	long len = chance(c, 10) ? -1 : (long)rnd(c, 20000), ret; /* EINVAL */
	struct ref r;

	if (chance(c, 20))
		ref_wrong(c, &r, false, true);
	else if (dent < 0 || !ref_dent(c, &r, dent, false))
		return;
	ret = sys(SYS_truncate, r.text, len);
	if (!ret)
		*inode_size(dent) = len;
	rec(c, "truncate", ret);
	rec_ref("path", &r);
	rec_int("length", len);
	rec_end(c);
}

static void op_map(struct ctx *c)
{
	int fd = chance(c, 5) ? BAD_FD : fd_pick(c, REGULAR), flags = chance(c, 50) ? MAP_SHARED : MAP_PRIVATE;
	long at = 4096 * (long)rnd(c, 3), len = 4096 * (1 + (long)rnd(c, 3)), p, ret;
	int sync = chance(c, 50) ? MS_SYNC : MS_ASYNC;
	char text[32];

	p = sys(SYS_mmap, NULL, len, PROT_READ, flags, fd, at);
	if (p < 0 && p > -4096) {
		rec(c, "mmap", p);
	} else {
		rec(c, "mmap", 0);
	}
	rec_fd(c, "fd", "path", fd);
	rec_int("offset", at);
	rec_int("length", len);
	rec_text("flags", text,
		 (size_t)snprintf(text, sizeof(text), "PROT_READ|%s",
				  flags == MAP_SHARED ? "MAP_SHARED" : "MAP_PRIVATE"));
	rec_end(c);
	if (p < 0 && p > -4096)
		return;
	if (chance(c, 70)) {
		if (chance(c, 30)) /* the mapping outlives the descriptor */
			op_close(c);
		ret = sys(SYS_msync, p, len, sync);
		rec(c, "msync", ret);
		rec_int("length", len);
		rec_flags("s", sync);
		rec_end(c);
	}
	sys(SYS_munmap, p, len);
}

/* ---- from one to another ---- */

static int pipe_end(struct ctx *c, int access)
{
	for (int i = 0; i < 10; i++) {
		int fd = fd_pick(c, 1u << K_PIPE);

		if (fd_ofd(c, fd) && (fd_ofd(c, fd)->flags & O_ACCMODE) == access)
			return fd;
	}
	return BAD_FD;
}

static void op_copy(struct ctx *c)
{
	static const char *const ops[] = { "sendfile", "copy_file_range", "splice", "splice" };
	int how = (int)rnd(c, 4), in = fd_pick(c, REGULAR), out = fd_pick(c, REGULAR);
	long len = 1 + rnd(c, 3000), ret, at = chance(c, 50) ? -1 : (long)rnd(c, 5000), was = at;
	long *off = at < 0 ? NULL : &at;
	int flags = how >= 2 ? SPLICE_F_NONBLOCK : 0;

	if (how == 2)
		out = pipe_end(c, O_WRONLY);
	if (how == 3)
		in = pipe_end(c, O_RDONLY);
	if (fd_ofd(c, in) && fd_ofd(c, in) == fd_ofd(c, out))
		return;
	if (fd_ofd(c, in) && fd_ofd(c, out) && fd_ofd(c, in)->dent >= 0 && fd_ofd(c, out)->dent >= 0 &&
	    dent_at(fd_ofd(c, in)->dent)->inode == dent_at(fd_ofd(c, out)->dent)->inode)
		return; /* overlaps are their own matter */
	if (how == 0)
		ret = sys(SYS_sendfile, out, in, off, len);
	else if (how == 1)
		ret = sys(SYS_copy_file_range, in, off, out, NULL, len, 0);
	else if (how == 2)
		ret = sys(SYS_splice, in, off, out, NULL, len, flags);
	else
		ret = sys(SYS_splice, in, NULL, out, off, len, flags);
	rec(c, ops[how], ret);
	rec_fd(c, "in", "in_path", in);
	rec_fd(c, "out", "out_path", out);
	if (was >= 0)
		rec_int(how == 3 ? "out_offset" : "in_offset", was);
	if (ret >= 0)
		rec_int("bytes", ret);
	rec_int("length", len);
	if (how)
		rec_flags("p", flags);
	rec_end(c);
	moved(c, in, false, how == 3 ? -1 : was, ret);
	moved(c, out, true, how == 3 ? was : -1, ret);
}

/* ---- descriptors themselves ---- */

static void rec_close(struct ctx *c, int fd)
{
	long ret = sys(SYS_close, fd);

	rec(c, "close", ret);
	rec_fd(c, "fd", "path", fd);
	rec_end(c);
	if (!ret)
		fd_gone(c, fd);
}

void op_close(struct ctx *c)
{
	rec_close(c, chance(c, 5) ? BAD_FD : fd_pick(c, ~0u));
}

/* All from the first to the last must be ours, or nobody's if there is nobody else. */
static void op_close_range(struct ctx *c)
{
	int first = fd_pick(c, ~0u), last = first;
	unsigned flags = chance(c, 50) ? CLOSE_RANGE_CLOEXEC : chance(c, 10) ? 64 : 0;
	long ret;

	if (first == BAD_FD)
		return;
	while (last - first < 3 && last + 1 < BAD_FD && (fd_ofd(c, last + 1) || (c->single && last > 40)))
		last++;
	ret = sys(SYS_close_range, first, last, flags);
	rec(c, "close_range", ret);
	rec_int("fd", first);
	rec_int("fd2", last);
	rec_flags("c", flags);
	rec_end(c);
	for (int fd = first; fd <= last && !ret; fd++) {
		if (flags)
			c->cloexec[fd] = true;
		else
			fd_gone(c, fd);
	}
}

/* Where copies go: numbers of this actor only. */
static int own_number(struct ctx *c)
{
	int i = (int)(c->a - arena->actor) % 8;

	return 480 + 40 * i + (int)rnd(c, 20);
}

static void op_dup(struct ctx *c)
{
	static const char *const ops[] = { "dup", "dup2", "dup3", "fcntl", "fcntl" };
	int how = (int)rnd(c, 5), fd = chance(c, 5) ? BAD_FD : fd_pick(c, ~0u), to = own_number(c), old;
	bool cloexec = how == 4 || (how == 2 && chance(c, 50)), passed = fd_ofd(c, fd) && c->passed[fd];
	long ret;

	old = fd_pick(c, ~0u);
	if (c->nfds >= 48)
		return;
	if (how >= 3)
		to = (int)rnd(c, 40);
	if (how && how < 3 && chance(c, 30))
		to = fd != BAD_FD && chance(c, 20) ? fd : old; /* dup3: EINVAL when both are one */
	if (how == 0)
		ret = sys(SYS_dup, fd);
	else if (how == 1)
		ret = sys(SYS_dup2, fd, to);
	else if (how == 2)
		ret = sys(SYS_dup3, fd, to, cloexec ? O_CLOEXEC : 0);
	else
		ret = sys(SYS_fcntl, fd, how == 3 ? F_DUPFD : F_DUPFD_CLOEXEC, to);
	rec(c, ops[how], ret);
	rec_fd(c, "fd", "path", fd);
	if (ret >= 0)
		rec_int("fd2", ret);
	if (how >= 3)
		rec_text("flags", how == 3 ? "F_DUPFD" : "F_DUPFD_CLOEXEC", how == 3 ? 7 : 15);
	if (how == 2)
		rec_flags("d", cloexec ? O_CLOEXEC : 0);
	rec_end(c);
	if (ret >= 0 && ret != fd) {
		fd_add(c, (int)ret, c->ofd[fd], cloexec);
		c->passed[ret] = passed;
	}
}

static void op_cloexec(struct ctx *c)
{
	int fd = fd_pick(c, ~0u);
	bool on = chance(c, 50);

	if (fd != BAD_FD && !sys(SYS_fcntl, fd, F_SETFD, on ? FD_CLOEXEC : 0))
		c->cloexec[fd] = on;
}

/* ---- what is no file on a disk ---- */

static void op_memfd(struct ctx *c)
{
	bool cloexec = chance(c, 50);
	char name[16];
	long fd;
	int ofd;

	if (c->nfds > 40)
		return;
	snprintf(name, sizeof(name), "m%d", c->a->names++);
	fd = sys(SYS_memfd_create, name, cloexec ? MFD_CLOEXEC : 0);
	if (fd < 0)
		return;
	ofd = ofd_new(c, -1, K_MEMFD, O_RDWR);
	strcpy(ofd_at(ofd)->name, name);
	fd_add(c, (int)fd, ofd, cloexec);
	rec(c, "memfd_create", fd);
	rec_int("fd", fd);
	rec_text("name", name, strlen(name));
	rec_flags("e", cloexec ? MFD_CLOEXEC : 0);
	rec_end(c);
}

static bool pair_new(struct ctx *c, bool sockets, int p[2])
{
	long ret;

	if (sockets)
		ret = sys(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p);
	else
		ret = sys(SYS_pipe2, p, O_NONBLOCK | O_CLOEXEC);
	if (ret < 0)
		return false;
	for (int i = 0; i < 2; i++)
		fd_add(c, p[i],
		       ofd_new(c, -1, sockets ? K_SOCKET : K_PIPE,
			       sockets ? O_RDWR
			       : i     ? O_WRONLY
				       : O_RDONLY),
		       true);
	rec(c, sockets ? "socketpair" : "pipe2", ret);
	rec_int("fd", p[0]);
	rec_int("fd2", p[1]);
	rec_end(c);
	return true;
}

static void op_pipe(struct ctx *c)
{
	int p[2];

	if (c->nfds <= 40)
		pair_new(c, chance(c, 30), p);
}

/* Sent to ourselves: another descriptor of the same description, under a number that no call returned. */
static void op_pass(struct ctx *c)
{
	struct {
		struct cmsghdr h;
		int fd;
	} control = { { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS }, 0 };
	struct iovec v = { none, 1 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	int p[2], fd = fd_pick(c, 1u << K_FILE), got;

	if (!fd_ofd(c, fd) || c->nfds > 40 || arena->straight || !pair_new(c, true, p))
		return;
	control.fd = fd;
	if (sendmsg(p[0], &m, 0) != 1 || recvmsg(p[1], &m, MSG_CMSG_CLOEXEC) != 1)
		abort();
	got = control.fd;
	fd_ofd(c, fd)->passed = true;
	fd_add(c, got, c->ofd[fd], true);
	c->passed[got] = true;
	rec_close(c, p[0]);
	rec_close(c, p[1]);
}

/* clang-format off */
const struct op io_ops[] = {
	{ op_transfer, 40 }, { op_seek, 10 }, { op_state, 9 }, { op_truncate, 2 }, { op_map, 3 }, { op_copy, 6 }, { op_close, 15 }, { op_close_range, 2 },
	{ op_dup, 8 }, { op_cloexec, 1 }, { op_memfd, 1 }, { op_pipe, 3 }, { op_pass, 1 }, { NULL, 0 },
};
/* clang-format on */
