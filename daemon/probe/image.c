/* SPDX-License-Identifier: MIT */
/* image.c: the list of images. A file is known by device and inode, which cannot be reused while it is open here. */
#include <fcntl.h>
#include <malloc.h>

#include "probe/image.h"

static struct image *image_find(struct image *list, const struct stat *st)
{
	for (; list; list = list->next)
		if (list->dev == st->st_dev && list->ino == st->st_ino)
			return list;
	return NULL;
}

/* Takes fd. */
static int image_add(struct image **list, int fd, const char *path, struct image **ret)
{
	struct image *img;
	struct stat st;
	int err;

	if (fstat(fd, &st)) {
		err = -errno;
		close(fd);
		return err;
	}
	img = image_find(*list, &st);
	if (img) {
		close(fd);
		*ret = img;
		return 0;
	}
	img = calloc(1, sizeof(*img));
	if (img)
		img->path = strdup(path);
	if (!img || !img->path) {
		free(img);
		close(fd);
		return -ENOMEM;
	}
	err = elf_open(&img->elf, fd);
	if (err) {
		free(img->path);
		free(img);
		return err;
	}
	img->dev = st.st_dev;
	img->ino = st.st_ino;
	img->fd = elf_fd(img->elf);
	img->next = *list;
	*list = *ret = img;
	return 0;
}

int image_get(struct image **list, const struct process *p, const struct module *m, struct image **ret)
{
	int fd = process_open_module(p, m);

	return fd < 0 ? fd : image_add(list, fd, m->path, ret);
}

int image_get_path(struct image **list, const char *path, struct image **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : image_add(list, fd, path, ret);
}

void images_free(struct image **list)
{
	struct image *img;

	while ((img = *list)) {
		*list = img->next;
		symbols_free(img->symbols);
		elf_close(img->elf);
		if (img->debug_known && img->debug_fd >= 0)
			close(img->debug_fd);
		if (img->debug_known && img->alt_fd >= 0)
			close(img->alt_fd);
		free(img->path);
		free(img);
	}
}

void images_trim(struct image *list)
{
	for (; list; list = list->next) {
		symbols_free(list->symbols);
		list->symbols = NULL;
		elf_trim(list->elf);
	}
	malloc_trim(0);
}

int image_symbols(struct image *img, int rootfd, struct symbols **ret)
{
	int err = 0;

	if (!img->symbols)
		err = symbols_load(&img->symbols, img->elf, rootfd, img->path);
	if (!err)
		*ret = img->symbols;
	return err;
}
