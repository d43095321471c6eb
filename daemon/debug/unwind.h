/* SPDX-License-Identifier: MIT */
/* unwind.h: the state of one walk, shared by unwind.c (call frame information) and unwind_fp.c (frame pointers). */
#ifndef TPD_UNWIND_H
#define TPD_UNWIND_H

#include "debug/cfi.h"

enum reg_kind {
	REG_GONE,
	REG_VALUE,
	REG_FIRST, /* still what it was in the sample: register at */
	REG_SAVED, /* in memory at value */
};

/* A register of a frame. Nothing is read before it is needed, so that a stack depends only on what led through it. */
struct unwind_reg {
	uint8_t kind; /* enum reg_kind */
	uint8_t at;
	struct cfi_value value;
};

enum unwind_next { NEXT_FRAME, NEXT_WHOLE, NEXT_LOST };

struct unwinder {
	const struct unwind_input *in;
	struct answer *a;
	struct unwind_reg reg[DEBUG_REGS];
	struct cfi_context context;
	uint64_t pc;
	bool exact; /* pc is an instruction, not a return address */
	bool interrupts; /* this function was not called, see unwind_interrupts() */
	bool fixed; /* holds only for this stack pointer */
};

/* Value of a register of the current frame. False: it is gone, or was saved where the sample does not reach. */
bool unwind_get(struct unwinder *u, unsigned n, struct cfi_value *ret);
/* The word at addr; as code it is never taken for a place in the stack. */
bool unwind_word(struct unwinder *u, struct cfi_value addr, bool code, struct cfi_value *ret);

/* Follows frame pointers: for code that no call frame information covers. addr: pc in the file. */
enum unwind_next unwind_fp(struct unwinder *u, struct child_file *f, uint64_t addr);
/* Is it runtime.sigpanic? Go makes a fault look as if its instruction had called that. */
bool unwind_interrupts(struct child_file *f, uint64_t addr);
/* The caller of what is no code: a call through a bad pointer has done nothing yet but push where it returns to. */
enum unwind_next unwind_called(struct unwinder *u);

#endif
