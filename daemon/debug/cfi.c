/* SPDX-License-Identifier: MIT */
/* cfi.c: rows of call frame information from libdw, one a code address that was asked for. */
#include <dwarf.h>

#include "debug/cfi.h"

#define MAX_ROWS 8192 /* of one file; then all are dropped */

/* Kernel: struct rt_sigframe is a return address (popped by the handler's ret), then struct ucontext: flags, link, stack
 * (40 bytes), then struct sigcontext_64 in this order. arch/x86/include/uapi/asm/sigcontext.h */
static const uint8_t sigcontext[] = { 8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16 };
#define SIGCONTEXT_OFFSET 40

/* mov $15,%rax; syscall: rt_sigreturn. Some libraries have no CFI there (musl, Go), so that code itself is known, as
 * gdb and libgcc do. */
static const uint8_t sigreturn[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };

static bool is_sigreturn(struct child_file *f, uint64_t addr)
{
	uint8_t code[sizeof(sigreturn)];

	return child_file_read(f, addr, code, sizeof(code)) && !memcmp(code, sigreturn, sizeof(code));
}

static void fill_signal(struct cfi_row *r)
{
	r->known = r->signal = true;
	r->ra = DEBUG_RIP;
	for (size_t i = 0; i < ARRAY_SIZE(sigcontext); i++)
		r->reg[sigcontext[i]] = (struct cfi_rule){ .kind = CFI_AT_SP,
							   .offset = SIGCONTEXT_OFFSET + 8 * (int64_t)i };
	r->cfa = (struct cfi_rule){ .kind = CFI_AT_SP, .offset = r->reg[DEBUG_RSP].offset };
}

static struct cfi_rule cfa_rule(const Dwarf_Op *ops, size_t nops)
{
	struct cfi_rule r = { .kind = CFI_EXPR, .nops = (uint32_t)nops, .ops = ops };

	if (nops != 1)
		return r;
	if (ops->atom >= DW_OP_breg0 && ops->atom < DW_OP_breg0 + DEBUG_REGS)
		return (struct cfi_rule){ .kind = CFI_REG,
					  .reg = (uint8_t)(ops->atom - DW_OP_breg0),
					  .offset = (int64_t)ops->number };
	if (ops->atom == DW_OP_bregx && ops->number < DEBUG_REGS)
		return (struct cfi_rule){ .kind = CFI_REG,
					  .reg = (uint8_t)ops->number,
					  .offset = (int64_t)ops->number2 };
	return r;
}

static struct cfi_rule reg_rule(const Dwarf_Op *ops, size_t nops, const Dwarf_Op *mem)
{
	struct cfi_rule r = { .kind = CFI_EXPR, .nops = (uint32_t)nops, .ops = ops };
	size_t n = nops - (nops && ops[nops - 1].atom == DW_OP_stack_value);

	if (!nops)
		return (struct cfi_rule){ .kind = ops == mem ? CFI_UNDEFINED : CFI_SAME };
	if (nops == 1 && ops[0].atom == DW_OP_regx)
		return (struct cfi_rule){ .kind = ops[0].number < DEBUG_REGS ? CFI_REG : CFI_UNDEFINED,
					  .reg = (uint8_t)ops[0].number };
	if (ops[0].atom != DW_OP_call_frame_cfa || n > 2 || (n == 2 && ops[1].atom != DW_OP_plus_uconst))
		return r;
	return (struct cfi_rule){ .kind = n < nops ? CFI_IS_CFA : CFI_AT_CFA,
				  .offset = n == 2 ? (int64_t)ops[1].number : 0 };
}

static bool fill_from(struct cfi_row *r, Dwarf_CFI *cfi, uint64_t addr)
{
	Dwarf_Op mem[3], *ops;
	size_t nops;
	int ra;

	if (!cfi || dwarf_cfi_addrframe(cfi, addr, &r->frame))
		return false;
	ra = dwarf_frame_info(r->frame, NULL, NULL, &r->signal);
	if (ra < 0 || ra >= DEBUG_REGS || dwarf_frame_cfa(r->frame, &ops, &nops) || !nops) {
		free(r->frame);
		r->frame = NULL;
		return false;
	}
	r->ra = (uint8_t)ra;
	r->cfa = cfa_rule(ops, nops);
	for (int i = 0; i < DEBUG_REGS; i++)
		if (!dwarf_frame_register(r->frame, i, mem, &ops, &nops))
			r->reg[i] = reg_rule(ops, nops, mem);
	/* The psABI's callee-saved registers keep their values where nothing is said; elfutils up to 0.188 at least takes rax for
	 * rbx there (backends/x86_64_cfi.c, abi_cfi[]: 0 is meant to be 3). */
	if (r->reg[DEBUG_RBX].kind == CFI_UNDEFINED)
		r->reg[DEBUG_RBX].kind = CFI_SAME;
	r->known = true;
	return true;
}

static void fill(struct child_file *f, struct cfi_row *r, uint64_t addr, bool exact)
{
	if (!exact && is_sigreturn(f, addr)) {
		fill_signal(r);
		return;
	}
	addr -= !exact;
	if (child_file_enter(f, PHASE_CFI) && fill_from(r, f->eh, addr))
		return;
	if (!child_file_enter(f, PHASE_DWARF))
		return;
	if (!f->frame)
		f->frame = dwarf_getcfi(dwarf_file_dwarf(f->dwarf));
	fill_from(r, f->frame, addr);
}

const struct cfi_row *cfi_find(struct child_file *f, uint64_t addr, bool exact)
{
	uint64_t key = addr << 1 | exact;
	struct cfi_row *r;

	HASH_FIND(hh, f->rows, &key, sizeof(key), r);
	if (r)
		return r;
	if (HASH_COUNT(f->rows) >= MAX_ROWS)
		cfi_free(f);
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->key = key;
	fill(f, r, addr, exact);
	HASH_ADD(hh, f->rows, key, sizeof(r->key), r);
	return r;
}

void cfi_free(struct child_file *f)
{
	struct cfi_row *r, *next;

	HASH_ITER(hh, f->rows, r, next) {
		HASH_DEL(f->rows, r);
		free(r->frame);
		free(r);
	}
}
