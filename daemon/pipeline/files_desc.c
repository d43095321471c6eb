/* SPDX-License-Identifier: MIT */
/*
 * files_desc.c: open file descriptions and what they are called. All of them are in one list, since a name that changes changes
 * for whoever has it open, in any process that means the same files by the same names.
 */
#include "pipeline/files_priv.h"

struct desc *desc_new(struct files *f, uint64_t space, const char *path)
{
	struct desc *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->path = strdup(path);
	if (!d->path) {
		free(d);
		return NULL;
	}
	d->refs = 1;
	d->space = space;
	d->next = f->descs;
	if (f->descs)
		f->descs->prev = d;
	f->descs = d;
	return d;
}

struct desc *desc_ref(struct desc *d)
{
	if (d)
		d->refs++;
	return d;
}

void desc_put(struct files *f, struct desc *d)
{
	if (!d || --d->refs)
		return;
	if (d->prev)
		d->prev->next = d->next;
	else
		f->descs = d->next;
	if (d->next)
		d->next->prev = d->prev;
	free(d->path);
	free(d->to);
	free(d);
}

/*
 * How much of d's path `path` is: all of it, or a directory that it lies in; 0: neither. What has been deleted moves on with its
 * directory, as the kernel sees it.
 */
static size_t below(const struct desc *d, uint64_t space, const char *path, size_t n)
{
	if (d->kind > DESC_LINK || d->lost || d->orphan || d->space != space || strncmp(d->path, path, n))
		return 0;
	return d->path[n] == '/' || (!d->path[n] && !d->deleted) ? n : 0;
}

static int move(struct desc *d, size_t n, const char *to)
{
	char *path;

	if (!to) {
		d->lost = true;
		return 0;
	}
	if (asprintf(&path, "%s%s", to, d->path + n) < 0)
		return -ENOMEM;
	free(d->path);
	d->path = path;
	return 0;
}

/* The file of that name, or the empty directory. */
static void gone(struct desc *d, uint64_t space, const char *path, size_t n)
{
	if (!below(d, space, path, n))
		return;
	if (d->path[n])
		d->orphan = true;
	else
		d->deleted = true;
}

int descs_rename(struct files *f, uint64_t space, const char *from, const char *to, bool exchange)
{
	size_t nfrom = strlen(from), nto = to ? strlen(to) : 0;
	int err = 0;

	if (!nfrom || (to && (!nto || !strcmp(from, to))))
		return 0;
	for (struct desc *d = f->descs; d && !err; d = d->next) {
		if (below(d, space, from, nfrom))
			err = move(d, nfrom, to);
		else if (to && exchange && below(d, space, to, nto))
			err = move(d, nto, from);
		else if (to && !exchange)
			gone(d, space, to, nto);
	}
	return err;
}

void descs_unlink(struct files *f, uint64_t space, const char *path)
{
	for (struct desc *d = f->descs; d; d = d->next)
		gone(d, space, path, strlen(path));
}

int links_add(struct files *f, uint64_t space, const char *path, const char *to, size_t len)
{
	struct desc **at = &f->links[f->nlinks % LINKS_MAX], *d = desc_new(f, space, path);

	if (!d)
		return -ENOMEM;
	d->kind = DESC_LINK;
	d->to = strndup(to, len);
	if (!d->to) {
		desc_put(f, d);
		return -ENOMEM;
	}
	desc_put(f, *at);
	*at = d;
	f->nlinks++;
	return 0;
}

const struct desc *links_find(const struct files *f, uint64_t space, const char *path)
{
	for (size_t i = MIN(f->nlinks, (size_t)LINKS_MAX); i > 0; i--) {
		const struct desc *d = f->links[i - 1];

		if (!d->deleted && !d->lost && d->space == space && !strcmp(d->path, path))
			return d;
	}
	return NULL;
}

void links_free(struct files *f)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		desc_put(f, f->links[i]);
}
