/* SPDX-License-Identifier: MIT */
/* files_model.c: what names and descriptors stand for; see files.h. */
#include "files.h"
#include <sys/mman.h>

void arena_open(bool create)
{
	int fd = TALK_FD;

	if (create) {
		fd = memfd_create("arena", 0);
		if (fd < 0 || ftruncate(fd, sizeof(struct shared)) || dup2(fd, TALK_FD) < 0)
			abort();
		close(fd);
	}
	if (mmap(arena, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, TALK_FD, 0) != arena)
		abort();
}

/* xorshift64*: the same list for the same seed everywhere. */
uint32_t rnd(struct ctx *c, uint32_t below)
{
	uint64_t x = c->a->rng;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	c->a->rng = x;
	return (uint32_t)((x * 0x2545f4914f6cdd1dull) >> 33) % below;
}

bool chance(struct ctx *c, int percent)
{
	return (int)rnd(c, 100) < percent;
}

static int actor_index(const struct ctx *c)
{
	return (int)(c->a - arena->actor);
}

/* ---- names ---- */

struct dent *dent_at(int i)
{
	return &arena->dent[i];
}

int inode_new(struct ctx *c)
{
	return actor_index(c) * SLICE + c->a->inodes++ % SLICE;
}

int64_t *inode_size(int dent)
{
	int i = arena->dent[dent].inode;

	return &arena->actor[i / SLICE].size[i % SLICE];
}

/* Full slices are the end of new names: the caller asks before. */
int dent_new(struct ctx *c, int parent, const char *name, int kind, int inode)
{
	int i = actor_index(c) * SLICE + c->a->dents++;
	struct dent *d = dent_at(i);

	if (c->a->dents > SLICE)
		abort();
	*d = (struct dent){ .parent = parent, .kind = kind, .inode = inode };
	if (inode < 0) {
		d->inode = inode_new(c);
		*inode_size(i) = 0;
	}
	snprintf(d->name, sizeof(d->name), "%s", name);
	return i;
}

size_t dent_path(int i, char *to)
{
	const struct dent *d = dent_at(i);
	size_t n = 0;

	if (d->parent >= 0) {
		n = dent_path(d->parent, to);
		to[n++] = '/';
	} else if (i == 0) {
		strcpy(to, arena->dent[0].name);
		return strlen(to);
	}
	strcpy(to + n, d->name);
	return n + strlen(d->name);
}

bool dent_gone(int i)
{
	for (; i >= 0; i = dent_at(i)->parent)
		if (dent_at(i)->deleted)
			return true;
	return false;
}

bool dent_below(int i, int top)
{
	for (; i >= 0; i = dent_at(i)->parent)
		if (i == top)
			return true;
	return false;
}

bool dent_empty(struct ctx *c, int i)
{
	int base = actor_index(c) * SLICE;

	for (int k = base; k < base + c->a->dents; k++)
		if (dent_at(k)->parent == i && !dent_at(k)->deleted)
			return false;
	return true;
}

/* loose: that may be renamed and removed. */
int dent_pick(struct ctx *c, int kind, bool loose)
{
	int base = actor_index(c) * SLICE;

	for (int tries = 0; c->a->dents > 1 && tries < 60; tries++) {
		int i = base + (int)rnd(c, c->a->dents);
		const struct dent *d = dent_at(i);

		if (d->kind == kind && i != 0 && !dent_gone(i) && !(loose && d->fixed))
			return i;
	}
	return -1;
}

void dent_remove(int i)
{
	char path[TEXT_MAX];
	size_t n = dent_path(i, path) + 1;
	uint32_t at = __atomic_fetch_add(&arena->was_used, (uint32_t)n, __ATOMIC_RELAXED);

	if (at + n > WAS_BYTES)
		abort();
	memcpy(arena->was + at, path, n);
	dent_at(i)->was = at;
	dent_at(i)->deleted = true;
}

const char *name_new(struct ctx *c, char prefix)
{
	static const char *const ends[] = {
		"",
		"",
		"",
		"",
		" with space",
		"\"quoted\"",
		"'single'",
		"new\nline",
		"\xff\xfe",
		"\xc3\xbc",
		"\\back\\",
		"\ttab",
		"%s%n",
		"\x01\x7f",
		" (deleted)",
		"*glob?[",
		"\xed\xa0\x80",
		"...",
		"\xf0\x9f\x90\xa7",
		":[1]",
	};
	static __thread char name[256];

	snprintf(name, sizeof(name), "%c%d%s", prefix, c->a->names++, ends[rnd(c, sizeof(ends) / sizeof(*ends))]);
	return name;
}

/* ---- ways to name something ---- */

/* From directory `from` down to dir, with a slash at the end; false: dir is not below it. */
static bool way_down(int from, int dir, char *to)
{
	if (!dent_below(dir, from))
		return false;
	*to = 0;
	if (dir == from)
		return true;
	way_down(from, dent_at(dir)->parent, to);
	strcat(to, dent_at(dir)->name);
	strcat(to, "/");
	return true;
}

static void decorate(struct ctx *c, char *text, int from)
{
	char old[TEXT_MAX], front[300] = "", *slash;

	if (strlen(text) > 3000 || !chance(c, 30))
		return;
	switch (rnd(c, 3)) {
	case 0:
		strcpy(front, "./");
		break;
	case 1:
		if (from > 0 && !dent_gone(from) && (dent_at(from)->fixed || !arena->straight))
			snprintf(front, sizeof(front), "../%s/", dent_at(from)->name);
		break;
	case 2:
		slash = strrchr(text, '/');
		if (slash && slash != text) {
			strcpy(old, slash);
			strcpy(slash, "//.");
			strcat(slash, old);
		}
	}
	if (from < 0) /* absolute */
		return;
	strcpy(old, text);
	strcpy(text, front);
	strcat(text, old);
}

static int dir_fd(struct ctx *c, int dir)
{
	int n = 0, found = -1;

	for (int fd = 0; fd < FD_MAX; fd++) {
		const struct ofd *o = fd_ofd(c, fd);

		if (o && o->kind == K_DIR && !c->passed[fd] && !dent_gone(o->dent) && dent_below(dir, o->dent) &&
		    !rnd(c, ++n))
			found = fd;
	}
	return found;
}

bool ref_make(struct ctx *c, struct ref *r, int dir, const char *name, bool at)
{
	int fd = at && chance(c, 60) ? dir_fd(c, dir) : -1, from = -1;
	size_t n = dent_path(dir, r->path);

	if (n + 1 + strlen(name) >= TEXT_MAX)
		return false;
	r->path[n] = '/';
	strcpy(r->path + n + 1, name);
	strcpy(r->real, "");
	r->at = AT_FDCWD;
	r->known = true;
	r->text = r->buf;
	if (fd >= 0) {
		r->at = fd;
		from = fd_ofd(c, fd)->dent;
	} else if (chance(c, 50) && dent_below(dir, c->cwd)) {
		from = c->cwd;
	}
	if (from < 0) {
		dent_path(dir, r->buf);
		strcat(r->buf, "/");
	} else {
		way_down(from, dir, r->buf);
	}
	strcat(r->buf, name);
	decorate(c, r->buf, from);
	return strlen(r->buf) < 4096;
}

bool ref_dent(struct ctx *c, struct ref *r, int dent, bool at)
{
	const struct dent *d = dent_at(dent);

	if (!ref_make(c, r, d->parent, d->name, at))
		return false;
	if (d->kind == K_LINK && d->to >= 0)
		dent_path(d->to, r->real);
	return true;
}

int ref_new(struct ctx *c, struct ref *r, char prefix, bool at, char name[256])
{
	int dir = dent_pick(c, K_DIR, false);

	if (dir < 0 || c->a->dents > SLICE - 8)
		return -1;
	snprintf(name, 256, "%s", name_new(c, prefix));
	return ref_make(c, r, dir, name, at) ? dir : -1;
}

void ref_wrong(struct ctx *c, struct ref *r, bool at, bool found)
{
	int how = (int)rnd(c, at ? 6 : 5), file = dent_pick(c, K_FILE, false);
	char name[300];

	ref_make(c, r, c->a->own, found && how ? "missing" : "no such directory/missing", at); /* ENOENT */
	switch (how) {
	case 1: /* ENOTDIR */
		if (file >= 0)
			ref_make(c, r, file, "below", at);
		break;
	case 2: /* EFAULT */
		r->text = (const char *)8;
		r->known = false;
		break;
	case 3: /* ENAMETOOLONG */
		memset(name, 'n', 280);
		name[280] = 0;
		ref_make(c, r, c->a->own, name, at);
		break;
	case 5: /* EBADF */
		r->at = BAD_FD;
		r->text = "missing";
		r->known = false;
	}
}

/* ---- descriptors ---- */

struct ofd *ofd_at(int i)
{
	return &arena->ofd[i];
}

struct ofd *fd_ofd(struct ctx *c, int fd)
{
	return fd >= 0 && fd < FD_MAX && c->ofd[fd] >= 0 ? ofd_at(c->ofd[fd]) : NULL;
}

/* Those that no descriptor stands for any more are not looked for: the slice is a ring, larger than what can be open. */
int ofd_new(struct ctx *c, int dent, int kind, int flags)
{
	int i = actor_index(c) * SLICE + c->a->ofds++ % SLICE;

	*ofd_at(i) = (struct ofd){ .dent = dent, .via = -1, .kind = kind, .flags = flags };
	return i;
}

void fd_add(struct ctx *c, int fd, int ofd, bool cloexec)
{
	if (fd < 3 || fd >= FD_MAX)
		abort();
	c->nfds += c->ofd[fd] < 0;
	c->ofd[fd] = ofd;
	c->cloexec[fd] = cloexec;
	c->passed[fd] = false;
	fd_check(c, fd);
}

void fd_gone(struct ctx *c, int fd)
{
	if (fd_ofd(c, fd))
		c->nfds--;
	c->ofd[fd] = -1;
}

int fd_pick(struct ctx *c, unsigned kinds)
{
	int n = 0, found = BAD_FD;

	for (int fd = 0; fd < FD_MAX; fd++) {
		const struct ofd *o = fd_ofd(c, fd);

		if (o && kinds >> o->kind & 1 && !rnd(c, ++n))
			found = fd;
	}
	return found;
}

/* With "check" the model is held against the kernel; that makes system calls of its own. */
void fd_check(struct ctx *c, int fd)
{
	const struct ofd *o = fd_ofd(c, fd);
	char link[64], want[TEXT_MAX + 16], got[TEXT_MAX];
	ssize_t n;

	if (!arena->check || !o)
		return;
	snprintf(link, sizeof(link), "/proc/thread-self/fd/%d", fd);
	n = readlink(link, got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = 0;
	if (o->dent >= 0 && o->kind != K_TMPFILE && (n > 0 || errno != ENAMETOOLONG)) {
		dent_path(o->dent, want);
		if (dent_at(o->dent)->deleted)
			strcat(want, " (deleted)");
		if (strcmp(want, got)) {
			fprintf(stderr, "fd %d: kernel %s, model %s\n", fd, got, want);
			arena->wrong++;
		}
	}
	if ((o->kind == K_FILE || o->kind == K_MEMFD || o->kind == K_TMPFILE) && !(o->flags & O_PATH) &&
	    lseek(fd, 0, SEEK_CUR) != o->pos) {
		fprintf(stderr, "fd %d %s: position %ld, model %ld\n", fd, got, (long)lseek(fd, 0, SEEK_CUR),
			(long)o->pos);
		arena->wrong++;
	}
}
