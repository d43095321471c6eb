/* SPDX-License-Identifier: MIT */
/*
 * cfi.h: call frame information: how the registers of a caller are found at an address. Rows come from libdw (.eh_frame,
 * .debug_frame) and are kept, so that an address seen before costs a hash lookup.
 */
#ifndef TPD_CFI_H
#define TPD_CFI_H

#include "debug/child.h"

enum cfi_kind {
	CFI_UNDEFINED,
	CFI_SAME,
	CFI_AT_CFA,   /* in memory at CFA + offset */
	CFI_IS_CFA,   /* CFA + offset */
	CFI_REG,      /* the value of register reg, + offset */
	CFI_AT_SP,    /* in memory at the stack pointer + offset: of a signal frame */
	CFI_EXPR,     /* ops; the last is DW_OP_stack_value for a value, else it is the address of one */
};

struct cfi_rule {
	uint8_t kind; /* enum cfi_kind */
	uint8_t reg;
	uint32_t nops;
	union {
		int64_t offset;
		const Dwarf_Op *ops;
	};
};

struct cfi_row {
	uint64_t key;
	bool known;  /* false: there is no CFI here */
	bool signal; /* its caller was interrupted and made no call */
	uint8_t ra;  /* the register that holds the return address */
	Dwarf_Frame *frame; /* owns the ops of cfa */
	struct cfi_rule cfa, reg[DEBUG_REGS];
	UT_hash_handle hh;
};

/*
 * The row for an instruction (exact) or for a return address (the call before it counts), both in the file's own
 * addresses. NULL for want of memory. It lives until the next call that makes one.
 */
const struct cfi_row *cfi_find(struct child_file *f, uint64_t addr, bool exact);
void cfi_free(struct child_file *f);

/* A number, and whether it counts from the stack pointer of the sample: then only the difference counts. */
struct cfi_value {
	uint64_t v;
	bool rel;
};

/* Where an expression gets its operands. False ends it. */
struct cfi_context {
	bool (*reg)(void *arg, unsigned n, struct cfi_value *ret);
	bool (*word)(void *arg, struct cfi_value addr, struct cfi_value *ret);
	void *arg;
	bool fixed; /* set if the result is only right for this very stack pointer */
};

/* cfi_expr.c: a DWARF expression; its result, and whether that is an address at which the value stands. */
bool cfi_evaluate(struct cfi_context *c, const Dwarf_Op *ops, size_t nops, struct cfi_value cfa, struct cfi_value *ret,
		  bool *address);

#endif
