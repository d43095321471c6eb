/* SPDX-License-Identifier: MIT */
/* capture_abi.c: where things are: what pieces tell, and the System V convention of C and C++ (x86-64 psABI 1.0, 3.2.3). */
#include "probe/capture_abi_priv.h"

void loc_part(struct loc *l, uint32_t off, uint32_t size, enum piece_kind kind, int64_t value)
{
	if (l->n == PARTS_MAX)
		loc_none(l, "abi");
	if (!l->why)
		l->part[l->n++] = (struct part){ .off = off, .size = size, .kind = kind,
						 .reg = kind == PIECE_REG ? (uint8_t)value : 0, .value = value };
}

void loc_memory(struct loc *l, enum base base, uint8_t reg, int64_t off)
{
	*l = (struct loc){ .memory = true, .base = base, .reg = reg, .off = off };
}

void loc_none(struct loc *l, const char *why)
{
	*l = (struct loc){ .why = why };
}

bool abi_step(struct abi *a)
{
	if (a->steps >= ABI_STEPS)
		a->lost = true;
	else
		a->steps++;
	return !a->lost;
}

uint64_t type_align(struct abi *a, uint32_t type, unsigned depth)
{
	const struct proto_view *p = a->p;
	const struct type *t = &p->types[type];
	uint64_t most = 1;

	if (!abi_step(a))
		return 1;
	if (t->align)
		return t->align;
	if (t->kind == TYPE_ARRAY && t->inner != PROTO_NO_TYPE && depth)
		return type_align(a, t->inner, depth - 1);
	if (t->kind == TYPE_COMPLEX)
		return MAX(t->size / 2, (uint64_t)1);
	if (t->kind != TYPE_STRUCT && t->kind != TYPE_UNION && t->kind != TYPE_VARIANT)
		return MAX(MIN(t->size, (uint64_t)16), (uint64_t)1);
	for (uint32_t i = 0; i < t->nmembers && depth; i++) {
		const struct member *m = &p->members[t->member + i];
		uint64_t align = type_align(a, m->type, depth - 1);

		/* A member at an offset that its type would not have: packed. */
		if (!m->bit_size && m->offset % align)
			return 1;
		most = MAX(most, m->bit_size ? 1 : align);
	}
	/* The same, where only the end tells. */
	while (most > 1 && t->size % most)
		most /= 2;
	return most;
}

/* ---- System V ---- */

enum class { CLASS_NONE, CLASS_INTEGER, CLASS_SSE, CLASS_SSEUP, CLASS_X87, CLASS_MEMORY, CLASS_LOST };

#define NEST_MAX 32 /* structures inside each other */

static const uint8_t sysv_ints[] = { 7, 6, 2, 1, 8, 9 }; /* rdi rsi rdx rcx r8 r9 */
#define SYSV_FLOATS 8

/* Rule 4 of the classification: which class an eightbyte has that two fields share. */
static enum class merge(enum class a, enum class b)
{
	static const enum class order[] = { CLASS_LOST, CLASS_MEMORY, CLASS_INTEGER, CLASS_X87, CLASS_SSE };

	if (a == b || b == CLASS_NONE)
		return a;
	if (a == CLASS_NONE)
		return b;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i] == CLASS_X87 ? CLASS_MEMORY : order[i];
	return CLASS_MEMORY;
}

struct classes {
	enum class c[2];
};

static void spread(struct classes *out, uint64_t off, uint64_t size, enum class c)
{
	for (uint64_t at = off / 8; size && at <= (off + size - 1) / 8 && at < 2; at++)
		out->c[at] = merge(out->c[at], c);
}

static void classify(struct abi *a, uint32_t type, uint64_t off, unsigned depth, struct classes *out);

static void classify_members(struct abi *a, const struct type *t, uint64_t off, unsigned depth,
			     struct classes *out)
{
	if (t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT))
		spread(out, off, MAX(t->size, (uint64_t)1), CLASS_LOST);
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct member *m = &a->p->members[t->member + i];

		if (m->flags & MEMBER_F_VIRTUAL)
			spread(out, off, 8, CLASS_LOST);
		else if (m->bit_size)
			spread(out, off + m->offset + m->bit_offset / 8,
			       (m->bit_offset % 8 + m->bit_size + 7u) / 8u, CLASS_INTEGER);
		else
			classify(a, m->type, off + m->offset, depth, out);
	}
}

static void classify_float(const struct proto_view *p, const struct type *t, uint64_t off, struct classes *out)
{
	if (t->size <= 8) {
		spread(out, off, t->size, CLASS_SSE);
	} else if (strstr(p->strings + t->name, "128")) {
		/* __float128 and _Float128 are as wide as long double, and differ by name alone. */
		spread(out, off, 8, CLASS_SSE);
		spread(out, off + 8, 8, CLASS_SSEUP);
	} else {
		spread(out, off, t->size, CLASS_X87);
	}
}

static void classify(struct abi *a, uint32_t type, uint64_t off, unsigned depth, struct classes *out)
{
	const struct proto_view *p = a->p;
	const struct type *t = &p->types[type];

	if (off >= 16) /* a flexible array */
		return;
	if (!depth || !abi_step(a)) {
		spread(out, 0, 16, CLASS_LOST);
		return;
	}
	if (t->kind < TYPE_ARRAY && t->size && off % type_align(a, type, 1)) {
		spread(out, 0, 16, CLASS_MEMORY); /* unaligned fields */
		return;
	}
	switch ((enum type_kind)t->kind) {
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_UINT:
	case TYPE_ENUM:
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		spread(out, off, t->size, t->size > 16 ? CLASS_LOST : CLASS_INTEGER);
		break;
	case TYPE_FLOAT:
		classify_float(p, t, off, out);
		break;
	case TYPE_COMPLEX:
		spread(out, off, t->size, t->size > 16 ? CLASS_X87 : CLASS_SSE);
		break;
	case TYPE_ARRAY:
		/* The whole is at most 16 bytes here, so these are few. */
		for (uint64_t i = 0; t->inner != PROTO_NO_TYPE && i < t->count && i < 16 && p->types[t->inner].size; i++)
			classify(a, t->inner, off + i * p->types[t->inner].size, depth - 1, out);
		if (t->inner == PROTO_NO_TYPE)
			spread(out, off, 16, CLASS_LOST);
		break;
	case TYPE_STRUCT:
	case TYPE_UNION:
		classify_members(a, t, off, depth - 1, out);
		break;
	default:
		spread(out, off, MAX(t->size, (uint64_t)1), CLASS_LOST);
	}
}

/* The classes of a whole value; CLASS_MEMORY and CLASS_LOST fill both. */
static struct classes sysv_classes(struct abi *a, uint32_t type)
{
	const struct type *t = &a->p->types[type];
	bool aggregate = t->kind == TYPE_STRUCT || t->kind == TYPE_UNION || t->kind == TYPE_ARRAY;
	struct classes out = { { CLASS_NONE, CLASS_NONE } };

	if (aggregate && !(t->flags & TYPE_F_DECLARATION) && t->size > 16)
		return (struct classes){ { CLASS_MEMORY, CLASS_MEMORY } };
	classify(a, type, 0, NEST_MAX, &out);
	for (int i = 0; i < 2; i++)
		if (out.c[i] == CLASS_MEMORY || (out.c[i] == CLASS_LOST && out.c[!i] != CLASS_MEMORY))
			out.c[0] = out.c[1] = out.c[i];
	/* Rule 5: its upper half without its lower half. */
	if (out.c[1] == CLASS_X87 && out.c[0] != CLASS_X87)
		out.c[0] = out.c[1] = CLASS_MEMORY;
	return out;
}

static bool by_reference(const struct proto_view *p, uint32_t type)
{
	return p->types[type].flags & TYPE_F_BY_REFERENCE;
}

static void sysv_start(struct abi *a)
{
	struct classes c = { { CLASS_NONE, CLASS_NONE } };

	if (a->p->p->result != PROTO_NO_TYPE && a->p->types[a->p->p->result].kind != TYPE_VOID)
		c = sysv_classes(a, a->p->p->result);
	if (a->p->p->result != PROTO_NO_TYPE && by_reference(a->p, a->p->p->result))
		a->ints = 1;
	else if (c.c[0] == CLASS_MEMORY)
		a->ints = 1;
	else
		a->lost = c.c[0] == CLASS_LOST;
}

/*
 * The psABI aligns __int128 on the stack to 16, and puts it there whole when one register is left. clang did neither before 18
 * (LLVM review D158169): where it makes a difference, it is not known.
 */
static bool is_split(const struct abi *a, const struct type *t)
{
	return t->kind <= TYPE_UINT && t->size == 16 && (a->stack % 16 || a->ints + 1 == ARRAY_SIZE(sysv_ints));
}

static void sysv_stack(struct abi *a, uint32_t type, uint64_t size, struct loc *l)
{
	uint64_t align = type == PROTO_NO_TYPE ? 8 : MAX(type_align(a, type, NEST_MAX), (uint64_t)8);

	/* align comes from debug information and may be anything. */
	if (type != PROTO_NO_TYPE && is_split(a, &a->p->types[type])) {
		a->stack_lost = true;
		a->lost = a->lost || a->ints + 1 == ARRAY_SIZE(sysv_ints);
	}
	if (size > INT32_MAX || align > INT32_MAX || a->stack > INT32_MAX || a->stack_lost) {
		a->stack_lost = true;
		loc_none(l, "abi");
		return;
	}
	a->stack = (a->stack + align - 1) / align * align;
	loc_memory(l, BASE_CFA, 0, (int64_t)a->stack);
	a->stack += (size + 7) / 8 * 8;
}

static void sysv_pointer(struct abi *a, struct loc *l)
{
	if (a->ints < ARRAY_SIZE(sysv_ints))
		loc_part(l, 0, 8, PIECE_REG, sysv_ints[a->ints++]);
	else
		sysv_stack(a, PROTO_NO_TYPE, 8, l);
	l->indirect = true;
}

static void sysv_param(struct abi *a, uint32_t type, struct loc *l)
{
	const struct type *t = &a->p->types[type];
	struct classes c = sysv_classes(a, type);
	unsigned ints = (c.c[0] == CLASS_INTEGER) + (c.c[1] == CLASS_INTEGER);
	unsigned floats = (c.c[0] == CLASS_SSE) + (c.c[1] == CLASS_SSE);

	*l = (struct loc){ 0 };
	if (by_reference(a->p, type)) {
		sysv_pointer(a, l);
		return;
	}
	a->lost = a->lost || c.c[0] == CLASS_LOST;
	if (a->lost) {
		loc_none(l, "abi");
		return;
	}
	if (c.c[0] == CLASS_NONE && c.c[1] == CLASS_NONE) /* empty: takes no place */
		return;
	if (c.c[0] == CLASS_MEMORY || c.c[0] == CLASS_X87 || a->ints + ints > ARRAY_SIZE(sysv_ints) ||
	    a->floats + floats > SYSV_FLOATS) {
		sysv_stack(a, type, t->size, l);
		return;
	}
	for (uint32_t i = 0; i < 2 && i * 8 < t->size; i++)
		if (c.c[i] == CLASS_INTEGER)
			loc_part(l, i * 8, (uint32_t)MIN(t->size - i * 8, (uint64_t)8), PIECE_REG, sysv_ints[a->ints++]);
		else if (c.c[i] != CLASS_NONE)
			loc_part(l, i * 8, 8, PIECE_XMM, 0);
	a->floats += floats;
}

static void sysv_result(struct abi *a, uint32_t type, struct loc *l)
{
	static const uint8_t regs[] = { 0, 2 }; /* rax rdx */
	const struct type *t = &a->p->types[type];
	struct classes c = sysv_classes(a, type);
	unsigned n = 0;

	*l = (struct loc){ 0 };
	if (by_reference(a->p, type) || c.c[0] == CLASS_MEMORY) {
		loc_memory(l, BASE_REG, regs[0], 0);
		return;
	}
	if (c.c[0] == CLASS_LOST) {
		loc_none(l, "abi");
		return;
	}
	if (c.c[0] == CLASS_X87) {
		loc_part(l, 0, (uint32_t)MIN(t->size, (uint64_t)32), PIECE_XMM, 0);
		return;
	}
	for (uint32_t i = 0; i < 2 && i * 8 < t->size; i++)
		if (c.c[i] == CLASS_INTEGER)
			loc_part(l, i * 8, (uint32_t)MIN(t->size - i * 8, (uint64_t)8), PIECE_REG, regs[n++]);
		else if (c.c[i] != CLASS_NONE)
			loc_part(l, i * 8, 8, PIECE_XMM, 0);
}

const struct abi_ops abi_sysv = { .start = sysv_start, .param = sysv_param, .result = sysv_result };

/* ---- pieces ---- */

static const struct abi_ops *const conventions[] = {
	[LANG_C] = &abi_sysv, [LANG_CXX] = &abi_sysv, [LANG_RUST] = &abi_rust, [LANG_GO] = &abi_go,
};

const struct abi_ops *abi_find(unsigned lang)
{
	return lang < ARRAY_SIZE(conventions) ? conventions[lang] : &abi_sysv;
}

/* One piece may be all of it, and says nothing of the size then. */
static void add_piece(struct loc *l, const struct piece *w, uint64_t off, uint64_t size)
{
	uint32_t n = (uint32_t)MIN(w->size ? w->size : size - off, (uint64_t)UINT16_MAX);

	if (w->kind == PIECE_REG)
		loc_part(l, (uint32_t)off, MIN(n, 8u), PIECE_REG, w->reg & 15);
	else if (w->kind == PIECE_ABI)
		loc_part(l, (uint32_t)off, n, PIECE_GONE, 0);
	else
		loc_part(l, (uint32_t)off, w->kind == PIECE_CONST ? MIN(n, 8u) : n, w->kind, w->value);
}

static bool told(const struct proto_view *p, const struct param *w, struct loc *l)
{
	uint64_t size = p->types[w->type].size, off = 0;

	if (!w->npieces || (w->npieces == 1 && p->pieces[w->piece].kind == PIECE_ABI))
		return false;
	*l = (struct loc){ 0 };
	if (w->npieces == 1 && p->pieces[w->piece].kind == PIECE_CFA) {
		loc_memory(l, BASE_CFA, 0, p->pieces[w->piece].value);
		return true;
	}
	for (uint32_t i = 0; i < w->npieces && off < size && !l->why; i++) {
		const struct piece *piece = &p->pieces[w->piece + i];

		add_piece(l, piece, off, size);
		off += piece->size ? piece->size : size - off;
	}
	/* What does not fit into a register and is passed by a hidden pointer: that is what the register holds. */
	l->indirect = w->npieces == 1 && l->n == 1 && l->part[0].kind == PIECE_REG && size > 8 && by_reference(p, w->type);
	return true;
}

void loc_param(struct abi *a, uint32_t i, struct loc *l)
{
	const struct param *w = &a->p->params[i];
	struct loc other;

	abi_find(a->p->p->lang)->param(a, w->type, l);
	if (told(a->p, w, &other))
		*l = other;
	else if (a->p->p->flags & PROTO_F_OWN_ABI)
		loc_none(l, "abi");
}
