/* SPDX-License-Identifier: MIT */
/* files.c: the files that the child was handed; each part of one is opened when it is first needed. */
#include <fcntl.h>

#include "debug/cfi.h"
#include "debug/child.h"

#define FEW_PARTS 24 /* so many opened parts cannot be why memory is short */

static struct elf *open_elf(int fd)
{
	struct elf *e = NULL;
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return copy < 0 || elf_open(&e, copy) ? NULL : e;
}

static int open_symbols(struct child_file *f)
{
	struct elf *debug = open_elf(f->debug_fd);
	int err = -ENOENT;

	errno = 0;
	f->elf = open_elf(f->fd);
	if (f->elf)
		err = symbols_load_with(&f->symbols, f->elf, debug);
	else if (errno == ENOMEM)
		err = -ENOMEM;
	elf_close(debug);
	return err;
}

static int open_cfi(struct child_file *f)
{
	elf_version(EV_CURRENT);
	errno = 0;
	f->cfi_elf = elf_begin(f->fd, ELF_C_READ_MMAP, NULL);
	if (!f->cfi_elf)
		return errno == ENOMEM ? -ENOMEM : -ENOENT;
	f->eh = dwarf_getcfi_elf(f->cfi_elf);
	return 0;
}

bool child_file_enter(struct child_file *f, enum wire_phase phase)
{
	int err = 0;

	if (f->bad & phase)
		return false;
	f->note->key = f->key;
	f->note->phase = phase;
	if (f->tried & phase)
		return true;
	f->tried |= phase;
	switch (phase) {
	case PHASE_CFI:
		err = open_cfi(f);
		break;
	case PHASE_SYMBOLS:
		err = open_symbols(f);
		break;
	case PHASE_DWARF:
		err = dwarf_file_open(&f->dwarf, f->fd, f->debug_fd, f->alt_fd);
		break;
	}
	/* Full of other files: one with more room is asked the same again. */
	if (err == -ENOMEM && *f->opened > FEW_PARTS) {
		f->note->phase = 0;
		_exit(0);
	}
	*f->opened += !err;
	if (err)
		f->bad |= phase;
	return !err;
}

bool child_file_read(struct child_file *f, uint64_t addr, void *buf, size_t n)
{
	uint64_t off, last;

	child_file_enter(f, PHASE_SYMBOLS);
	return f->elf && addr + n > addr && !elf_addr_to_offset(f->elf, addr, &off) &&
	       !elf_addr_to_offset(f->elf, addr + n - 1, &last) && last - off == n - 1 &&
	       !elf_read_at(f->elf, off, buf, n);
}

void child_file_free(struct child_file *f)
{
	if (!f)
		return;
	lines_free(f);
	cfi_free(f);
	if (f->eh)
		dwarf_cfi_end(f->eh);
	elf_end(f->cfi_elf);
	dwarf_file_close(f->dwarf);
	symbols_free(f->symbols);
	elf_close(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	if (f->debug_fd >= 0)
		close(f->debug_fd);
	if (f->alt_fd >= 0)
		close(f->alt_fd);
	free(f);
}

const struct child_map *child_map_find(const struct child_map *map, size_t n, uint64_t addr)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && map[lo].start <= addr ? &map[lo] : NULL;
}
