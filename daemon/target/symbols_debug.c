/* SPDX-License-Identifier: MIT */
/*
 * symbols_debug.c: full symbol tables outside of the file: a separate debug file by build id or
 * debuglink (inside the target's root), the compressed one in .gnu_debugdata, debuginfod. Each must
 * prove that it belongs to the file: by build id, or by the checksum that the debuglink tells.
 */
#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <fcntl.h>
#include <limits.h>
#include <lzma.h>
#include <sys/mman.h>
#include <zlib.h>

#include "target/process.h"
#include "target/symbols_priv.h"

#define XZ_MEMORY (64ull << 20)
#define XZ_OUTPUT (256ull << 20)
#define BLOCK	  (64u << 10)
#define DEBUG_DIR "/usr/lib/debug"

/* Takes fd over. crc: what the debuglink says, NULL if found by build id. */
static int add_file(struct symbols *s, const struct elf *e, int fd, const uint32_t *crc,
		    enum symbol_source source)
{
	struct elf *d;
	int err;

	if (crc) {
		AUTO_FREE uint8_t *buf = malloc(BLOCK);
		uLong sum = crc32(0, NULL, 0);
		off_t at = 0;
		ssize_t n = -1;

		while (buf && (n = pread(fd, buf, BLOCK, at)) > 0) {
			sum = crc32(sum, buf, (uInt)n);
			at += n;
		}
		if (n || sum != *crc) {
			close(fd);
			return buf ? -ENOENT : -ENOMEM;
		}
	}
	err = elf_open(&d, fd);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	if (strcmp(elf_build_id(d), elf_build_id(e)) && (!crc || elf_build_id(d)[0]))
		err = -ENOENT;
	else
		err = symbols_add_table(s, e, d, source);
	elf_close(d);
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
}

static int add_by_build_id(struct symbols *s, const struct elf *e, int rootfd)
{
	const char *id = elf_build_id(e);
	char path[PATH_MAX];
	int fd;

	if (strlen(id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%.2s/%s.debug", id, id + 2);
	fd = process_open_in_root(rootfd, path, O_RDONLY);
	return fd < 0 ? -ENOENT : add_file(s, e, fd, NULL, SYM_DEBUGFILE);
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

static int add_by_debuglink(struct symbols *s, const struct elf *e, int rootfd, const char *path)
{
	static const char *const place[][2] = { { "", "/" },
						{ "", "/.debug/" },
						{ DEBUG_DIR, "/" } };
	const char *slash = path ? strrchr(path, '/') : NULL;
	AUTO_FREE char *name = NULL;
	uint32_t crc;
	int err;
	size_t i;

	err = slash ? read_debuglink(e, &name, &crc) : -ENOENT;
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	for (i = 0, err = -ENOENT; i < ARRAY_SIZE(place) && err == -ENOENT; i++) {
		char file[PATH_MAX];
		int fd = -1;

		if (snprintf(file, sizeof(file), "%s%.*s%s%s", place[i][0], (int)(slash - path),
			     path, place[i][1], name) < (int)sizeof(file))
			fd = process_open_in_root(rootfd, file, O_RDONLY);
		if (fd >= 0)
			err = add_file(s, e, fd, &crc, SYM_DEBUGFILE);
	}
	return err;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

/* Unpacks xz into a file; a bomb ends at XZ_OUTPUT. */
static int unpack(const uint8_t *in, size_t size, int fd)
{
	lzma_stream z = LZMA_STREAM_INIT;
	AUTO_FREE uint8_t *out = malloc(BLOCK);
	uint64_t total = 0;
	lzma_ret r;
	int err = 0;

	if (!out || lzma_stream_decoder(&z, XZ_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	z.next_in = in;
	z.avail_in = size;
	do {
		z.next_out = out;
		z.avail_out = BLOCK;
		r = lzma_code(&z, LZMA_FINISH);
		total += BLOCK - z.avail_out;
		if ((r != LZMA_OK && r != LZMA_STREAM_END) || total > XZ_OUTPUT)
			err = -ENOENT;
		else
			err = write_all(fd, out, BLOCK - z.avail_out);
	} while (!err && r == LZMA_OK);
	lzma_end(&z);
	return err;
}

static int add_debugdata(struct symbols *s, const struct elf *e)
{
	const struct elf_section *sec = elf_section(e, ".gnu_debugdata");
	AUTO_FREE uint8_t *xz = NULL;
	AUTO_CLOSE int fd = -1;
	struct elf *d;
	int err;

	if (!sec)
		return -ENOENT;
	err = elf_read(e, sec->offset, sec->size, &xz);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	fd = memfd_create("tpd-debugdata", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = unpack(xz, sec->size, fd);
	if (!err)
		err = elf_open(&d, util_steal_fd(&fd));
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	err = symbols_add_table(s, e, d, SYM_DEBUGDATA);
	elf_close(d);
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
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

static int add_debuginfod(struct symbols *s, const struct elf *e)
{
	const char *urls = getenv("DEBUGINFOD_URLS"), *id = elf_build_id(e);
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
	return fd < 0 ? -ENOENT : add_file(s, e, fd, NULL, SYM_DEBUGINFOD);
}

int symbols_add_debug(struct symbols *s, const struct elf *e, int rootfd, const char *path)
{
	int err = -ENOENT;

	if (rootfd >= 0)
		err = add_by_build_id(s, e, rootfd);
	if (err == -ENOENT && rootfd >= 0)
		err = add_by_debuglink(s, e, rootfd, path);
	if (err == -ENOENT)
		err = add_debugdata(s, e);
	if (err == -ENOENT)
		err = add_debuginfod(s, e);
	return err;
}
