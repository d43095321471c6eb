/* SPDX-License-Identifier: MIT */
/*
 * dwarf_type.c: from type DIEs to the types of a prototype: names, pointers, and who makes the others (dwarf_plain.c,
 * dwarf_record.c).
 *
 * A type is made once for each number of pointers that may still be followed behind it. By value it cannot hold itself, so
 * meeting one that is not finished means that the debug information is broken.
 */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) ((e)->added = false)
#include <uthash.h>

#include "debug/dwarf_priv.h"

#define MAX_STEPS (1u << 20) /* DIEs of one prototype */

struct dwarf_type_cache {
	struct {
		void *die;
		uint64_t left;
	} key;
	uint32_t index;
	bool finished, added;
	UT_hash_handle hh;
};

/* A type without typedef, const and the like, and what those told. */
struct peeled {
	Dwarf_Die die;
	Dwarf_Die named; /* the outermost typedef */
	bool is_void, has_name;
	uint8_t go_kind;
};

uint32_t dwarf_build_fail(struct dwarf_build *b, int err)
{
	if (!b->err)
		b->err = err;
	return 0;
}

bool dwarf_build_step(struct dwarf_build *b)
{
	if (++b->dies > MAX_STEPS)
		dwarf_build_fail(b, -E2BIG);
	if (proto_build_error(b->out))
		dwarf_build_fail(b, proto_build_error(b->out));
	return !b->err;
}

int dwarf_constant(Dwarf_Die *die, unsigned name, int64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word word;
	Dwarf_Sword sword;

	if (!dwarf_attr_integrate(die, name, &attr))
		return -ENOENT;
	switch (dwarf_whatform(&attr)) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_udata:
		if (dwarf_formudata(&attr, &word))
			return -ENOENT;
		*ret = (int64_t)word;
		return 0;
	case DW_FORM_sdata:
	case DW_FORM_implicit_const:
		if (dwarf_formsdata(&attr, &sword))
			return -ENOENT;
		*ret = sword;
		return 0;
	}
	return -ENOENT;
}

uint32_t dwarf_build_text(struct dwarf_build *b, const char *text)
{
	return text ? proto_build_string(b->out, text, strnlen(text, DWARF_MAX_NAME)) : 0;
}

static const struct dwarf_scope *scope_of(struct dwarf_build *b, Dwarf_Die *die,
					  struct dwarf_unit **unit)
{
	Dwarf_Die at = *die;
	Dwarf_Attribute attr;
	int hops, err;

	/* What is defined outside of its scope was declared inside. */
	for (hops = 0; hops < DWARF_MAX_NEST; hops++)
		if ((!dwarf_attr(&at, DW_AT_specification, &attr) &&
		     !dwarf_attr(&at, DW_AT_abstract_origin, &attr)) ||
		    !dwarf_formref_die(&attr, &at))
			break;
	err = dwarf_unit_get(b->file, &at, unit);
	if (err) {
		dwarf_build_fail(b, err);
		return NULL;
	}
	return dwarf_unit_scope(*unit, dwarf_dieoffset(&at));
}

uint32_t dwarf_build_name(struct dwarf_build *b, Dwarf_Die *die)
{
	const struct dwarf_scope *scope[DWARF_MAX_NEST], *s = NULL;
	const char *own = dwarf_diename(die);
	char text[DWARF_MAX_NAME];
	struct dwarf_unit *unit;
	size_t n = 0, used = 0;

	if (!own || (b->lang != LANG_CXX && b->lang != LANG_RUST))
		return dwarf_build_text(b, own);
	for (s = scope_of(b, die, &unit); s && n < DWARF_MAX_NEST; s = dwarf_unit_outer(unit, s))
		scope[n++] = s;
	while (n-- && used < sizeof(text)) {
		const char *outer = scope[n]->name;

		if (!outer)
			outer = scope[n]->tag == DW_TAG_namespace ? "(anonymous namespace)"
								  : "(anonymous)";
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s::", outer);
	}
	if (used < sizeof(text))
		snprintf(text + used, sizeof(text) - used, "%s", own);
	return dwarf_build_text(b, text);
}

bool dwarf_type_attr(struct dwarf_build *b, Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	if (!dwarf_attr_integrate(die, DW_AT_type, &attr))
		return false;
	/* Into a file that is not there (dwz), or nowhere. */
	if (!dwarf_formref_die(&attr, ret)) {
		memset(ret, 0, sizeof(*ret));
		return true;
	}
	return true;
}

static void read_go_kind(Dwarf_Die *die, uint8_t *kind)
{
	enum { AT_GO_KIND = 0x2900 }; /* cmd/internal/dwarf/dwarf_defs.go: DW_AT_go_kind */
	Dwarf_Attribute attr;
	Dwarf_Word v;

	if (!*kind && dwarf_attr(die, AT_GO_KIND, &attr) && !dwarf_formudata(&attr, &v) && v < 32)
		*kind = (uint8_t)v;
}

static void peel(struct dwarf_build *b, Dwarf_Die *die, struct peeled *p)
{
	const char *name;
	unsigned i;

	*p = (struct peeled){ .die = *die };
	for (i = 0; i < DWARF_MAX_NEST && p->die.addr && dwarf_build_step(b); i++) {
		if (b->lang == LANG_GO)
			read_go_kind(&p->die, &p->go_kind);
		switch (dwarf_tag(&p->die)) {
		case DW_TAG_typedef:
			name = dwarf_diename(&p->die);
			/* Go's type parameters: .param0 */
			if (p->has_name || !name || *name == '.')
				break;
			p->named = p->die;
			p->has_name = true;
			break;
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
		case DW_TAG_immutable_type:
		case DW_TAG_packed_type:
		case DW_TAG_shared_type:
		case DW_TAG_subrange_type:
			break;
		default:
			return;
		}
		p->is_void = !dwarf_type_attr(b, &p->die, &p->die);
		if (p->is_void)
			return;
	}
	if (i == DWARF_MAX_NEST)
		dwarf_build_fail(b, -EBADMSG);
}

uint64_t dwarf_build_size(struct dwarf_build *b, Dwarf_Die *die, uint64_t otherwise)
{
	int64_t v;

	if (dwarf_constant(die, DW_AT_byte_size, &v))
		return otherwise;
	if (v < 0 || v > DWARF_MAX_SIZE) {
		dwarf_build_fail(b, -EBADMSG);
		return 0;
	}
	return (uint64_t)v;
}

bool dwarf_is_vector(struct dwarf_build *b, Dwarf_Die *die)
{
	struct peeled p;

	peel(b, die, &p);
	return p.die.addr && !p.is_void &&
	       (dwarf_is_float128(&p.die) || (dwarf_tag(&p.die) == DW_TAG_array_type &&
					      dwarf_hasattr_integrate(&p.die, DW_AT_GNU_vector)));
}

/* Plain values are not worth cutting off: without them a pointer could not even be read as a string. */
static bool is_plain(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_base_type || tag == DW_TAG_enumeration_type ||
	       tag == DW_TAG_subroutine_type;
}

static void pointer(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned left,
		    unsigned nest)
{
	struct peeled target;
	Dwarf_Die to;

	t->kind = dwarf_tag(die) == DW_TAG_pointer_type ? TYPE_POINTER : TYPE_REFERENCE;
	t->size = dwarf_build_size(b, die, 8);
	if (!dwarf_type_attr(b, die, &to))
		return;
	peel(b, &to, &target);
	if (target.is_void)
		return;
	if (!left && !(target.die.addr && is_plain(&target.die)))
		t->flags |= TYPE_F_CUT;
	else
		t->inner = dwarf_build_type(b, &to, left ? left - 1 : 0, nest + 1);
}

/* Itanium C++ ABI 2.3: a data member's offset; a member function's address or vtable offset, and what to add to this. */
static void member_pointer(struct dwarf_build *b, Dwarf_Die *die, struct type *t)
{
	const struct type word = { .kind = TYPE_INT, .size = 8, .inner = PROTO_NO_TYPE };
	struct member part[2] = { 0 };
	struct peeled target;
	Dwarf_Die to;

	t->kind = TYPE_INT;
	t->size = 8;
	if (!dwarf_type_attr(b, die, &to))
		return;
	peel(b, &to, &target);
	if (!target.die.addr || dwarf_tag(&target.die) != DW_TAG_subroutine_type)
		return;
	part[0].name = dwarf_build_text(b, "ptr");
	part[1].name = dwarf_build_text(b, "adj");
	part[0].type = part[1].type = proto_build_type(b->out, &word);
	part[1].offset = 8;
	t->kind = TYPE_STRUCT;
	t->size = 16;
	t->nmembers = 2;
	t->member = proto_build_members(b->out, part, 2);
}

/* In Go a value of such a type is a pointer, to the closure. */
static void function(struct dwarf_build *b, Dwarf_Die *die, struct type *t)
{
	t->kind = b->lang == LANG_GO ? TYPE_POINTER : TYPE_FUNCTION;
	if (b->lang == LANG_GO)
		t->size = dwarf_build_size(b, die, 8);
}

static void unspecified(Dwarf_Die *die, struct type *t)
{
	const char *name = dwarf_diename(die);

	if (name && (!strcmp(name, "decltype(nullptr)") || !strcmp(name, "std::nullptr_t") ||
		     !strcmp(name, "nullptr_t"))) {
		t->kind = TYPE_POINTER;
		t->size = 8;
	}
}

/* With type units, the unit of the code has but a declaration, which names the definition by a hash. */
static void find_in_type_unit(struct peeled *p)
{
	Dwarf_Attribute attr;
	Dwarf_Die there;

	if (p->die.addr && !p->is_void && dwarf_attr(&p->die, DW_AT_signature, &attr) &&
	    dwarf_formref_die(&attr, &there) && !dwarf_hasattr(&there, DW_AT_declaration))
		p->die = there;
}

static void fill(struct dwarf_build *b, struct peeled *p, struct type *t, unsigned left,
		 unsigned nest)
{
	bool is_class;
	int tag;

	find_in_type_unit(p);
	tag = p->die.addr ? dwarf_tag(&p->die) : DW_TAG_invalid;
	is_class = tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
		   tag == DW_TAG_union_type || tag == DW_TAG_interface_type;

	*t = (struct type){ .kind = TYPE_UNKNOWN, .go_kind = p->go_kind, .inner = PROTO_NO_TYPE };
	if (p->is_void)
		t->kind = TYPE_VOID;
	/* A class is known by its own name, which a typedef would hide from those who know how it is laid out. */
	if (is_class && b->lang != LANG_C && b->lang != LANG_GO && dwarf_diename(&p->die))
		t->name = dwarf_build_name(b, &p->die);
	else if (p->has_name)
		t->name = dwarf_build_name(b, &p->named);
	else if (p->die.addr && !p->is_void)
		t->name = dwarf_build_name(b, &p->die);
	if (is_class)
		dwarf_build_record(b, &p->die, t, left, nest);
	else if (tag == DW_TAG_base_type)
		dwarf_build_base(b, &p->die, t);
	else if (tag == DW_TAG_pointer_type || tag == DW_TAG_reference_type ||
		 tag == DW_TAG_rvalue_reference_type)
		pointer(b, &p->die, t, left, nest);
	else if (tag == DW_TAG_enumeration_type)
		dwarf_build_enum(b, &p->die, t, nest);
	else if (tag == DW_TAG_array_type)
		dwarf_build_array(b, &p->die, t, left, nest);
	else if (tag == DW_TAG_ptr_to_member_type)
		member_pointer(b, &p->die, t);
	else if (tag == DW_TAG_subroutine_type)
		function(b, &p->die, t);
	else if (tag == DW_TAG_unspecified_type)
		unspecified(&p->die, t);
}

uint32_t dwarf_build_type(struct dwarf_build *b, Dwarf_Die *die, unsigned left, unsigned nest)
{
	struct dwarf_type_cache *c, key = { .key = { die->addr, left } };
	const struct type empty = { .kind = TYPE_UNKNOWN, .inner = PROTO_NO_TYPE };
	struct peeled p;
	struct type t;

	if (!dwarf_build_step(b) || nest > DWARF_MAX_NEST)
		return dwarf_build_fail(b, -EBADMSG);
	HASH_FIND(hh, b->cache, &key.key, sizeof(key.key), c);
	if (c)
		return c->finished ? c->index : dwarf_build_fail(b, -EBADMSG);
	c = calloc(1, sizeof(*c));
	if (!c)
		return dwarf_build_fail(b, -ENOMEM);
	c->key = key.key;
	c->added = true;
	HASH_ADD(hh, b->cache, key, sizeof(c->key), c);
	if (!c->added) {
		free(c);
		return dwarf_build_fail(b, -ENOMEM);
	}
	c->index = proto_build_type(b->out, &empty);
	peel(b, die, &p);
	if (b->err)
		return 0;
	fill(b, &p, &t, left, nest);
	if (!b->err)
		proto_build_set_type(b->out, c->index, &t);
	c->finished = true;
	return b->err ? 0 : c->index;
}

void dwarf_build_end(struct dwarf_build *b)
{
	struct dwarf_type_cache *c, *next;

	HASH_ITER (hh, b->cache, c, next) {
		HASH_DEL(b->cache, c);
		free(c);
	}
	proto_build_free(b->out);
	b->cache = NULL;
	b->out = NULL;
}
