/* SPDX-License-Identifier: MIT */
/*
 * proto_print.h: a whole prototype as one line of text, so that tests can compare all of it.
 *
 *   int f(struct point{int x@0; int y@4}*p, std::string& s, ...)
 *
 * Kind, size and name of plain types: u4:unsigned int, i4:int, f8:double, c1:char (cu1: unsigned); struct!: passed by
 * reference; its members, and its size; ~: cut off; ?: not known. Behind a parameter where it is, if that is told:
 * <7> register rdi, <7:8 6:8> pieces, <x> a vector register, <cfa+8>, <=5> a constant, <gone>.
 */
#ifndef TPD_PROTO_PRINT_H
#define TPD_PROTO_PRINT_H

#include "base/util.h"
#include "proto.h"

struct proto_printer {
	const struct proto_view *v;
	FILE *out;
};

static void proto_print_type(struct proto_printer *p, uint32_t index);

static inline void proto_print_members(struct proto_printer *p, const struct type *t)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct member *m = &p->v->members[t->member + i];
		const char *name = p->v->strings + m->name;

		fputs(i ? "; " : "", p->out);
		if (t->kind == TYPE_ENUM) {
			fprintf(p->out, "%s=%lld", name, (long long)m->value);
			continue;
		}
		fputs(m->flags & MEMBER_F_BASE ? ":" : "", p->out);
		fputs(m->flags & MEMBER_F_VIRTUAL ? "virtual " : "", p->out);
		if (t->kind == TYPE_VARIANT && i && m->flags & MEMBER_F_DEFAULT)
			fputs("else ", p->out);
		else if (t->kind == TYPE_VARIANT && i)
			fprintf(p->out, "%lld ", (long long)m->value);
		proto_print_type(p, m->type);
		fprintf(p->out, "%s%s@%llu", *name ? " " : "", name, (unsigned long long)m->offset);
		if (m->bit_size)
			fprintf(p->out, ".%u:%u", m->bit_offset, m->bit_size);
	}
}

static inline void proto_print_aggregate(struct proto_printer *p, uint32_t index, const char *kind)
{
	const struct type *t = &p->v->types[index];
	const char *name = p->v->strings + t->name;

	fprintf(p->out, "%s%s%s%s", kind, t->flags & TYPE_F_BY_REFERENCE ? "!" : "",
		*name ? " " : "", name);
	if (t->go_kind)
		fprintf(p->out, "#%u", t->go_kind);
	if (t->flags & TYPE_F_DECLARATION) {
		fputs("{?}", p->out);
	} else {
		fputs("{", p->out);
		proto_print_members(p, t);
		fprintf(p->out, "}%llu", (unsigned long long)t->size);
	}
	fputs(t->flags & TYPE_F_CUT ? "~" : "", p->out);
}

static void proto_print_type(struct proto_printer *p, uint32_t index)
{
	static const char *const kinds[] = {
		[TYPE_VOID] = "void",	[TYPE_BOOL] = "b",	    [TYPE_CHAR] = "c",
		[TYPE_INT] = "i",	[TYPE_UINT] = "u",	    [TYPE_FLOAT] = "f",
		[TYPE_COMPLEX] = "z",	[TYPE_ENUM] = "enum",	    [TYPE_STRUCT] = "struct",
		[TYPE_UNION] = "union", [TYPE_VARIANT] = "variant", [TYPE_FUNCTION] = "fn",
		[TYPE_UNKNOWN] = "?",
	};
	const struct type *t = index == PROTO_NO_TYPE ? NULL : &p->v->types[index];
	const char *name = t ? p->v->strings + t->name : "";

	if (!t) {
		fputs("void", p->out);
		return;
	}
	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		if (*name)
			fprintf(p->out, "%s=", name);
		proto_print_type(p, t->inner);
		fputs(t->kind == TYPE_POINTER ? "*" : "&", p->out);
		fputs(t->flags & TYPE_F_CUT ? "~" : "", p->out);
		break;
	case TYPE_ARRAY:
		proto_print_type(p, t->inner);
		fprintf(p->out, "[%lld]", (long long)t->count);
		break;
	case TYPE_ENUM:
	case TYPE_STRUCT:
	case TYPE_UNION:
	case TYPE_VARIANT:
		proto_print_aggregate(p, index, kinds[t->kind]);
		break;
	default:
		fputs(kinds[t->kind], p->out);
		if (t->kind == TYPE_CHAR && !(t->flags & TYPE_F_SIGNED))
			fputs("u", p->out);
		if (t->size)
			fprintf(p->out, "%llu", (unsigned long long)t->size);
		fprintf(p->out, "%s%s", *name ? ":" : "", name);
	}
}

static inline void proto_print_place(struct proto_printer *p, const struct param *a)
{
	for (uint32_t i = 0; i < a->npieces; i++) {
		const struct piece *e = &p->v->pieces[a->piece + i];

		fputs(i ? " " : "<", p->out);
		if (e->kind == PIECE_REG)
			fprintf(p->out, "%u", e->reg);
		else if (e->kind == PIECE_CFA)
			fprintf(p->out, "cfa+%lld", (long long)e->value);
		else if (e->kind == PIECE_CONST)
			fprintf(p->out, "=%lld", (long long)e->value);
		else
			fputs(e->kind == PIECE_XMM    ? "x"
			      : e->kind == PIECE_GONE ? "gone"
						      : "abi",
			      p->out);
		if (e->size)
			fprintf(p->out, ":%u", e->size);
	}
	fputs(a->npieces ? ">" : "", p->out);
}

/* malloc'ed. Without places where it does not matter how the function was compiled. */
static inline char *proto_print(const struct proto_view *v, bool places)
{
	struct proto_printer p = { .v = v };
	char *text = NULL;
	size_t len;

	p.out = open_memstream(&text, &len);
	proto_print_type(&p, v->p->result);
	fprintf(p.out, " %s(", v->strings + v->p->name);
	for (uint32_t i = 0; i < v->p->nparams; i++) {
		fputs(i ? ", " : "", p.out);
		proto_print_type(&p, v->params[i].type);
		fprintf(p.out, "%s%s", v->params[i].name ? " " : "",
			v->strings + v->params[i].name);
		if (places)
			proto_print_place(&p, &v->params[i]);
	}
	if (v->p->flags & PROTO_F_VARIADIC)
		fputs(", ...", p.out);
	fputs(")", p.out);
	fputs(v->p->flags & PROTO_F_METHOD ? " method" : "", p.out);
	fputs(v->p->flags & PROTO_F_OWN_ABI ? " own" : "", p.out);
	fclose(p.out);
	return text;
}

#endif
