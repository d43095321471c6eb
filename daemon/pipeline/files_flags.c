/* SPDX-License-Identifier: MIT */
/* files_flags.c: flags of system calls by name, as their manual pages spell them. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include "pipeline/files_priv.h"

/* Set if (flags & mask) == value. What has several bits comes before its parts. */
struct flag {
	uint32_t value, mask;
	const char *name;
};

#define BIT(name)       { name, name, #name }
#define AS(name, field) { name, field, #name }

#define LARGEFILE 0100000 /* the kernel's, which the C library has as 0 */
#define SYNC_BITS (O_SYNC | O_DSYNC)
/* Newer than the headers of some distributions. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 0x10U
#endif
#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif
#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

/* clang-format off */
static const struct flag open_flags[] = {
	AS(O_RDONLY, O_ACCMODE | O_PATH), AS(O_WRONLY, O_ACCMODE), AS(O_RDWR, O_ACCMODE), BIT(O_TMPFILE), BIT(O_SYNC),
	BIT(O_CREAT), BIT(O_EXCL), BIT(O_NOCTTY), BIT(O_TRUNC), BIT(O_APPEND), BIT(O_NONBLOCK), BIT(O_DSYNC), BIT(O_ASYNC),
	BIT(O_DIRECT), { LARGEFILE, LARGEFILE, "O_LARGEFILE" }, BIT(O_DIRECTORY), BIT(O_NOFOLLOW), BIT(O_NOATIME), BIT(O_CLOEXEC),
	BIT(O_PATH),
};
static const struct flag fd_flags[] = { BIT(O_CLOEXEC), BIT(O_NONBLOCK), BIT(O_DIRECT), BIT(O_EXCL) };
static const struct flag at_flags[] = {
	BIT(AT_SYMLINK_NOFOLLOW), BIT(AT_SYMLINK_FOLLOW), BIT(AT_NO_AUTOMOUNT), BIT(AT_EMPTY_PATH), BIT(AT_STATX_FORCE_SYNC),
	BIT(AT_STATX_DONT_SYNC),
};
static const struct flag unlink_flags[] = { BIT(AT_REMOVEDIR) };
static const struct flag access_flags[] = { BIT(AT_EACCESS), BIT(AT_SYMLINK_NOFOLLOW), BIT(AT_EMPTY_PATH) };
static const struct flag rename_flags[] = { BIT(RENAME_NOREPLACE), BIT(RENAME_EXCHANGE), BIT(RENAME_WHITEOUT) };
static const struct flag map_flags[] = {
	AS(MAP_SHARED_VALIDATE, MAP_TYPE), AS(MAP_SHARED, MAP_TYPE), AS(MAP_PRIVATE, MAP_TYPE), BIT(MAP_FIXED), BIT(MAP_ANONYMOUS),
	BIT(MAP_FIXED_NOREPLACE), BIT(MAP_32BIT), BIT(MAP_GROWSDOWN), BIT(MAP_DENYWRITE), BIT(MAP_EXECUTABLE), BIT(MAP_LOCKED),
	BIT(MAP_NORESERVE), BIT(MAP_POPULATE), BIT(MAP_NONBLOCK), BIT(MAP_STACK), BIT(MAP_HUGETLB), BIT(MAP_SYNC),
};
static const struct flag prot_flags[] = { AS(PROT_NONE, ~0u), BIT(PROT_READ), BIT(PROT_WRITE), BIT(PROT_EXEC) };
static const struct flag falloc_flags[] = {
	BIT(FALLOC_FL_KEEP_SIZE), BIT(FALLOC_FL_PUNCH_HOLE), BIT(FALLOC_FL_NO_HIDE_STALE), BIT(FALLOC_FL_COLLAPSE_RANGE),
	BIT(FALLOC_FL_ZERO_RANGE), BIT(FALLOC_FL_INSERT_RANGE), BIT(FALLOC_FL_UNSHARE_RANGE),
};
static const struct flag range_flags[] = {
	BIT(SYNC_FILE_RANGE_WAIT_BEFORE), BIT(SYNC_FILE_RANGE_WRITE), BIT(SYNC_FILE_RANGE_WAIT_AFTER),
};
static const struct flag rw_flags[] = {
	BIT(RWF_HIPRI), BIT(RWF_DSYNC), BIT(RWF_SYNC), BIT(RWF_NOWAIT), BIT(RWF_APPEND), BIT(RWF_NOAPPEND),
};
static const struct flag seek_flags[] = {
	AS(SEEK_SET, ~0u), AS(SEEK_CUR, ~0u), AS(SEEK_END, ~0u), AS(SEEK_DATA, ~0u), AS(SEEK_HOLE, ~0u),
};
static const struct flag msync_flags[] = { BIT(MS_ASYNC), BIT(MS_INVALIDATE), BIT(MS_SYNC) };
static const struct flag splice_flags[] = {
	BIT(SPLICE_F_MOVE), BIT(SPLICE_F_NONBLOCK), BIT(SPLICE_F_MORE), BIT(SPLICE_F_GIFT),
};
static const struct flag fcntl_commands[] = {
	AS(F_DUPFD, ~0u), AS(F_DUPFD_CLOEXEC, ~0u), AS(F_SETFD, ~0u), AS(F_SETFL, ~0u),
};
static const struct flag close_flags[] = { BIT(CLOSE_RANGE_UNSHARE), BIT(CLOSE_RANGE_CLOEXEC) };
static const struct flag memfd_flags[] = {
	BIT(MFD_CLOEXEC), BIT(MFD_ALLOW_SEALING), BIT(MFD_HUGETLB), BIT(MFD_NOEXEC_SEAL), BIT(MFD_EXEC),
};

#define SET(table) { table, ARRAY_SIZE(table) }
static const struct {
	const struct flag *v;
	size_t n;
} sets[FLAGS_MAX] = {
	[FLAGS_OPEN] = SET(open_flags), [FLAGS_FD] = SET(fd_flags), [FLAGS_AT] = SET(at_flags), [FLAGS_UNLINK] = SET(unlink_flags),
	[FLAGS_ACCESS] = SET(access_flags), [FLAGS_RENAME] = SET(rename_flags), [FLAGS_MAP] = SET(map_flags),
	[FLAGS_PROT] = SET(prot_flags), [FLAGS_FALLOC] = SET(falloc_flags), [FLAGS_RANGE] = SET(range_flags),
	[FLAGS_RW] = SET(rw_flags), [FLAGS_SEEK] = SET(seek_flags), [FLAGS_MSYNC] = SET(msync_flags),
	[FLAGS_SPLICE] = SET(splice_flags), [FLAGS_FCNTL] = SET(fcntl_commands), [FLAGS_CLOSE] = SET(close_flags),
	[FLAGS_MEMFD] = SET(memfd_flags),
};
/* clang-format on */

void files_flags(enum flag_set set, uint64_t v, char *text, size_t n)
{
	const uint64_t all = v;
	bool named = false;
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < sets[set].n && len < n; i++) {
		const struct flag *f = &sets[set].v[i];

		/* Bits that another name has told already are not told again. */
		if ((all & f->mask) != f->value || (f->value && !(v & f->value)) || (f->mask == ~0u && named))
			continue;
		if (f->mask == f->value && (v & f->value) != f->value)
			continue;
		len += snprintf(text + len, n - len, "%s%s", len ? "|" : "", f->name);
		v &= ~(uint64_t)f->value;
		named = true;
	}
	if (v && len < n)
		snprintf(text + len, n - len, "%s0x%llx", len ? "|" : "", (unsigned long long)v);
}
