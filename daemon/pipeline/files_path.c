/* SPDX-License-Identifier: MIT */
/* files_path.c: from what a program calls a file to a path from its root. */
#include <fcntl.h>
#include "pipeline/files_priv.h"

static bool append(struct path_text *t, const char *s, size_t len)
{
	if (len >= PATH_ROOM - t->len) {
		t->why = "too_large";
		return false;
	}
	memcpy(t->text + t->len, s, len);
	t->len += len;
	t->text[t->len] = '\0';
	return true;
}

/* Has the directory so far no symbolic link in it? Then its ".." is the name before. */
static bool straight(struct files *f, const struct file_process *p, const struct path_text *t)
{
	const char *real;
	bool regular;

	if (!f->of.real || !t->len)
		return !t->len;
	real = f->of.real(f->of.arg, p->space, t->text, &regular);
	return real && !strcmp(real, t->text);
}

static void cut_last(struct path_text *t, size_t root)
{
	while (t->len > root && t->text[t->len - 1] != '/')
		t->len--;
	t->len -= t->len > root;
	t->text[t->len] = '\0';
}

/* root: bytes at the beginning that ".." cannot leave. */
static void walk(struct files *f, const struct file_process *p, const struct path_arg *a, bool canonical, size_t root,
		 struct path_text *t)
{
	const char *s = a->name, *end = s + a->len;

	while (s < end) {
		const char *slash = memchr(s, '/', end - s);
		size_t n = (slash ? slash : end) - s;

		if (!n || (n == 1 && *s == '.')) {
			s += n + 1;
			continue;
		}
		if (n == 2 && !memcmp(s, "..", 2) && (canonical || straight(f, p, t))) {
			canonical = true;
			cut_last(t, root);
		} else {
			canonical = false;
			if (!append(t, "/", 1) || !append(t, s, n))
				return;
		}
		s += n + 1;
	}
	if (!t->len)
		append(t, "/", 1);
}

static struct desc *base_of(struct files *f, struct file_process *p, const struct path_arg *a)
{
	if (a->dirfd != AT_FDCWD)
		return fd_look(f, p, a->dirfd, a->start_ns);
	return a->start_ns < p->asked_ns && !p->cwd_stable ? NULL : p->cwd;
}

void path_resolve(struct files *f, struct file_process *p, const struct path_arg *a, struct path_text *ret)
{
	bool absolute = a->len && a->name[0] == '/';
	struct desc *base = absolute ? p->root : base_of(f, p, a);
	size_t root = p->root ? strlen(p->root->path) : 0;
	const char *from = base ? base->path : "";

	ret->why = a->fault ? "read_fault" : a->cut ? "too_large" : NULL;
	ret->desc = NULL;
	ret->len = 0;
	ret->text[0] = '\0';
	if (ret->why || (!a->len && !a->empty))
		return;
	if (base && base->lost)
		base = NULL;
	if (!absolute && !base) {
		ret->why = a->dirfd == AT_FDCWD ? "unknown_directory" : "unknown_fd";
		return;
	}
	if (!a->len) {
		ret->desc = base;
		append(ret, from, strlen(from));
		return;
	}
	if (base && base->kind != DESC_FILE) {
		ret->why = "no_directory";
		return;
	}
	append(ret, from, strcmp(from, "/") ? strlen(from) : 0);
	/* From outside of the root ".." goes up to the real one. */
	if (ret->len < root || (root && memcmp(ret->text, p->root->path, root)))
		root = 0;
	walk(f, p, a, !base || base->canonical, root, ret);
}
