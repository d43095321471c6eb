/* SPDX-License-Identifier: MIT */
/*
 * entry.c: where a call is said to begin. The kernel emulates a few instructions and single-steps
 * the rest, which costs five times as much; so the probe moves behind what can be passed over
 * without a difference.
 */
#include "target/walk.h"

#define ENTRY_MAX_INSNS 12
#define ENTRY_MAX_BYTES 48

#define REG_RBX		3
#define REG_RSP		4
#define REG_R11		11
#define REG_R14		14

struct entry {
	struct walk *w;
	uint64_t landed; /* bit n: a jump goes to the function's byte n */
	bool to_start;	 /* a jump goes to the first byte */
	bool tables;	 /* an indirect jump may go anywhere in the function, with the height of its
			    entry */
	bool only_endbr; /* so far nothing else was passed over */
	bool go_checked; /* Go: the stack limit has been compared */
	bool done;
	struct insn_full in;
	const uint8_t *code;
	const struct node *node;
};

static void entry_scan(struct entry *en)
{
	struct walk *w = en->w;

	for (size_t i = 0; i < w->nnodes; i++) {
		const struct node *n = &w->nodes[i];
		uint64_t to = n->in.target - w->f->addr;

		if (walk_is_table(n) && !walk_moved(n) && n->height != HEIGHT_UNSEEN)
			en->tables = true;
		if (!(n->in.flags & INSN_DIRECT) || to >= 64)
			continue;
		if (to)
			en->landed |= 1ull << to;
		else if (n->in.flow != INSN_CALL)
			en->to_start = true;
	}
}

static bool entry_is_nop5(const struct entry *en)
{
	return en->in.z.length == 5 && !memcmp(en->code, "\x0f\x1f\x44\x00\x00", 5);
}

/*
 * Does every kernel that tpd runs on emulate it? branch_setup_xol_ops() and push_setup_xol_ops() in
 * arch/x86/kernel/uprobes.c; pause has opcode 90 too, but is no nop.
 */
static bool entry_emulated(const struct entry *en)
{
	const ZydisDecodedInstruction *z = &en->in.z;

	if (en->node->in.flags & INSN_REFUSED)
		return false;
	switch (en->node->in.flow) {
	case INSN_JMP:
	case INSN_JCC:
		return true;
	case INSN_CALL:
		return en->node->in.flags & INSN_DIRECT;
	default:
		break;
	}
	if (z->opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
		return false;
	if (z->opcode == 0x90)
		return z->length == 1;
	return (z->opcode & 0xf8) == 0x50 &&
	       (z->length == 1 || (z->length == 2 && en->code[0] == 0x41));
}

/* Will the kernel surely take a probe here? What good_insns_64 holds, without its finer points. */
static bool entry_accepted(const struct entry *en)
{
	static const uint8_t refused[] = { 0x6c, 0x6d, 0x6e, 0x6f, 0xcc, 0xcd, 0xce,
					   0xcf, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed,
					   0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb };
	const ZydisDecodedInstruction *z = &en->in.z;

	if ((en->node->in.flags & INSN_REFUSED) || z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY)
		return false;
	if (z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT)
		return !memchr(refused, z->opcode, sizeof(refused));
	return z->opcode_map == ZYDIS_OPCODE_MAP_0F;
}

static bool entry_saves(const struct entry *en)
{
	const ZydisDecodedOperand *op = en->in.op;
	unsigned reg;

	if (en->in.z.mnemonic != ZYDIS_MNEMONIC_PUSH || op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(op->reg.value) != ZYDIS_REGCLASS_GPR64)
		return false;
	reg = (unsigned)ZydisRegisterGetId(op->reg.value);
	return reg == REG_RBX || reg == 5 || reg >= 12;
}

/* mov is the only one of these that touches memory, if its operands say so; none can fault but by
 * that. */
static bool entry_harmless(ZydisMnemonic m)
{
	static const uint16_t list[] = {
		ZYDIS_MNEMONIC_MOV,    ZYDIS_MNEMONIC_MOVZX,   ZYDIS_MNEMONIC_MOVSX,
		ZYDIS_MNEMONIC_MOVSXD, ZYDIS_MNEMONIC_LEA,     ZYDIS_MNEMONIC_XOR,
		ZYDIS_MNEMONIC_OR,     ZYDIS_MNEMONIC_AND,     ZYDIS_MNEMONIC_ADD,
		ZYDIS_MNEMONIC_SUB,    ZYDIS_MNEMONIC_CMP,     ZYDIS_MNEMONIC_TEST,
		ZYDIS_MNEMONIC_NOP,    ZYDIS_MNEMONIC_ENDBR64, ZYDIS_MNEMONIC_SHL,
		ZYDIS_MNEMONIC_SHR,    ZYDIS_MNEMONIC_SAR,     ZYDIS_MNEMONIC_NOT,
		ZYDIS_MNEMONIC_NEG,    ZYDIS_MNEMONIC_INC,     ZYDIS_MNEMONIC_DEC,
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i] == m)
			return true;
	return false;
}

/* May this register change before the call is seen to begin? Not if it can hold an argument. */
static bool entry_may_write(const struct entry *en, ZydisRegister reg)
{
	ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
	bool go = en->w->f->go;
	unsigned n;

	if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_FLAGS)
		return true;
	if (full == ZYDIS_REGISTER_NONE || ZydisRegisterGetClass(full) != ZYDIS_REGCLASS_GPR64)
		return false;
	n = (unsigned)ZydisRegisterGetId(full);
	switch (n) {
	case REG_RBX:
	case REG_R11:
		return !go;
	case REG_RSP:
		return go && en->node->in.sp == TRACK_ADD &&
		       en->in.z.mnemonic != ZYDIS_MNEMONIC_LEA;
	case REG_R14:
		return !go;
	case 5:
	case 12:
	case 13:
	case 15:
		return true;
	default:
		return false;
	}
}

/* Not control and debug registers: reading them faults. */
static bool entry_may_read(ZydisRegister reg)
{
	ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);

	return full != ZYDIS_REGISTER_NONE &&
	       (ZydisRegisterGetClass(full) == ZYDIS_REGCLASS_GPR64 ||
		ZydisRegisterGetClass(full) == ZYDIS_REGCLASS_FLAGS);
}

static bool entry_reads_limit(const struct entry *en, const ZydisDecodedOperand *op)
{
	return en->w->f->go && op->mem.base == ZYDIS_REGISTER_R14 &&
	       op->mem.index == ZYDIS_REGISTER_NONE && op->mem.disp.value == 0x10 &&
	       en->in.z.mnemonic == ZYDIS_MNEMONIC_CMP;
}

static bool entry_may_touch(const struct entry *en, const ZydisDecodedOperand *op)
{
	ZydisMnemonic m = en->in.z.mnemonic;

	if (m == ZYDIS_MNEMONIC_NOP || m == ZYDIS_MNEMONIC_LEA)
		return true;
	if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
		return false;
	if (entry_reads_limit(en, op))
		return true;
	return op->mem.segment == ZYDIS_REGISTER_FS && op->mem.base == ZYDIS_REGISTER_NONE &&
	       op->mem.index == ZYDIS_REGISTER_NONE && op->mem.disp.value == 0x28;
}

static bool entry_may_pass(const struct entry *en)
{
	const ZydisDecodedOperand *op = en->in.op;

	if (!entry_harmless(en->in.z.mnemonic))
		return false;
	for (unsigned i = 0; i < en->in.z.operand_count; i++, op++) {
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && !entry_may_touch(en, op))
			return false;
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
			continue;
		if ((op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			    ? !entry_may_write(en, op->reg.value)
			    : !entry_may_read(op->reg.value))
			return false;
	}
	return true;
}

/* Go's slow path: it spills, calls runtime.morestack, loads again and jumps to the first byte. */
static bool entry_slow_path(const struct entry *en, uint64_t addr)
{
	bool called = false;

	for (int i = 0; i < 48; i++) {
		const struct node *n = walk_find(en->w, addr);

		if (!n)
			return false;
		if (n->in.flow == INSN_JMP)
			return called && n->in.target == en->w->f->addr;
		if (n->in.flow != INSN_NEXT && n->in.flow != INSN_CALL)
			return false;
		called |= n->in.flow == INSN_CALL;
		addr += n->in.len;
	}
	return false;
}

static void entry_take(struct entry *en, struct sites *s, bool emulated)
{
	ZydisMnemonic m = en->in.z.mnemonic;

	s->entry = walk_addr(en->w, en->node);
	s->entry_height = (uint32_t)en->node->height;
	s->entry_at_return = !s->entry_height;
	s->entry_emulated = emulated;
	s->entry_endbr = m == ZYDIS_MNEMONIC_ENDBR64;
	s->entry_reenter = en->to_start || (en->tables && !entry_saves(en));
	s->entry_text = entry_is_nop5(en) ? "nop5" : ZydisMnemonicGetString(m);
	if (!s->entry_text)
		s->entry_text = "?";
}

/*
 * Go's stack check: where the condition holds the slow path is taken and the entry runs again.
 * True: this is its jump, and the jump has been taken as the site.
 */
static bool entry_take_go(struct entry *en, struct sites *s)
{
	const struct insn *in = &en->node->in;

	if (!en->go_checked || in->flow != INSN_JCC || !entry_emulated(en) ||
	    !entry_slow_path(en, in->target))
		return false;
	entry_take(en, s, true);
	s->entry_skip_cc = true;
	s->entry_cc = in->cc;
	s->entry_reenter = false;
	return true;
}

/* A target of an unknown table could lie between; a saved register says that this is still the
 * prologue. */
static bool entry_allowed(const struct entry *en, uint64_t addr)
{
	const struct node *n = en->node;

	if (addr == en->w->f->addr)
		return true;
	if (en->w->f->go ? n->height < 0 || n->height > COOKIE_MAX_HEIGHT : n->height != 0)
		return false;
	return !en->tables || en->only_endbr || entry_saves(en);
}

/* Looks at one instruction. *second: the best site so far of those that cost a single-step on some
 * kernel. */
static void entry_look(struct entry *en, struct sites *s, struct sites *second)
{
	uint64_t addr = walk_addr(en->w, en->node);
	bool first = addr == en->w->f->addr;
	/* Go without a known check: what comes behind runs once for each growth of the stack. */
	bool once = first || !en->w->f->go || !en->to_start;

	if (entry_take_go(en, s)) {
		en->done = true;
		return;
	}
	if (once && entry_allowed(en, addr) && !(en->w->f->no_nop5 && entry_is_nop5(en))) {
		/* An exit is no good entry: which of the two programs runs first there is up to the
		 * kernel. */
		if (entry_emulated(en) && (first || !walk_leaves(en->w, en->node))) {
			entry_take(en, s, true);
			en->done = true;
			return;
		}
		if (entry_is_nop5(en) && (first || en->only_endbr) && !second->entry_emulated)
			entry_take(en, second, true);
		else if (!second->entry_text && entry_accepted(en) && !en->node->height)
			entry_take(en, second, false);
	}
	for (unsigned i = 0; i < en->in.z.operand_count; i++)
		if (en->in.op[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    entry_reads_limit(en, &en->in.op[i]))
			en->go_checked = true;
	if (!entry_may_pass(en))
		en->done = true;
	if (en->in.z.mnemonic != ZYDIS_MNEMONIC_ENDBR64)
		en->only_endbr = false;
}

/* The first byte, even if the kernel may not take it: attaching will tell. */
static enum sites_error entry_last_resort(struct entry *en, struct sites *s)
{
	const struct piece *p = &en->w->pieces[0];

	en->node = walk_find(en->w, p->addr);
	en->code = p->code;
	if (!en->node || (en->node->in.flags & INSN_REFUSED) || *p->code == 0xcc ||
	    !insn_decode_full(&en->w->decoder, p->code, en->node->in.len, &en->in))
		return SITES_PROLOGUE;
	entry_take(en, s, false);
	return SITES_OK;
}

enum sites_error entry_choose(struct walk *w, struct sites *s)
{
	struct entry en = { .w = w, .only_endbr = true };
	const struct piece *p = &w->pieces[0];
	struct sites second = { 0 };
	uint32_t off = 0;

	entry_scan(&en);
	for (int i = 0; i <= ENTRY_MAX_INSNS && off <= ENTRY_MAX_BYTES && off < p->size && !en.done;
	     i++) {
		/* A jump, or a call of another function, that comes in here has not passed the
		 * first byte. */
		if (i && ((en.landed >> off & 1) || walk_is_function(w, p->addr + off)))
			break;
		en.node = walk_find(w, p->addr + off);
		en.code = p->code + off;
		if (!en.node || !insn_decode_full(&w->decoder, en.code, en.node->in.len, &en.in))
			break;
		entry_look(&en, s, &second);
		off += en.node->in.len;
	}
	if (s->entry_text)
		return SITES_OK;
	if (second.entry_text) {
		*s = second;
		return SITES_OK;
	}
	return entry_last_resort(&en, s);
}
