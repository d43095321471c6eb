/* SPDX-License-Identifier: MIT */
/*
 * unwind.c: follows a copied stack from the innermost frame out. What the result depends on is noted as it is read, so
 * that tpd knows a stack that leads the same way without asking again.
 */
#include "debug/unwind.h"

static uint64_t stack_pointer(const struct unwinder *u)
{
	return u->in->regs[DEBUG_RSP];
}

static bool in_stack(const struct unwinder *u, uint64_t v)
{
	return v - stack_pointer(u) <= u->in->len;
}

static void depend(struct unwinder *u, uint64_t at, struct cfi_value v, uint64_t flags)
{
	struct answer *a = u->a;

	if (a->head.ndeps == WIRE_DEPS) {
		u->fixed = true;
		return;
	}
	if (v.rel) {
		flags |= WIRE_DEP_REL;
		v.v -= stack_pointer(u);
	}
	a->deps[a->head.ndeps++] = (struct wire_dep){ .at = at, .value = v.v, .flags = flags };
}

bool unwind_word(struct unwinder *u, struct cfi_value addr, bool code, struct cfi_value *ret)
{
	uint64_t off = addr.v - stack_pointer(u), v;

	if (u->in->len < sizeof(v) || off > u->in->len - sizeof(v))
		return false;
	memcpy(&v, u->in->stack + off, sizeof(v));
	*ret = (struct cfi_value){ v, !code && in_stack(u, v) };
	u->fixed |= !addr.rel;
	depend(u, off, *ret, 0);
	return true;
}

static bool read_reg(struct unwinder *u, unsigned n, bool code, struct cfi_value *ret)
{
	struct unwind_reg *r = &u->reg[n];
	uint64_t v;

	switch (r->kind) {
	case REG_VALUE:
		*ret = r->value;
		return true;
	case REG_FIRST:
		v = u->in->regs[r->at];
		*ret = (struct cfi_value){ v, !code && in_stack(u, v) };
		depend(u, r->at, *ret, WIRE_DEP_REG);
		return true;
	case REG_SAVED:
		return unwind_word(u, r->value, code, ret);
	}
	return false;
}

bool unwind_get(struct unwinder *u, unsigned n, struct cfi_value *ret)
{
	if (n >= DEBUG_REGS || !read_reg(u, n, false, ret))
		return false;
	u->reg[n] = (struct unwind_reg){ .kind = REG_VALUE, .value = *ret };
	return true;
}

static bool context_reg(void *arg, unsigned n, struct cfi_value *ret)
{
	return unwind_get(arg, n, ret);
}

static bool context_word(void *arg, struct cfi_value addr, struct cfi_value *ret)
{
	return unwind_word(arg, addr, false, ret);
}

static bool find_cfa(struct unwinder *u, const struct cfi_rule *rule, struct cfi_value *ret)
{
	bool address;

	switch (rule->kind) {
	case CFI_REG:
		if (!unwind_get(u, rule->reg, ret))
			return false;
		ret->v += (uint64_t)rule->offset;
		return true;
	case CFI_AT_SP:
		if (!unwind_get(u, DEBUG_RSP, ret))
			return false;
		ret->v += (uint64_t)rule->offset;
		return unwind_word(u, *ret, false, ret);
	case CFI_EXPR:
		return cfi_evaluate(&u->context, rule->ops, rule->nops, (struct cfi_value){ 0, false }, ret, &address);
	}
	return false;
}

static struct unwind_reg apply(struct unwinder *u, const struct cfi_row *row, unsigned n, struct cfi_value cfa)
{
	const struct cfi_rule *rule = &row->reg[n];
	struct unwind_reg r = { .kind = REG_GONE, .value = cfa };
	bool address;

	switch (rule->kind) {
	case CFI_SAME:
		return u->reg[n];
	case CFI_REG:
		return u->reg[rule->reg];
	case CFI_AT_CFA:
	case CFI_IS_CFA:
		r.kind = rule->kind == CFI_AT_CFA ? REG_SAVED : REG_VALUE;
		r.value.v += (uint64_t)rule->offset;
		/* Popped already: compilers do not say so in an epilogue, as both hold the value. */
		if (r.kind == REG_SAVED && r.value.rel && r.value.v < stack_pointer(u))
			return u->reg[n];
		break;
	case CFI_AT_SP:
		if (unwind_get(u, DEBUG_RSP, &r.value))
			r.kind = REG_SAVED;
		r.value.v += (uint64_t)rule->offset;
		break;
	case CFI_EXPR:
		if (cfi_evaluate(&u->context, rule->ops, rule->nops, cfa, &r.value, &address))
			r.kind = address ? REG_SAVED : REG_VALUE;
		/* gcc leaves "rbp is saved at (rbp)" standing behind the leave of a function that realigned its stack. */
		if (r.kind == REG_SAVED && !row->signal && r.value.rel && cfa.rel && r.value.v >= cfa.v)
			return u->reg[n];
		break;
	}
	return r;
}

/* To the caller, as the row says. */
static enum unwind_next unwind_row(struct unwinder *u, const struct cfi_row *row)
{
	struct cfi_value sp, new_sp, cfa, ra;
	struct unwind_reg next[DEBUG_REGS];

	if (row->reg[row->ra].kind == CFI_UNDEFINED)
		return NEXT_WHOLE; /* DWARF 5, 6.4.4: there is no caller */
	if (!find_cfa(u, &row->cfa, &cfa) || !unwind_get(u, DEBUG_RSP, &sp))
		return NEXT_LOST;
	for (unsigned i = 0; i < DEBUG_REGS; i++)
		next[i] = apply(u, row, i, cfa);
	memcpy(u->reg, next, sizeof(next));
	if (!read_reg(u, row->ra, true, &ra) || !unwind_get(u, DEBUG_RSP, &new_sp))
		return NEXT_LOST;
	/* A handler may run on a stack of its own; else callers lie above. */
	if (!row->signal && new_sp.v <= sp.v)
		return NEXT_LOST;
	u->reg[DEBUG_RIP] = (struct unwind_reg){ .kind = REG_VALUE, .value = ra };
	u->pc = ra.v;
	u->exact = row->signal;
	return ra.v ? NEXT_FRAME : NEXT_WHOLE;
}

static bool add_frame(struct unwinder *u, const struct child_map *m, uint64_t code)
{
	uint32_t flags = u->exact ? WIRE_F_EXACT : 0;
	struct answer *a = u->a;

	if (m && m->file)
		return lines_answer(m->file, code - m->bias, u->pc, flags, a);
	if (a->head.nframes == DEBUG_FRAMES)
		return false;
	a->frames[a->head.nframes++] = (struct wire_frame){ .pc = u->pc, .flags = flags };
	return true;
}

static enum unwind_next one_frame(struct unwinder *u)
{
	uint64_t code = u->pc - !u->exact;
	const struct child_map *m = child_map_find(u->in->map, u->in->nmap, code);
	const struct cfi_row *row;
	enum unwind_next next;

	if (!add_frame(u, m, code))
		return NEXT_LOST;
	if (!m || !m->file)
		return u->exact ? unwind_called(u) : NEXT_LOST;
	u->interrupts = unwind_interrupts(m->file, code - m->bias);
	row = cfi_find(m->file, u->pc - m->bias, u->exact);
	next = row && row->known ? unwind_row(u, row) : unwind_fp(u, m->file, u->pc - m->bias);
	u->exact |= u->interrupts;
	return next;
}

void unwind_answer(const struct unwind_input *in, struct answer *a)
{
	struct unwinder u = { .in = in, .a = a, .pc = in->regs[DEBUG_RIP], .exact = true };
	enum unwind_next next;

	u.context = (struct cfi_context){ .reg = context_reg, .word = context_word, .arg = &u };
	for (unsigned i = 0; i < DEBUG_REGS; i++)
		u.reg[i] = (struct unwind_reg){ .kind = REG_FIRST, .at = (uint8_t)i };
	u.reg[DEBUG_RSP] = (struct unwind_reg){ .kind = REG_VALUE, .value = { in->regs[DEBUG_RSP], true } };
	u.reg[DEBUG_RIP] = (struct unwind_reg){ .kind = REG_VALUE, .value = { u.pc, false } };
	do
		next = one_frame(&u);
	while (next == NEXT_FRAME);
	a->head.whole = next == NEXT_WHOLE;
	a->head.cacheable = !u.fixed && !u.context.fixed;
}
