/* SPDX-License-Identifier: MIT */
/*
 * debugfile.h: where the debug information of a file is when it is not in the file itself: found by build id
 * or debuglink inside of the target's root, or asked of a debuginfod server when DEBUGINFOD_URLS is set. Whatever is found
 * must prove that it belongs to the file: by build id, or by the checksum that the debuglink tells.
 */
#ifndef TPD_DEBUGFILE_H
#define TPD_DEBUGFILE_H

#include "target/elf.h"

/*
 * rootfd: the root in which to look (-1: nowhere). path: of the file inside that root, for its debuglink; may be NULL.
 * A descriptor, or -ENOENT, or -ENOMEM. debugfile_open() looks in the root, then asks the servers.
 */
int debugfile_open(const struct elf *e, int rootfd, const char *path);
int debugfile_open_local(const struct elf *e, int rootfd, const char *path);
int debugfile_open_server(const struct elf *e);

/*
 * What dwz moved out of fd, a file with debug information (itself, or a separate one), into one that it shares with
 * others (.gnu_debugaltlink). A descriptor, or -ENOENT: it has none or that is not to be found, or -ENOMEM.
 */
int debugfile_open_alt(int fd, int rootfd);

#endif
