/* SPDX-License-Identifier: MIT */
/* debugfile.c: separate debug files, by build id, debuglink and debuginfod; and what dwz made several of them share. */
#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <libelf.h>
#include <limits.h>
#include <zlib.h>

#include "target/debugfile.h"
#include "target/process.h"

#define BLOCK	     (64u << 10)
#define DEBUG_DIR    "/usr/lib/debug"
#define MAX_ID	     64
#define ALT_SECTIONS 1024 /* dwz writes six */

static int crc_of(int fd, uint32_t *ret)
{
	AUTO_FREE uint8_t *buf = malloc(BLOCK);
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	while ((n = pread(fd, buf, BLOCK, at)) > 0) {
		sum = crc32(sum, buf, (uInt)n);
		at += n;
	}
	*ret = (uint32_t)sum;
	return n ? -ENOENT : 0;
}

/* Takes fd over and returns it if it is e's. crc: what the debuglink says, NULL if found by build id. */
static int checked(const struct elf *e, int fd, const uint32_t *crc)
{
	AUTO_CLOSE int own = fd;
	uint32_t sum = 0;
	struct elf *d;
	int copy, err;
	bool same;

	if (fd < 0)
		return -ENOENT;
	err = crc ? crc_of(fd, &sum) : 0;
	if (err)
		return err;
	if (crc && sum != *crc)
		return -ENOENT;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -ENOENT;
	err = elf_open(&d, copy);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	same = !strcmp(elf_build_id(d), elf_build_id(e)) || (crc && !elf_build_id(d)[0]);
	elf_close(d);
	return same ? util_steal_fd(&own) : -ENOENT;
}

static int open_by_id(int rootfd, const char *id)
{
	char path[PATH_MAX];

	if (rootfd < 0 || strlen(id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%.2s/%s.debug", id, id + 2);
	return process_open_in_root(rootfd, path, O_RDONLY);
}

/* .gnu_debuglink: a file name, zeros up to a multiple of 4, the CRC of that file. */
static int read_debuglink(const struct elf *e, char **name, uint32_t *crc)
{
	const struct elf_section *sec = elf_section(e, ".gnu_debuglink");
	AUTO_FREE char *link = NULL;
	size_t len;
	int err;

	if (!sec || sec->size > PATH_MAX)
		return -ENOENT;
	err = elf_read(e, sec->offset, sec->size, &link);
	if (err)
		return err;
	len = strlen(link);
	if (!len || strchr(link, '/') || !strcmp(link, "..") || !strcmp(link, ".") ||
	    (len + 4) / 4 * 4 + 4 > sec->size)
		return -ENOENT;
	memcpy(crc, link + (len + 4) / 4 * 4, sizeof(*crc));
	*name = util_steal(&link);
	return 0;
}

static int open_by_debuglink(const struct elf *e, int rootfd, const char *path)
{
	static const char *const place[][2] = { { "", "/" },
						{ "", "/.debug/" },
						{ DEBUG_DIR, "/" } };
	const char *slash = path ? strrchr(path, '/') : NULL;
	AUTO_FREE char *name = NULL;
	uint32_t crc;
	int fd;
	size_t i;

	fd = slash && rootfd >= 0 ? read_debuglink(e, &name, &crc) : -ENOENT;
	if (fd)
		return fd == -ENOMEM ? fd : -ENOENT;
	for (i = 0, fd = -ENOENT; i < ARRAY_SIZE(place) && fd == -ENOENT; i++) {
		char file[PATH_MAX];

		if (snprintf(file, sizeof(file), "%s%.*s%s%s", place[i][0], (int)(slash - path),
			     path, place[i][1], name) < (int)sizeof(file))
			fd = checked(e, process_open_in_root(rootfd, file, O_RDONLY), &crc);
	}
	return fd;
}

/* Loaded only when asked for: it drags in an HTTP client with all of its libraries, 10 MB of them. */
struct debuginfod {
	void *library;
	__typeof__(&debuginfod_begin) begin;
	__typeof__(&debuginfod_find_debuginfo) find;
	__typeof__(&debuginfod_end) end;
};

static bool open_debuginfod(struct debuginfod *d)
{
	d->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!d->library)
		return false;
	d->begin = dlsym(d->library, "debuginfod_begin");
	d->find = dlsym(d->library, "debuginfod_find_debuginfo");
	d->end = dlsym(d->library, "debuginfod_end");
	return d->begin && d->find && d->end;
}

static int ask_server(const char *id)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct debuginfod d = { 0 };
	debuginfod_client *c;
	int fd = -ENOENT;

	if (!urls || !*urls || !*id)
		return -ENOENT;
	/* The library stays loaded: libcurl's threads may outlive the last call into it. */
	c = open_debuginfod(&d) ? d.begin() : NULL;
	if (c) {
		/* Length 0: the id is given as hex digits. */
		fd = d.find(c, (const unsigned char *)id, 0, NULL);
		d.end(c);
	}
	return fd < 0 ? -ENOENT : fd;
}

int debugfile_open_local(const struct elf *e, int rootfd, const char *path)
{
	int fd = checked(e, open_by_id(rootfd, elf_build_id(e)), NULL);

	return fd == -ENOENT ? open_by_debuglink(e, rootfd, path) : fd;
}

int debugfile_open_server(const struct elf *e)
{
	return checked(e, ask_server(elf_build_id(e)), NULL);
}

int debugfile_open(const struct elf *e, int rootfd, const char *path)
{
	int fd = debugfile_open_local(e, rootfd, path);

	return fd == -ENOENT ? debugfile_open_server(e) : fd;
}

static void to_hex(const uint8_t *id, size_t n, char text[2 * MAX_ID + 1])
{
	for (size_t i = 0; i < n; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
}

/*
 * Takes fd over and returns it if its build id is that. dwz writes relocatable files without segments, which elf_open()
 * refuses. libelf allocates by the number of sections, so that is looked at first.
 */
static int checked_alt(int fd, const char *id)
{
	AUTO_CLOSE int own = fd;
	char hex[2 * MAX_ID + 1] = "";
	const void *bits;
	Elf64_Ehdr h;
	ssize_t n;
	Elf *elf;

	if (fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h) ||
	    memcmp(h.e_ident, ELFMAG, SELFMAG) || h.e_ident[EI_CLASS] != ELFCLASS64 || !h.e_shnum ||
	    h.e_shnum > ALT_SECTIONS || h.e_phnum == PN_XNUM)
		return -ENOENT;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	n = elf ? dwelf_elf_gnu_build_id(elf, &bits) : 0;
	if (n > 0 && n <= MAX_ID)
		to_hex(bits, (size_t)n, hex);
	elf_end(elf);
	return *hex && !strcmp(hex, id) ? util_steal_fd(&own) : -ENOENT;
}

/* .gnu_debugaltlink: a path and a zero, then the build id of what is there. */
static int read_altlink(int fd, char **path, char id[2 * MAX_ID + 1])
{
	const struct elf_section *sec;
	AUTO_FREE char *link = NULL;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), err;
	struct elf *e;
	size_t len;

	if (copy < 0)
		return -ENOENT;
	err = elf_open(&e, copy);
	if (err)
		return err;
	sec = elf_section(e, ".gnu_debugaltlink");
	err = sec && sec->size <= PATH_MAX ? elf_read(e, sec->offset, sec->size, &link) : -ENOENT;
	len = err ? 0 : strlen(link);
	if (!err && (!len || len + 1 >= sec->size || sec->size - len - 1 > MAX_ID))
		err = -ENOENT;
	if (!err) {
		to_hex((uint8_t *)link + len + 1, sec->size - len - 1, id);
		*path = util_steal(&link);
	}
	elf_close(e);
	return err;
}

/* The path of fd inside of the root; the link in it is relative to that. */
static int path_in_root(int fd, int rootfd, char path[PATH_MAX])
{
	char name[64], root[PATH_MAX];
	ssize_t n, m;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", rootfd);
	n = readlink(name, root, sizeof(root) - 1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	m = readlink(name, path, PATH_MAX - 1);
	if (n < 1 || m < 1)
		return -ENOENT;
	root[n == 1 ? 0 : n] = path[m] = 0;
	n = (ssize_t)strlen(root);
	if (strncmp(path, root, (size_t)n) || path[n] != '/')
		return -ENOENT;
	memmove(path, path + n, strlen(path + n) + 1);
	return 0;
}

static int open_alt_by_path(int fd, int rootfd, const char *link)
{
	char base[PATH_MAX], path[PATH_MAX];
	const char *slash;

	if (rootfd < 0)
		return -ENOENT;
	if (*link == '/')
		return process_open_in_root(rootfd, link, O_RDONLY);
	if (path_in_root(fd, rootfd, base))
		return -ENOENT;
	slash = strrchr(base, '/');
	if (snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - base), base, link) >=
	    (int)sizeof(path))
		return -ENOENT;
	return process_open_in_root(rootfd, path, O_RDONLY);
}

int debugfile_open_alt(int fd, int rootfd)
{
	char id[2 * MAX_ID + 1];
	AUTO_FREE char *path = NULL;
	int alt;

	alt = read_altlink(fd, &path, id);
	if (alt)
		return alt == -ENOMEM ? alt : -ENOENT;
	alt = checked_alt(open_by_id(rootfd, id), id);
	if (alt < 0)
		alt = checked_alt(open_alt_by_path(fd, rootfd, path), id);
	if (alt < 0)
		alt = checked_alt(ask_server(id), id);
	return alt;
}
