/* SPDX-License-Identifier: MIT */
/* file.h: opening the files that a user names for output, in places where others may lay traps. */
#ifndef TPD_FILE_H
#define TPD_FILE_H

#include "base/util.h"

/*
 * Opens path to append to, mode 0600 if it is made; "-", /dev/stdout, /dev/stderr and /dev/fd/N
 * give a duplicate of that descriptor. Only a regular file, a FIFO (which must have a reader:
 * -ENXIO) or a character device will do, others are -EINVAL (-EISDIR for a directory). The last
 * component is never a symbolic link (-ELOOP), and what another user may have put into a directory
 * that many can write is refused with -EACCES: a symbolic link anywhere in the path, a file of
 * theirs, a second name of a file of ours. truncate empties a regular file once it has passed; a
 * duplicate is left alone. An fd, or negative errno.
 */
int file_open_output(const char *path, bool truncate);

#endif
