/* SPDX-License-Identifier: MIT */
/* lines.h: source lines from debug information. */
#ifndef TPD_LINES_H
#define TPD_LINES_H

#include "target/elf.h"

/* "file.c:12" of an address, malloc'ed; NULL if the module's own debug information does not tell. */
char *lines_find(const struct elf *e, uint64_t addr);

#endif
