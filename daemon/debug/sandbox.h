/* SPDX-License-Identifier: MIT */
/* sandbox.h: takes from a process all that parsing hostile files does not need. */
#ifndef TPD_SANDBOX_H
#define TPD_SANDBOX_H

#define SANDBOX_SOCKET 3

/*
 * For a child of fork(), once: afterwards it has sock as SANDBOX_SOCKET, /dev/null below it, and no other descriptor; no
 * memory that others share but the mapping at `shared` (NULL: none); no privilege; limits; and only the system calls
 * that reading files handed to it takes: opening others is denied with EACCES, the rest kills it. 0, or negative
 * errno: end the process.
 */
int sandbox_enter(int sock, const void *shared);

#endif
