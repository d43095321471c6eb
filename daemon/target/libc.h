/* SPDX-License-Identifier: MIT */
/* libc.h: where the C library of a process keeps what tpd reads from outside: errno, and the words of abort(). */
#ifndef TPD_LIBC_H
#define TPD_LIBC_H

#include "target/elf.h"
#include "target/process.h"

struct libc_places {
	int64_t errno_off;  /* from a thread's thread pointer; 0: not known */
	uint64_t abort_msg; /* address of glibc's __abort_msg; 0: there is none */
};

/* 0; -ENOENT: e, mapped as m, is no C library. */
int libc_find(const struct elf *e, const struct process *p, const struct module *m, struct libc_places *ret);

#endif
