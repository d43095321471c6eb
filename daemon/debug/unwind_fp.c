/* SPDX-License-Identifier: MIT */
/*
 * unwind_fp.c: frame pointers, for code without call frame information (stripped Go, hand-written assembly, programs built
 * without it). A guess would be a wrong answer, so each step needs evidence: a function that sets its frame up, and a
 * return address behind a call.
 */
#include "debug/unwind.h"
#include "target/insn.h"

#define PROLOGUE 64  /* bytes in which the frame is set up, if at all */
#define SWEEP	 512 /* instructions in which it is taken down, if it can be seen */

struct opcodes {
	uint8_t len, shown; /* bytes of the instruction; of them the first are compared */
	uint8_t byte[5];
};

/* What may stand before the frame is set up: endbr64, Go's check for room on the stack. */
static const struct opcodes before[] = {
	{ 4, 4, { 0xf3, 0x0f, 0x1e, 0xfa } },	    /* endbr64 */
	{ 4, 4, { 0x49, 0x3b, 0x66, 0x10 } },	    /* cmp 0x10(%r14),%rsp */
	{ 5, 4, { 0x4c, 0x8d, 0x64, 0x24 } },	    /* lea x(%rsp),%r12 */
	{ 8, 4, { 0x4c, 0x8d, 0xa4, 0x24 } },	    /* the same, 32 bits */
	{ 4, 4, { 0x4d, 0x3b, 0x66, 0x10 } },	    /* cmp 0x10(%r14),%r12 */
	{ 2, 1, { 0x76 } },			    /* jbe */
	{ 6, 2, { 0x0f, 0x86 } },		    /* jbe, 32 bits */
	{ 1, 1, { 0x90 } },			    /* nop */
};

static const struct opcodes frame_setup[] = {
	{ 3, 3, { 0x48, 0x89, 0xe5 } },		    /* mov %rsp,%rbp */
	{ 3, 3, { 0x48, 0x8b, 0xec } },
	{ 5, 4, { 0x48, 0x89, 0x6c, 0x24 } },	    /* mov %rbp,x(%rsp): Go up to 1.20 */
	{ 8, 4, { 0x48, 0x89, 0xac, 0x24 } },
	{ 4, 4, { 0x48, 0x89, 0x2c, 0x24 } },	    /* mov %rbp,(%rsp): of the smallest frame */
};

enum place { PLACE_ENTRY, PLACE_PUSHED, PLACE_FRAME, PLACE_UNKNOWN };

static size_t match(const struct opcodes *p, size_t n, const uint8_t *code, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].len <= len && !memcmp(p[i].byte, code, p[i].shown))
			return p[i].len;
	return 0;
}

static bool sets_frame(const uint8_t *code, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (match(frame_setup, ARRAY_SIZE(frame_setup), code + i, len - i))
			return true;
	return false;
}

/* Where the stack is as it was at the entry, whatever the function: a ret; a jump through a fixed slot, as the entries of a
 * procedure linkage table are (static programs have one without call frame information) and tail calls of others. */
static bool leaves(const uint8_t *code)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	if (!memcmp(code, endbr, sizeof(endbr)))
		code += sizeof(endbr);
	if (*code == 0xf2 || *code == 0xf3)
		code++;
	return *code == 0xc3 || *code == 0xc2 || (code[0] == 0xff && code[1] == 0x25);
}

/* A frame that will be taken down further on, by pop %rbp or leave, is still there. */
static bool still_stands(struct child_file *f, uint64_t addr)
{
	uint8_t code[16] = { 0 };
	ZydisDecoder decoder;
	struct insn in;

	insn_init(&decoder);
	for (unsigned i = 0; i < SWEEP; i++, addr += in.len) {
		if (!child_file_read(f, addr, code, sizeof(code)) ||
		    !insn_decode(&decoder, code, sizeof(code), addr, &in))
			return false;
		if (in.fp != TRACK_KEEP)
			return true;
		if (in.flow != INSN_NEXT && in.flow != INSN_CALL && in.flow != INSN_JCC)
			return false;
	}
	return false;
}

/* Go's smallest functions have no frame at all. It has no pieces of functions either, which would lie about that. */
static bool is_frameless(struct child_file *f, const struct symbol *sym)
{
	uint8_t code[16] = { 0 };
	ZydisDecoder decoder;
	uint64_t at = 0;
	struct insn in;

	if (!elf_is_go(f->elf))
		return false;
	insn_init(&decoder);
	for (unsigned i = 0; i < SWEEP && at < sym->size; i++, at += in.len) {
		if (!child_file_read(f, sym->addr + at, code, sizeof(code)) ||
		    !insn_decode(&decoder, code, sizeof(code), sym->addr + at, &in))
			return false;
		if (in.sp != TRACK_KEEP && in.flow != INSN_RET && in.flow != INSN_CALL)
			return false;
	}
	return at && at >= sym->size;
}

/* How far the function has come in setting its frame up. */
static enum place find_place(struct child_file *f, uint64_t addr, bool exact)
{
	uint8_t code[PROLOGUE + 8] = { 0 };
	const struct symbol *sym;
	uint64_t at = 0, off, n;

	for (n = 8; exact && n && !child_file_read(f, addr, code, n); n--)
		;
	if (exact && leaves(code))
		return PLACE_ENTRY;
	sym = child_file_enter(f, PHASE_SYMBOLS) ? symbols_at(f->symbols, addr - !exact) : NULL;
	if (!sym)
		return PLACE_UNKNOWN;
	off = addr - sym->addr;
	for (n = sizeof(code); n && !child_file_read(f, sym->addr, code, n); n--)
		;
	while (at < off && at < n) {
		size_t len = match(before, ARRAY_SIZE(before), code + at, n - at);

		if (!len)
			break;
		at += len;
	}
	if (exact && at == off)
		return PLACE_ENTRY;
	if (exact && at + 1 == off && at < n && code[at] == 0x55)
		return PLACE_PUSHED;
	if (!sets_frame(code, exact ? MIN(n, off) : n))
		return exact && is_frameless(f, sym) ? PLACE_ENTRY : PLACE_UNKNOWN;
	return !exact || still_stands(f, addr) ? PLACE_FRAME : PLACE_UNKNOWN;
}

/* call rel32, or call r/m64 (ff /2) in any of its lengths. */
static bool is_behind_call(struct child_file *f, uint64_t addr)
{
	uint8_t code[7];

	if (!child_file_read(f, addr - sizeof(code), code, sizeof(code)))
		return false;
	if (code[2] == 0xe8)
		return true;
	for (size_t i = 0; i + 1 < sizeof(code); i++) {
		unsigned modrm = code[i + 1], mod = modrm >> 6, len = 2;

		if (code[i] != 0xff || ((modrm >> 3) & 7) != 2)
			continue;
		if (mod != 3 && (modrm & 7) == 4)
			len++;
		if (mod == 1)
			len++;
		else if (mod == 2 || (!mod && (modrm & 7) == 5))
			len += 4;
		if (i + len == sizeof(code))
			return true;
	}
	return false;
}

static bool is_return_address(struct unwinder *u, uint64_t v)
{
	const struct child_map *m = child_map_find(u->in->map, u->in->nmap, v - 1);

	return m && m->file && is_behind_call(m->file, v - m->bias);
}

static enum unwind_next leave(struct unwinder *u, struct cfi_value at, uint64_t pop, struct unwind_reg bp)
{
	struct cfi_value ra, sp = { at.v + pop, at.rel };

	if (!unwind_word(u, (struct cfi_value){ at.v + pop - 8, at.rel }, true, &ra))
		return NEXT_LOST;
	for (unsigned i = 0; i < DEBUG_REGS; i++)
		u->reg[i].kind = REG_GONE;
	u->reg[DEBUG_RBP] = bp;
	u->reg[DEBUG_RSP] = (struct unwind_reg){ .kind = REG_VALUE, .value = sp };
	u->reg[DEBUG_RIP] = (struct unwind_reg){ .kind = REG_VALUE, .value = ra };
	u->pc = ra.v;
	u->exact = false;
	return ra.v ? NEXT_FRAME : NEXT_WHOLE;
}

bool unwind_interrupts(struct child_file *f, uint64_t addr)
{
	const struct symbol *sym = NULL;

	if (child_file_enter(f, PHASE_SYMBOLS) && elf_is_go(f->elf))
		sym = symbols_at(f->symbols, addr);
	return sym && !strcmp(sym->name, "runtime.sigpanic");
}

enum unwind_next unwind_called(struct unwinder *u)
{
	struct cfi_value sp, ra;

	if (!unwind_get(u, DEBUG_RSP, &sp) || !unwind_word(u, sp, true, &ra) || !is_return_address(u, ra.v))
		return NEXT_LOST;
	sp.v += 8;
	u->reg[DEBUG_RSP] = (struct unwind_reg){ .kind = REG_VALUE, .value = sp };
	u->reg[DEBUG_RIP] = (struct unwind_reg){ .kind = REG_VALUE, .value = ra };
	u->pc = ra.v;
	u->exact = false;
	return NEXT_FRAME;
}

enum unwind_next unwind_fp(struct unwinder *u, struct child_file *f, uint64_t addr)
{
	struct cfi_value sp, bp, saved, ra;
	enum place place = find_place(f, addr, u->exact);

	if (!unwind_get(u, DEBUG_RSP, &sp))
		return NEXT_LOST;
	if (place == PLACE_ENTRY)
		return leave(u, sp, 8, u->reg[DEBUG_RBP]);
	if (place == PLACE_PUSHED)
		return leave(u, sp, 16, (struct unwind_reg){ .kind = REG_SAVED, .value = sp });
	if (!unwind_get(u, DEBUG_RBP, &bp))
		return NEXT_LOST;
	if (!bp.v && !u->exact)
		return NEXT_WHOLE; /* psABI 3.4.1: the deepest frame is marked by a zero frame pointer */
	if (place != PLACE_FRAME || !bp.rel || bp.v < sp.v || bp.v % 8 || !unwind_word(u, bp, false, &saved) ||
	    !unwind_word(u, (struct cfi_value){ bp.v + 8, true }, true, &ra))
		return NEXT_LOST;
	/* The function at the bottom of a goroutine returns to a place that no call stands before. */
	if (saved.v && !u->interrupts && !is_return_address(u, ra.v))
		return NEXT_LOST;
	return leave(u, bp, 16, (struct unwind_reg){ .kind = REG_VALUE, .value = saved });
}
