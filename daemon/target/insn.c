/* SPDX-License-Identifier: MIT */
/* insn.c: facts of one instruction: where it goes, what it does to the stack, whether it can be
 * probed. */
#include "target/insn.h"

#define INSN_MAX_DELTA (1 << 28)

/* es cs ss ds and lock: is_prefix_bad() in arch/x86/kernel/uprobes.c answers -ENOTSUPP. */
static const char insn_bad_prefixes[] = "\x26\x2e\x36\x3e\xf0";

void insn_init(ZydisDecoder *d)
{
	ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

/*
 * The opcode of a VEX or EVEX form is looked up by the kernel as if it were a one-byte opcode: good_insns_64 in
 * arch/x86/kernel/uprobes.c, one bit an opcode, the lowest first.
 */
static bool insn_vex_refused(const ZydisDecodedInstruction *z)
{
	static const uint16_t good[16] = {
		0xbf3f, 0x3f3f, 0x3f3f, 0x3f3f, 0x0000, 0xffff, 0x0f38, 0xffff,
		0xfffb, 0xfbff, 0xffff, 0xffff, 0x0fcf, 0xff8f, 0x0b0f, 0xf3ec,
	};

	return (z->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX ||
		z->encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX) &&
	       !(good[z->opcode >> 4] >> (z->opcode & 15) & 1);
}

bool insn_prefix(const ZydisDecodedInstruction *z, const char *list)
{
	for (ZyanU8 i = 0; i < z->raw.prefix_count; i++)
		if (z->raw.prefixes[i].value && strchr(list, z->raw.prefixes[i].value))
			return true;
	return false;
}

static bool insn_register(ZydisRegister reg, ZydisRegister want)
{
	return reg != ZYDIS_REGISTER_NONE &&
	       ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg) == want;
}

/* Can it concern rsp or rbp? Most cannot, and decoding operands doubles the price. */
static bool insn_concerns_stack(const ZydisDecodedInstruction *z)
{
	unsigned reg = z->raw.modrm.reg, rm = z->raw.modrm.rm;

	if (z->mnemonic == ZYDIS_MNEMONIC_PUSH || z->mnemonic == ZYDIS_MNEMONIC_POP)
		return true;
	if (!(z->attributes & ZYDIS_ATTRIB_HAS_MODRM))
		return true;
	if (z->encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
		reg |= z->raw.rex.R << 3;
		if (z->raw.modrm.mod == 3 || rm != 4)
			rm |= z->raw.rex.B << 3;
	}
	return reg == 4 || reg == 5 || rm == 4 || rm == 5;
}

static void insn_slot(struct insn *in, const ZydisDecodedInstruction *z,
		      const ZydisDecodedOperand *op)
{
	bool agen = op->mem.type == ZYDIS_MEMOP_TYPE_AGEN;

	if (in->slot_size || op->mem.index != ZYDIS_REGISTER_NONE)
		return;
	if (op->mem.base != ZYDIS_REGISTER_RSP && op->mem.base != ZYDIS_REGISTER_RBP)
		return;
	if (agen ? z->mnemonic != ZYDIS_MNEMONIC_LEA
		 : !(op->actions & ZYDIS_OPERAND_ACTION_MASK_READ))
		return;
	if (op->mem.disp.value < -INSN_MAX_DELTA || op->mem.disp.value > INSN_MAX_DELTA)
		return;
	in->slot = (int32_t)op->mem.disp.value;
	in->slot_size = agen ? 1 : (uint8_t)MIN(op->size / 8, 64);
	in->slot_frame = op->mem.base == ZYDIS_REGISTER_RBP;
	if (agen)
		in->flags |= INSN_ADDRESS;
}

static void insn_track_add(struct insn *in, uint8_t *track, uint8_t how, int64_t delta)
{
	if (delta < -INSN_MAX_DELTA || delta > INSN_MAX_DELTA)
		return;
	*track = how;
	in->delta = (int32_t)delta;
}

/* mov and lea between rsp and rbp, add and sub of a number; *track was TRACK_LOST. */
static void insn_track_move(struct insn *in, uint8_t *track, ZydisRegister self,
			    ZydisRegister other, const struct insn_full *f)
{
	const ZydisDecodedOperand *src = &f->op[1];

	if (f->z.operand_width != 64 || f->op[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    f->op[0].reg.value != self)
		return;
	switch (f->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (src->type == ZYDIS_OPERAND_TYPE_REGISTER && src->reg.value == other)
			insn_track_add(in, track, TRACK_OTHER, 0);
		break;
	case ZYDIS_MNEMONIC_LEA:
		if (f->z.address_width != 64 || src->mem.index != ZYDIS_REGISTER_NONE)
			break;
		if (src->mem.base == self)
			insn_track_add(in, track, TRACK_ADD, -src->mem.disp.value);
		else if (src->mem.base == other)
			insn_track_add(in, track, TRACK_OTHER, -src->mem.disp.value);
		break;
	case ZYDIS_MNEMONIC_ADD:
		if (src->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			insn_track_add(in, track, TRACK_ADD, -src->imm.value.s);
		break;
	case ZYDIS_MNEMONIC_SUB:
		if (src->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			insn_track_add(in, track, TRACK_ADD, src->imm.value.s);
		break;
	default:
		break;
	}
}

/* Whatever pushes or pops; false if it does neither. */
static bool insn_track_push(struct insn *in, const struct insn_full *f)
{
	int bytes = f->z.operand_width / 8;

	switch (f->z.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFQ:
		insn_track_add(in, &in->sp, TRACK_ADD, bytes);
		return true;
	case ZYDIS_MNEMONIC_POP:
		if (f->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    insn_register(f->op[0].reg.value, ZYDIS_REGISTER_RSP))
			return true;
		insn_track_add(in, &in->sp, TRACK_ADD, -bytes);
		return true;
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFQ:
		insn_track_add(in, &in->sp, TRACK_ADD, -bytes);
		return true;
	case ZYDIS_MNEMONIC_LEAVE:
		insn_track_add(in, &in->sp, TRACK_OTHER, -8);
		return true;
	default:
		return false;
	}
}

static void insn_stack(struct insn *in, const struct insn_full *f)
{
	const ZydisDecodedOperand *op = f->op;

	for (unsigned i = 0; i < f->z.operand_count; i++, op++) {
		if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			insn_slot(in, &f->z, op);
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (insn_register(op->reg.value, ZYDIS_REGISTER_RSP))
			in->sp = TRACK_LOST;
		else if (insn_register(op->reg.value, ZYDIS_REGISTER_RBP))
			in->fp = TRACK_LOST;
	}
	if (in->sp == TRACK_LOST && in->fp == TRACK_LOST && f->z.mnemonic != ZYDIS_MNEMONIC_LEAVE &&
	    f->z.mnemonic != ZYDIS_MNEMONIC_POP)
		return; /* enter, xchg %rsp,%rbp */
	if (in->sp == TRACK_LOST) {
		if (!insn_track_push(in, f))
			insn_track_move(in, &in->sp, ZYDIS_REGISTER_RSP, ZYDIS_REGISTER_RBP, f);
		if (f->z.mnemonic == ZYDIS_MNEMONIC_LEA)
			in->slot_size = 0;
	} else if (in->fp == TRACK_LOST) {
		insn_track_move(in, &in->fp, ZYDIS_REGISTER_RBP, ZYDIS_REGISTER_RSP, f);
	}
}

/* Intel ignores 66 before a near branch, AMD cuts rip to 16 bits and reads a shorter operand. */
static bool insn_ambiguous(const ZydisDecodedInstruction *z)
{
	return insn_prefix(z, "\x66") && !z->raw.rex.W;
}

static void insn_branch(struct insn *in, const ZydisDecodedInstruction *z, uint64_t addr,
			uint8_t flow)
{
	in->flow = flow;
	if (z->raw.imm[0].is_relative) {
		in->flags |= INSN_DIRECT;
		in->target = addr + z->length + z->raw.imm[0].value.u;
	}
	/* branch_setup_xol_ops(): -ENOTSUPP */
	if (insn_prefix(z, "\x66"))
		in->flags |= INSN_REFUSED;
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ||
	    (insn_ambiguous(z) && !(in->flags & INSN_DIRECT)))
		in->flow = INSN_BAD;
}

static void insn_flow_cond(struct insn *in, const ZydisDecodedInstruction *z, uint64_t addr)
{
	bool near = z->opcode_map == ZYDIS_OPCODE_MAP_0F && (z->opcode & 0xf0) == 0x80;
	bool brief = z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (z->opcode & 0xf0) == 0x70;
	bool loop =
		z->opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && z->opcode >= 0xe0 && z->opcode <= 0xe3;

	in->cc = z->opcode & 0xf;
	insn_branch(in, z, addr, near || brief ? INSN_JCC : loop ? INSN_LOOP : INSN_BAD);
}

static void insn_flow(struct insn *in, const ZydisDecodedInstruction *z, uint64_t addr)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_CALL:
		insn_branch(in, z, addr, INSN_CALL);
		break;
	case ZYDIS_MNEMONIC_JMP:
		insn_branch(in, z, addr, z->raw.imm[0].is_relative ? INSN_JMP : INSN_JMP_IND);
		if (in->flow == INSN_JMP_IND && insn_prefix(z, "\x3e"))
			in->flags |= INSN_NOTRACK;
		/* rip-relative: mod 0, rm 5 */
		if (in->flow == INSN_JMP_IND && z->raw.modrm.mod == 0 && z->raw.modrm.rm == 5)
			in->flags |= INSN_RIP_SLOT;
		break;
	case ZYDIS_MNEMONIC_RET:
		in->flow = (z->opcode == 0xc2 || z->opcode == 0xc3) && !insn_ambiguous(z)
				   ? INSN_RET
				   : INSN_BAD;
		in->pop = z->opcode == 0xc2 ? (uint16_t)z->raw.imm[0].value.u : 0;
		break;
	case ZYDIS_MNEMONIC_INT3:
		in->flags |= INSN_PAD;
		in->flow = INSN_STOP;
		break;
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_HLT:
		in->flow = INSN_STOP;
		break;
	case ZYDIS_MNEMONIC_NOP:
		in->flags |= INSN_PAD;
		break;
	case ZYDIS_MNEMONIC_SYSCALL:
		in->flags |= INSN_SYSCALL;
		break;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_UIRET:
	case ZYDIS_MNEMONIC_RSM:
	case ZYDIS_MNEMONIC_XBEGIN:
		in->flow = INSN_BAD;
		break;
	default:
		if (z->meta.category == ZYDIS_CATEGORY_COND_BR)
			insn_flow_cond(in, z, addr);
	}
}

bool insn_decode(const ZydisDecoder *d, const uint8_t *code, size_t len, uint64_t addr,
		 struct insn *in)
{
	ZydisDecoderContext ctx;
	struct insn_full f;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(d, &ctx, code, len, &f.z)))
		return false;
	memset(in, 0, sizeof(*in));
	in->len = f.z.length;
	if (insn_prefix(&f.z, insn_bad_prefixes))
		in->flags |= INSN_REFUSED;
	if (insn_vex_refused(&f.z))
		in->flags |= INSN_REFUSED;
	insn_flow(in, &f.z, addr);
	if ((in->flags & INSN_DIRECT) && insn_ambiguous(&f.z))
		return false;
	if ((in->flow != INSN_NEXT && in->flow != INSN_JMP_IND) || (in->flags & INSN_PAD) ||
	    !insn_concerns_stack(&f.z))
		return true;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(d, &ctx, &f.z, f.op, f.z.operand_count)))
		return false;
	insn_stack(in, &f);
	return true;
}

bool insn_decode_full(const ZydisDecoder *d, const uint8_t *code, size_t len, struct insn_full *in)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(d, code, len, &in->z, in->op));
}

static uint8_t insn_register_number(ZydisRegister reg)
{
	return reg == ZYDIS_REGISTER_NONE ? JUMP_NO_REG : (uint8_t)ZydisRegisterGetId(reg);
}

bool insn_jump(const struct insn_full *in, struct jump_spec *ret)
{
	const ZydisDecodedOperand *op = in->op;
	bool mem = op->type == ZYDIS_OPERAND_TYPE_MEMORY;
	struct jump_spec j = { .len = in->z.length, .mem = mem, .index = JUMP_NO_REG };

	if (op->size != 64 || insn_prefix(&in->z, "\x26\x2e\x36\x64\x65\x67"))
		return false;
	if (!mem) {
		if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    ZydisRegisterGetClass(op->reg.value) != ZYDIS_REGCLASS_GPR64)
			return false;
		j.base = insn_register_number(op->reg.value);
		*ret = j;
		return true;
	}
	if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		return false;
	j.rip = op->mem.base == ZYDIS_REGISTER_RIP;
	j.base = j.rip ? JUMP_NO_REG : insn_register_number(op->mem.base);
	j.index = insn_register_number(op->mem.index);
	j.scale = op->mem.scale;
	j.disp = op->mem.disp.value;
	*ret = j;
	return true;
}
