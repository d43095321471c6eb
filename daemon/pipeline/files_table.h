/* SPDX-License-Identifier: MIT */
/* files_table.h: what a system call means to files: the table of files_table.c, and flags by name. */
#ifndef TPD_FILES_TABLE_H
#define TPD_FILES_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum effect {
	EFFECT_NONE, EFFECT_OPEN, EFFECT_ARRIVE, EFFECT_NEW, EFFECT_PAIR, EFFECT_CLOSE, EFFECT_CLOSE_RANGE, EFFECT_DUP,
	EFFECT_DUP_TO, EFFECT_FCNTL, EFFECT_MOVE, EFFECT_SEEK, EFFECT_RENAME, EFFECT_UNLINK, EFFECT_CHDIR, EFFECT_CHROOT,
	EFFECT_CLONE, EFFECT_UNSHARE, EFFECT_COPY, EFFECT_SYMLINK,
};

enum shown { SHOWN, SHOWN_STAT, SHOWN_ALL_FDS, SHOWN_NAMED, SHOWN_NEVER };

/* Sets of flags by name (files_flags.c). */
enum flag_set {
	FLAGS_NONE, FLAGS_OPEN, FLAGS_FD, FLAGS_AT, FLAGS_UNLINK, FLAGS_ACCESS, FLAGS_RENAME, FLAGS_MAP, FLAGS_PROT, FLAGS_FALLOC,
	FLAGS_RANGE, FLAGS_RW, FLAGS_SEEK, FLAGS_MSYNC, FLAGS_SPLICE, FLAGS_FCNTL, FLAGS_CLOSE, FLAGS_MEMFD, FLAGS_MAX,
};

/* Arguments are counted from 1; 0: it has none such. */
struct file_call {
	const char *name; /* of the system call */
	const char *op;   /* NULL: the same */
	const char *kind; /* EFFECT_NEW, EFFECT_PAIR: what it makes */
	uint16_t nr;
	uint8_t effect, shown;
	uint8_t dirfd, path, dirfd2, path2, fd, fd2;
	uint8_t offset, length, mode, uid, flags, set, aux, aux_len;
	uint32_t cloexec; /* in flags: that it is closed by exec; ~0: always */
	bool bytes;  /* the result counts bytes */
	bool writes; /* ... that go into the file */
	bool plain;  /* path is text that is not looked up */
	bool empty;  /* an empty path means the directory's descriptor (AT_EMPTY_PATH) */
	bool count;  /* --files=summary: the kernel adds it up */
};

extern const struct file_call files_calls[];
extern const size_t files_ncalls;
/* Must it be known of in any case? */
bool files_tracked(const struct file_call *call);
/* "A|B|0x8" in at most n bytes; empty when nothing is set and 0 has no name. */
void files_flags(enum flag_set set, uint64_t v, char *text, size_t n);

#endif
