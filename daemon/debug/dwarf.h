/* SPDX-License-Identifier: MIT */
/*
 * dwarf.h: debug information by libdw, for the child of debug.h alone: every byte of it is hostile, and the library
 * is not made for that. What is walked, how deep and how much comes out is bounded here; a crash in the library
 * is what the child is for.
 *
 * Reading is lazy: the first lookup reads the first DIE of each unit, and then one unit; what was read is kept.
 */
#ifndef TPD_DWARF_H
#define TPD_DWARF_H

#include <elfutils/libdw.h>

#include "base/util.h"
#include "debug/debug.h"
#include "proto.h"
#include "target/pattern.h"

struct dwarf_file;

/*
 * fd: the file that is mapped; debug_fd: its separate debug file, or -1; alt_fd: what .gnu_debugaltlink of the one with the
 * debug information means (dwz), or -1. All are borrowed: they are not needed any more after this returns.
 * 0; -ENOENT: there is no debug information; -EBADMSG: no ELF file, or broken; -ENOMEM.
 */
int dwarf_file_open(struct dwarf_file **ret, int fd, int debug_fd, int alt_fd);
void dwarf_file_close(struct dwarf_file *f); /* NULL is fine */

/* For whoever unwinds or asks for lines with libdw itself; belongs to f. */
Dwarf *dwarf_file_dwarf(const struct dwarf_file *f);
/* The DIE of the unit whose code holds addr (virtual, in the file). 0, -ENOENT, -EBADMSG, -ENOMEM. */
int dwarf_file_unit(struct dwarf_file *f, uint64_t addr, Dwarf_Die *unit);
/* The function whose code holds addr (not of those inlined there), among nested ones the innermost. 0, -ENOENT, -EBADMSG, -ENOMEM. */
int dwarf_file_function(struct dwarf_file *f, uint64_t addr, Dwarf_Die *function);

/*
 * The prototype of the function that begins at addr, with types as far as depth pointers away; less far if that is more
 * than PROTO_MAX_BYTES. *ret is malloc'ed and has passed proto_check.
 *
 * PROTO_F_OWN_ABI is found out here: by the name of the symbol at addr (.isra, .constprop, .part, in the .symtab of the
 * file or its debug file), by DW_CC_nocall, and for LLVM's local functions by parameters that have no place any more.
 * A parameter gets pieces only if all of it is told for the very first instruction; with PROTO_F_OWN_ABI always.
 * 0; -ENOENT: nothing is told about addr, or in a language whose convention is not known; -EBADMSG; -ENOMEM.
 */
int dwarf_proto(struct dwarf_file *f, uint64_t addr, unsigned depth, struct proto **ret);

/* What it is given lives until it returns. A return other than 0 ends the search, and is returned. */
typedef int dwarf_inlined_cb(void *arg, const struct debug_inlined *one);
/* See debug_inlined(). */
int dwarf_inlined(struct dwarf_file *f, const struct pattern *p, size_t max, uint64_t ns, unsigned *flags,
		  dwarf_inlined_cb *cb, void *arg);

#endif
