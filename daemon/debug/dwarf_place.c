/* SPDX-License-Identifier: MIT */
/*
 * dwarf_place.c: where a parameter is before the first instruction of its function ran.
 *
 * Location lists tell that exactly. A single expression holds for the whole function and is careless about its
 * first instructions: a slot on the stack that has yet to be written (-O0), a register that is not loaded yet. Of those
 * only what can be true at once is taken: the caller's part of the stack, and registers that pass parameters.
 */
#include "debug/dwarf_priv.h"

#define NO_REG 0xff

struct place_reader {
	Dwarf_Attribute attr;
	Dwarf_Die *function;
	uint64_t entry;
	enum proto_lang lang;
	bool list; /* true at the entry, without doubt */
};

/* DWARF's numbers (psABI x86-64, figure 3.36) to those of the instruction set. */
static uint8_t x86_reg(uint64_t n)
{
	static const uint8_t map[16] = { 0, 2, 1, 3, 6, 7, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };

	return n < ARRAY_SIZE(map) ? map[n] : NO_REG;
}

/* Numbered as x86 does. System V: rdi, rsi, rdx, rcx, r8, r9; Go: rax, rbx, rcx, rdi, rsi, r8 to r11. */
static bool passes_parameters(uint8_t reg, enum proto_lang lang)
{
	unsigned sysv = 1u << 7 | 1u << 6 | 1u << 2 | 1u << 1 | 1u << 8 | 1u << 9;
	unsigned go = 1u << 0 | 1u << 3 | 1u << 1 | 1u << 7 | 1u << 6 | 0xf00;

	return reg < 16 && (lang == LANG_GO ? go : sysv) >> reg & 1;
}

static void set_reg(const struct place_reader *r, uint64_t n, struct piece *p)
{
	uint8_t reg = x86_reg(n);

	if (n >= 17 && n <= 32) {
		p->kind = PIECE_XMM;
		p->reg = (uint8_t)(n - 17);
	} else if (reg != NO_REG && (r->list || passes_parameters(reg, r->lang))) {
		p->kind = PIECE_REG;
		p->reg = reg;
	}
}

/* Memory at cfa + offset; below lies the function's own frame, where nothing has been written yet. */
static void set_cfa(const struct place_reader *r, int64_t offset, struct piece *p)
{
	/* Go's callers leave room there for what they pass in registers; nobody writes it before the entry. */
	if (offset < 0 || offset > INT32_MAX || (r->lang == LANG_GO && !r->list))
		return;
	p->kind = PIECE_CFA;
	p->value = offset;
}

/* DW_OP_fbreg: the frame base of most functions is the CFA itself, or rbp, which is CFA - 16 once it is set up. */
static void set_frame(const struct place_reader *r, int64_t offset, struct piece *p)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;

	if (!dwarf_attr_integrate(r->function, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, r->entry, &op, &n, 1) != 1 || n != 1)
		return;
	if (op->atom == DW_OP_call_frame_cfa)
		set_cfa(r, offset, p);
	else if (op->atom == DW_OP_reg6 && offset >= 16)
		set_cfa(r, offset - 16, p);
}

static void set_const(uint64_t v, struct piece *p)
{
	p->kind = PIECE_CONST;
	p->value = (int64_t)v;
}

static bool constant(const Dwarf_Op *op, uint64_t *ret)
{
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31) {
		*ret = op->atom - DW_OP_lit0;
		return true;
	}
	switch (op->atom) {
	case DW_OP_const1u:
	case DW_OP_const2u:
	case DW_OP_const4u:
	case DW_OP_const8u:
	case DW_OP_constu:
	case DW_OP_const1s:
	case DW_OP_const2s:
	case DW_OP_const4s:
	case DW_OP_const8s:
	case DW_OP_consts:
		*ret = op->number;
		return true;
	}
	return false;
}

/* What a register held at the entry, which is where we are. */
static void set_entry_value(struct place_reader *r, Dwarf_Op *op, struct piece *p)
{
	Dwarf_Attribute inner;
	Dwarf_Op *what;
	size_t n;

	if (dwarf_getlocation_attr(&r->attr, op, &inner) || dwarf_getlocation(&inner, &what, &n) ||
	    n != 1)
		return;
	if (what->atom >= DW_OP_reg0 && what->atom <= DW_OP_reg31)
		set_reg(r, what->atom - DW_OP_reg0, p);
	else if (what->atom == DW_OP_regx)
		set_reg(r, what->number, p);
}

static void set_implicit(struct place_reader *r, Dwarf_Op *op, struct piece *p)
{
	Dwarf_Block block;
	uint64_t v = 0;

	if (dwarf_getlocation_implicit_value(&r->attr, op, &block) || !block.length ||
	    block.length > sizeof(v))
		return;
	memcpy(&v, block.data, block.length);
	set_const(v, p);
}

/* One simple location of n operations, up to a DW_OP_piece or the end. What is not understood stays PIECE_GONE. */
static void read_simple(struct place_reader *r, Dwarf_Op *op, size_t n, struct piece *p)
{
	bool value = n > 1 && op[n - 1].atom == DW_OP_stack_value;
	uint64_t v;

	*p = (struct piece){ .kind = PIECE_GONE };
	n -= value;
	if (n == 2 && op[0].atom == DW_OP_call_frame_cfa && op[1].atom == DW_OP_plus_uconst &&
	    !value) {
		set_cfa(r, op[1].number <= INT32_MAX ? (int64_t)op[1].number : -1, p);
	} else if (n == 3 && op[0].atom == DW_OP_call_frame_cfa && constant(&op[1], &v) &&
		   op[2].atom == DW_OP_plus && !value) {
		set_cfa(r, (int64_t)v, p);
	} else if (n != 1) {
		return;
	} else if (value && (op->atom == DW_OP_entry_value || op->atom == DW_OP_GNU_entry_value)) {
		set_entry_value(r, op, p);
	} else if (value && op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31 && !op->number) {
		set_reg(r, op->atom - DW_OP_breg0, p);
	} else if (value && constant(op, &v)) {
		set_const(v, p);
	} else if (value) {
		return;
	} else if (op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31) {
		set_reg(r, op->atom - DW_OP_reg0, p);
	} else if (op->atom == DW_OP_regx) {
		set_reg(r, op->number, p);
	} else if (op->atom == DW_OP_call_frame_cfa) {
		set_cfa(r, 0, p);
	} else if (op->atom == DW_OP_fbreg) {
		set_frame(r, (int64_t)op->number, p);
	} else if (op->atom == DW_OP_implicit_value) {
		set_implicit(r, op, p);
	}
}

static void read_pieces(struct place_reader *r, Dwarf_Op *op, size_t n, struct dwarf_place *ret)
{
	size_t i = 0, from;

	ret->whole = n > 0;
	while (i < n && ret->n < ARRAY_SIZE(ret->piece)) {
		struct piece *p = &ret->piece[ret->n];

		for (from = i; i < n && op[i].atom != DW_OP_piece && op[i].atom != DW_OP_bit_piece;
		     i++)
			continue;
		*p = (struct piece){ .kind = PIECE_GONE };
		if (i > from)
			read_simple(r, op + from, i - from, p);
		if (i < n && (op[i].atom == DW_OP_bit_piece || op[i].number > UINT16_MAX))
			p->kind = PIECE_GONE;
		else if (i < n)
			p->size = (uint16_t)op[i].number;
		ret->whole &= p->kind != PIECE_GONE;
		ret->n++;
		i++;
	}
	ret->whole &= i >= n;
}

static void read_const(Dwarf_Die *param, Dwarf_Attribute *attr, struct dwarf_place *ret)
{
	struct piece *p = &ret->piece[0];
	Dwarf_Block block;
	uint64_t v = 0;
	int64_t c;

	*p = (struct piece){ .kind = PIECE_GONE };
	ret->n = 1;
	if (!dwarf_constant(param, DW_AT_const_value, &c)) {
		set_const((uint64_t)c, p);
	} else if (!dwarf_formblock(attr, &block) && block.length && block.length <= sizeof(v)) {
		memcpy(&v, block.data, block.length);
		set_const(v, p);
	}
	ret->whole = p->kind == PIECE_CONST;
}

static bool is_list(Dwarf_Attribute *attr)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_exprloc:
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
		return false;
	}
	return true;
}

void dwarf_place(Dwarf_Die *param, Dwarf_Die *function, uint64_t entry, enum proto_lang lang,
		 struct dwarf_place *ret)
{
	struct place_reader r = { .function = function, .entry = entry, .lang = lang };
	Dwarf_Op *op;
	size_t n;

	memset(ret, 0, sizeof(*ret));
	if (dwarf_attr(param, DW_AT_const_value, &r.attr)) {
		ret->told = ret->sure = true;
		read_const(param, &r.attr, ret);
	} else if (dwarf_attr(param, DW_AT_location, &r.attr)) {
		ret->told = true;
		r.list = ret->sure = is_list(&r.attr);
		if (dwarf_getlocation_addr(&r.attr, entry, &op, &n, 1) == 1)
			read_pieces(&r, op, n, ret);
	}
}
