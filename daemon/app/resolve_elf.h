/* SPDX-License-Identifier: MIT */
/* resolve_elf.h: what a file says about addresses that are no functions of its own. */
#ifndef TPD_RESOLVE_ELF_H
#define TPD_RESOLVE_ELF_H

#include "target/elf.h"

/* Name of the Go type that is described at addr (runtime._type), malloc'ed; NULL: there is none. */
char *resolve_go_type(const struct elf *e, uint64_t addr);
/*
 * Name of the imported function that addr stands for, malloc'ed; NULL: none. In a program at a fixed address, a function of
 * a library has its address in the program's own PLT (psABI 5.2, "Function Addresses").
 */
char *resolve_plt_symbol(const struct elf *e, uint64_t addr);

#endif
