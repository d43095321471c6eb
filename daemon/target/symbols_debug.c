/* SPDX-License-Identifier: MIT */
/*
 * symbols_debug.c: full symbol tables outside of the file: a separate debug file (debugfile.c), or the compressed
 * one in .gnu_debugdata.
 */
#include <lzma.h>
#include <sys/mman.h>

#include "target/debugfile.h"
#include "target/symbols_priv.h"

#define XZ_MEMORY (64ull << 20)
#define XZ_OUTPUT (256ull << 20)
#define BLOCK	  (64u << 10)

/* Takes fd over, which was looked for and may be an error. */
static int add_file(struct symbols *s, const struct elf *e, int fd, enum symbol_source source)
{
	struct elf *d;
	int err;

	if (fd < 0)
		return fd;
	err = elf_open(&d, fd);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	err = symbols_add_table(s, e, d, source);
	elf_close(d);
	return err == -ENOMEM ? err : err ? -ENOENT : 0;
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
	return err ? err : add_file(s, e, util_steal_fd(&fd), SYM_DEBUGDATA);
}

int symbols_add_debug(struct symbols *s, const struct elf *e, int rootfd, const char *path)
{
	int err;

	err = add_file(s, e, debugfile_open_local(e, rootfd, path), SYM_DEBUGFILE);
	if (err == -ENOENT)
		err = add_debugdata(s, e);
	if (err == -ENOENT)
		err = add_file(s, e, debugfile_open_server(e), SYM_DEBUGINFOD);
	return err;
}
