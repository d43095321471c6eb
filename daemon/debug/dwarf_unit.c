/* SPDX-License-Identifier: MIT */
/*
 * dwarf_unit.c: one walk over a unit, kept: where its functions begin, and which namespaces and classes its DIEs
 * are in, which DWARF tells in one direction only, from the outside in.
 */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) ((e)->added = false)
#include <uthash.h>

#include "debug/dwarf_priv.h"

struct func_list {
	struct dwarf_func *v;
	size_t n, cap;
	bool read;
};

struct dwarf_unit {
	void *key; /* address of its first DIE */
	bool added;
	Dwarf_Die die;
	bool nested; /* its language has scopes */
	bool types;
	struct func_list top, deep;
	struct dwarf_scope *scope;
	size_t nscope, scope_cap;
	UT_hash_handle hh;
};

struct walk {
	struct dwarf_unit *u;
	struct func_list *funcs;
	bool deep;
	unsigned dies;
};

static int add_func(struct walk *w, Dwarf_Die *die)
{
	Dwarf_Addr entry, base, end;

	if (dwarf_hasattr(die, DW_AT_declaration))
		return 0;
	/* In several pieces: the compilers name the hot one, which is entered, first. */
	if (dwarf_entrypc(die, &entry) && dwarf_ranges(die, 0, &base, &entry, &end) <= 0)
		return 0;
	if (!entry)
		return 0;
	if (util_grow(&w->funcs->v, w->funcs->n, &w->funcs->cap, sizeof(*w->funcs->v)))
		return -ENOMEM;
	w->funcs->v[w->funcs->n++] = (struct dwarf_func){ entry, dwarf_dieoffset(die) };
	return 0;
}

/* With type units, a class that something else is inside of may be but the hash of its definition. */
static const char *scope_name(Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	Dwarf_Attribute attr;
	Dwarf_Die there;

	if (!name && dwarf_attr(die, DW_AT_signature, &attr) && dwarf_formref_die(&attr, &there))
		name = dwarf_diename(&there);
	return name;
}

static int add_scope(struct walk *w, Dwarf_Die *die, unsigned tag, uint32_t parent)
{
	struct dwarf_unit *u = w->u;

	if (util_grow(&u->scope, u->nscope, &u->scope_cap, sizeof(*u->scope)))
		return -ENOMEM;
	u->scope[u->nscope++] = (struct dwarf_scope){
		.start = dwarf_dieoffset(die),
		.end = UINT64_MAX,
		.name = scope_name(die),
		.parent = parent,
		.tag = (uint16_t)tag,
		.declared = dwarf_hasattr(die, DW_AT_declaration),
	};
	return 0;
}

static bool is_type(unsigned tag)
{
	switch (tag) {
	case DW_TAG_base_type:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type:
	case DW_TAG_pointer_type:
	case DW_TAG_typedef:
	case DW_TAG_imported_unit: /* dwz moved them away */
		return true;
	}
	return false;
}

static bool is_class(unsigned tag)
{
	return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type;
}

/* What is walked into. A function's inside only for what is hidden there; it is most of the unit. */
static bool enters(const struct walk *w, unsigned tag)
{
	if (tag == DW_TAG_namespace || tag == DW_TAG_module)
		return true;
	if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block)
		return w->deep;
	return is_class(tag) && w->u->nested;
}

static int walk(struct walk *w, Dwarf_Die *parent, uint32_t scope, unsigned nest)
{
	uint32_t last = DWARF_NO_SCOPE;
	Dwarf_Die die;
	int r, err = 0;

	if (nest > DWARF_MAX_NEST)
		return -EBADMSG;
	for (r = dwarf_child(parent, &die); !r && !err; r = dwarf_siblingof(&die, &die)) {
		unsigned tag = (unsigned)dwarf_tag(&die);
		uint32_t inner = scope;

		if (++w->dies > DWARF_MAX_DIES)
			return -EBADMSG;
		if (last != DWARF_NO_SCOPE)
			w->u->scope[last].end = dwarf_dieoffset(&die);
		last = DWARF_NO_SCOPE;
		w->u->types |= is_type(tag);
		if (tag == DW_TAG_subprogram)
			err = add_func(w, &die);
		else if (!w->deep && (tag == DW_TAG_namespace || is_class(tag))) {
			err = add_scope(w, &die, tag, scope);
			last = inner = (uint32_t)w->u->nscope - 1;
		}
		if (!err && enters(w, tag) && dwarf_haschildren(&die) > 0)
			err = walk(w, &die, inner, nest + 1);
	}
	return err ? err : r < 0 ? -EBADMSG : 0;
}

static int func_cmp(const void *a, const void *b)
{
	const struct dwarf_func *x = a, *y = b;

	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->die < y->die ? -1 : x->die > y->die;
}

static int read_funcs(struct dwarf_unit *u, struct func_list *funcs, bool deep)
{
	struct walk w = { .u = u, .funcs = funcs, .deep = deep };
	int err;

	if (funcs->read)
		return 0;
	funcs->n = 0;
	err = walk(&w, &u->die, DWARF_NO_SCOPE, 0);
	if (err)
		return err;
	if (funcs->n)
		qsort(funcs->v, funcs->n, sizeof(*funcs->v), func_cmp);
	funcs->read = true;
	return 0;
}

static void unit_free(struct dwarf_unit *u)
{
	free(u->top.v);
	free(u->deep.v);
	free(u->scope);
	free(u);
}

void dwarf_units_free(struct dwarf_unit *all)
{
	struct dwarf_unit *u, *next;

	HASH_ITER (hh, all, u, next) {
		HASH_DEL(all, u);
		unit_free(u);
	}
}

int dwarf_unit_get(struct dwarf_file *f, const Dwarf_Die *inside, struct dwarf_unit **ret)
{
	struct dwarf_unit **all = dwarf_file_units(f), *u;
	Dwarf_Die copy = *inside, die;
	int lang, err;

	if (!dwarf_diecu(&copy, &die, NULL, NULL))
		return -EBADMSG;
	HASH_FIND_PTR(*all, &die.addr, u);
	if (u) {
		*ret = u;
		return 0;
	}
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->key = die.addr;
	u->die = die;
	lang = dwarf_srclang(&u->die);
	u->nested = lang != DW_LANG_C && lang != DW_LANG_C89 && lang != DW_LANG_C99 &&
		    lang != DW_LANG_C11;
	err = read_funcs(u, &u->top, false);
	if (!err) {
		u->added = true;
		HASH_ADD_PTR(*all, key, u);
		err = u->added ? 0 : -ENOMEM;
	}
	if (err)
		unit_free(u);
	else
		*ret = u;
	return err;
}

int dwarf_unit_funcs(struct dwarf_unit *u, bool deep, const struct dwarf_func **ret, size_t *n)
{
	struct func_list *list = deep ? &u->deep : &u->top;
	int err = read_funcs(u, list, deep);

	if (err)
		return err;
	*ret = list->v;
	*n = list->n;
	return 0;
}

const struct dwarf_scope *dwarf_unit_outer(const struct dwarf_unit *u, const struct dwarf_scope *s)
{
	return s->parent == DWARF_NO_SCOPE ? NULL : &u->scope[s->parent];
}

/*
 * Scopes are in the order of their DIEs, so the last one that begins before, or one around it, is the right one. The last
 * scope inside of another has no end of its own: it ends where that does.
 */
const struct dwarf_scope *dwarf_unit_scope(const struct dwarf_unit *u, uint64_t offset)
{
	const struct dwarf_scope *s, *ret;
	size_t low = 0, high = u->nscope;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (u->scope[mid].start < offset)
			low = mid + 1;
		else
			high = mid;
	}
	ret = low ? &u->scope[low - 1] : NULL;
	for (s = ret; s; s = dwarf_unit_outer(u, s))
		if (s->end <= offset)
			ret = dwarf_unit_outer(u, s);
	return ret;
}

static bool same_names(const struct dwarf_unit *u, const struct dwarf_scope *a,
		       const struct dwarf_unit *other, const struct dwarf_scope *b)
{
	for (; a && b; a = dwarf_unit_outer(u, a), b = dwarf_unit_outer(other, b)) {
		if (a == b)
			return true;
		if (!a->name || !b->name || strcmp(a->name, b->name))
			return false;
	}
	return !a && !b;
}

int dwarf_unit_definition(const struct dwarf_unit *u, const struct dwarf_unit *from,
			  const Dwarf_Die *declared, Dwarf_Die *ret)
{
	Dwarf_Die die = *declared;
	const char *name = dwarf_diename(&die);
	const struct dwarf_scope *outer = dwarf_unit_scope(from, dwarf_dieoffset(&die)), *s;
	Dwarf_Half version;
	uint8_t type;

	/* DWARF 4 numbers the DIEs of .debug_types on their own; such a unit has but one definition anyway. */
	if (dwarf_cu_info(u->die.cu, &version, &type, NULL, NULL, NULL, NULL, NULL) ||
	    type == DW_UT_type)
		return -ENOENT;
	for (size_t i = 0; name && i < u->nscope; i++) {
		s = &u->scope[i];
		if (!s->declared && is_class(s->tag) && s->name && !strcmp(s->name, name) &&
		    same_names(u, dwarf_unit_outer(u, s), from, outer))
			return dwarf_offdie(dwarf_cu_getdwarf(u->die.cu), s->start, ret) ? 0
											 : -ENOENT;
	}
	return -ENOENT;
}

bool dwarf_unit_has_types(const struct dwarf_unit *u)
{
	return u->types;
}
