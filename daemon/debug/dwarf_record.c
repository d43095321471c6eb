/* SPDX-License-Identifier: MIT */
/*
 * dwarf_record.c: structs, classes, unions and Rust's enums: their members, base classes, bit-fields, variants, and
 * whether C++ passes them by a hidden pointer.
 */
#include "debug/dwarf_priv.h"

#define MAX_MEMBERS  4096
#define MAX_SEARCHES 256 /* each looks through a whole unit */

struct field {
	struct member m;
	Dwarf_Die type;
	bool typed;
};

struct record {
	struct field *v;
	size_t n, cap;
	const char *name;
	bool variant;  /* Rust: an enum with data */
	bool own_copy; /* C++: something makes copying or destroying it more than moving bytes */
	bool virtual;
	bool generic;       /* its first type argument is known */
	Dwarf_Die argument;
};

static void add(struct dwarf_build *b, struct record *r, const struct field *f)
{
	if (r->n == MAX_MEMBERS)
		dwarf_build_fail(b, -E2BIG);
	else if (util_grow(&r->v, r->n, &r->cap, sizeof(*r->v)))
		dwarf_build_fail(b, -ENOMEM);
	else
		r->v[r->n++] = *f;
}

/* Where a member begins. false: only known at run time. */
static bool location(Dwarf_Die *die, uint64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t n;

	*ret = 0;
	if (!dwarf_attr_integrate(die, DW_AT_data_member_location, &attr))
		return true;
	/* The library makes the same of a constant. */
	if (dwarf_getlocation(&attr, &op, &n) || n != 1 || op->atom != DW_OP_plus_uconst)
		return false;
	*ret = op->number;
	return true;
}

/*
 * A bit-field begins `bits` behind the start. It is given in its declared type's own place where it does not
 * straddle two, else from the byte where it begins.
 */
static void bit_field(struct dwarf_build *b, Dwarf_Die *die, struct field *f, uint64_t record_size)
{
	int64_t size, bits, storage = 0;
	Dwarf_Die type = f->type;
	uint64_t start;

	if (dwarf_constant(die, DW_AT_bit_size, &size))
		return;
	for (int i = 0;
	     i < DWARF_MAX_NEST && type.addr && dwarf_constant(&type, DW_AT_byte_size, &storage);
	     i++)
		if (!dwarf_type_attr(b, &type, &type))
			break;
	if (!dwarf_constant(die, DW_AT_data_bit_offset, &bits)) {
		bits += (int64_t)f->m.offset * 8;
	} else {
		/* DWARF 3: counted from the storage's highest bit. */
		int64_t from_top = 0, bytes = storage;

		dwarf_constant(die, DW_AT_byte_size, &bytes);
		if (dwarf_constant(die, DW_AT_bit_offset, &from_top))
			bits = (int64_t)f->m.offset * 8;
		else
			bits = (int64_t)f->m.offset * 8 + bytes * 8 - from_top - size;
	}
	if (size <= 0 || size > 128 || bits < 0 || storage < 0 || storage > 16) {
		dwarf_build_fail(b, -EBADMSG);
		return;
	}
	start = (uint64_t)bits / 8;
	if (storage &&
	    start / (uint64_t)storage * (uint64_t)storage + (uint64_t)storage <= record_size &&
	    (uint64_t)bits % (8 * (uint64_t)storage) + (uint64_t)size <= 8 * (uint64_t)storage)
		start = start / (uint64_t)storage * (uint64_t)storage;
	f->m.offset = start;
	f->m.bit_offset = (uint16_t)((uint64_t)bits - 8 * start);
	f->m.bit_size = (uint16_t)size;
}

static void add_member(struct dwarf_build *b, struct record *r, Dwarf_Die *die,
		       const struct type *t)
{
	bool base = dwarf_tag(die) == DW_TAG_inheritance;
	struct field f = { .m.flags = base ? MEMBER_F_BASE : 0 };
	int64_t v;

	/* Static ones: DWARF before 5 calls them members too. */
	if (!base && (dwarf_hasattr(die, DW_AT_external) || dwarf_hasattr(die, DW_AT_declaration)))
		return;
	f.typed = dwarf_type_attr(b, die, &f.type);
	if (base && !dwarf_constant(die, DW_AT_virtuality, &v) && v) {
		f.m.flags |= MEMBER_F_VIRTUAL;
		r->virtual = true;
	} else if (!location(die, &f.m.offset)) {
		dwarf_build_fail(b, -EBADMSG);
		return;
	}
	if (!base)
		f.m.name = dwarf_build_text(b, dwarf_diename(die));
	if (!base && f.typed)
		bit_field(b, die, &f, t->size);
	add(b, r, &f);
}

/* Is the function's only explicit parameter a reference to the class itself? */
static bool takes_own_kind(struct dwarf_build *b, Dwarf_Die *function, Dwarf_Die *class)
{
	Dwarf_Die param, type;
	int r, n = 0;
	bool own = false;

	for (r = dwarf_child(function, &param); !r && dwarf_build_step(b);
	     r = dwarf_siblingof(&param, &param)) {
		if (dwarf_tag(&param) != DW_TAG_formal_parameter ||
		    dwarf_hasattr(&param, DW_AT_artificial))
			continue;
		if (++n > 1 || !dwarf_type_attr(b, &param, &type) || !type.addr ||
		    (dwarf_tag(&type) != DW_TAG_reference_type &&
		     dwarf_tag(&type) != DW_TAG_rvalue_reference_type) ||
		    !dwarf_type_attr(b, &type, &type))
			return false;
		if (type.addr && dwarf_tag(&type) == DW_TAG_const_type &&
		    !dwarf_type_attr(b, &type, &type))
			return false;
		own = type.addr == class->addr;
	}
	return own;
}

/* Only asked where the compiler does not say how the class is passed (DW_AT_calling_convention, since DWARF 5). */
static void look_at_function(struct dwarf_build *b, struct record *r, Dwarf_Die *die,
			     Dwarf_Die *class)
{
	const char *name = dwarf_diename(die), *end = r->name ? strchr(r->name, '<') : NULL;
	size_t len = r->name ? end ? (size_t)(end - r->name) : strlen(r->name) : 0;
	int64_t v;

	if (!dwarf_constant(die, DW_AT_virtuality, &v) && v)
		r->virtual = true;
	if (!name || !len ||
	    (!dwarf_constant(die, DW_AT_defaulted, &v) && v == DW_DEFAULTED_in_class))
		return;
	if (name[0] == '~' || (!strncmp(name, r->name, len) && (!name[len] || name[len] == '<') &&
			       takes_own_kind(b, die, class)))
		r->own_copy = true;
}

/* DW_AT_discr_value as the discriminant reads. */
static void add_variant(struct dwarf_build *b, struct record *r, Dwarf_Die *die)
{
	struct field f = { 0 };
	Dwarf_Die child;
	int ret;

	if (dwarf_constant(die, DW_AT_discr_value, &f.m.value))
		f.m.flags |= MEMBER_F_DEFAULT;
	for (ret = dwarf_child(die, &child); !ret && dwarf_build_step(b);
	     ret = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) != DW_TAG_member)
			continue;
		f.typed = dwarf_type_attr(b, &child, &f.type);
		f.m.name = dwarf_build_text(b, dwarf_diename(&child));
		if (!location(&child, &f.m.offset))
			dwarf_build_fail(b, -EBADMSG);
		break;
	}
	if (ret < 0)
		dwarf_build_fail(b, -EBADMSG);
	if (!ret)
		add(b, r, &f);
}

/* Rust: an enum with data. An uninhabited or single variant has no discriminant; the first member then has no type. */
static void add_variants(struct dwarf_build *b, struct record *r, Dwarf_Die *part)
{
	struct field discriminant = { 0 };
	Dwarf_Attribute attr;
	Dwarf_Die child;
	int ret;

	if (r->variant || b->lang != LANG_RUST) {
		dwarf_build_fail(b, -EBADMSG);
		return;
	}
	r->variant = true;
	r->n = 0;
	if (dwarf_attr(part, DW_AT_discr, &attr) && dwarf_formref_die(&attr, &child)) {
		discriminant.typed = dwarf_type_attr(b, &child, &discriminant.type);
		if (!location(&child, &discriminant.m.offset))
			dwarf_build_fail(b, -EBADMSG);
	}
	add(b, r, &discriminant);
	for (ret = dwarf_child(part, &child); !ret && dwarf_build_step(b);
	     ret = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_variant)
			add_variant(b, r, &child);
	if (ret < 0)
		dwarf_build_fail(b, -EBADMSG);
}

static void read_children(struct dwarf_build *b, struct record *r, Dwarf_Die *die,
			  const struct type *t)
{
	Dwarf_Die child;
	int ret;

	for (ret = dwarf_child(die, &child); !ret && dwarf_build_step(b);
	     ret = dwarf_siblingof(&child, &child))
		switch (dwarf_tag(&child)) {
		case DW_TAG_member:
		case DW_TAG_inheritance:
			/* Besides variants: what a coroutine keeps across all of its states. */
			if (!r->variant)
				add_member(b, r, &child, t);
			break;
		case DW_TAG_variant_part:
			add_variants(b, r, &child);
			break;
		case DW_TAG_template_type_parameter:
			if (b->lang == LANG_RUST && !r->generic)
				r->generic = dwarf_type_attr(b, &child, &r->argument);
			break;
		case DW_TAG_subprogram:
			if (b->lang == LANG_CXX)
				look_at_function(b, r, &child, die);
			break;
		}
	if (ret < 0)
		dwarf_build_fail(b, -EBADMSG);
}

static bool is_by_reference(struct dwarf_build *b, uint32_t type)
{
	struct type t = proto_build_get_type(b->out, type);

	for (int i = 0; i < DWARF_MAX_NEST && t.kind == TYPE_ARRAY; i++)
		t = proto_build_get_type(b->out, t.inner);
	return (t.kind == TYPE_STRUCT || t.kind == TYPE_UNION) && t.flags & TYPE_F_BY_REFERENCE;
}

static void build_members(struct dwarf_build *b, struct record *r, struct type *t, unsigned left,
			  unsigned nest)
{
	AUTO_FREE struct member *m = calloc(r->n + 1, sizeof(*m));
	struct type d = { .kind = TYPE_VOID, .inner = PROTO_NO_TYPE };
	bool by_reference = r->own_copy || r->virtual;

	if (!m) {
		dwarf_build_fail(b, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < r->n && !b->err; i++) {
		m[i] = r->v[i].m;
		if (r->v[i].typed)
			m[i].type = dwarf_build_type(b, &r->v[i].type, left, nest + 1);
		else
			m[i].type =
				proto_build_type(b->out, &(struct type){ .kind = TYPE_VOID,
									 .inner = PROTO_NO_TYPE });
		by_reference |= is_by_reference(b, m[i].type);
		if (r->variant && !i)
			d = proto_build_get_type(b->out, m[0].type);
		else if (r->variant)
			m[i].value = dwarf_extend(m[i].value, d.size, d.kind == TYPE_INT);
	}
	/* A discriminant that members' 64 bits cannot tell apart. */
	if (d.size > 8) {
		t->kind = TYPE_UNKNOWN;
		return;
	}
	if (by_reference && b->lang == LANG_CXX)
		t->flags |= TYPE_F_BY_REFERENCE;
	t->nmembers = (uint32_t)r->n;
	t->member = proto_build_members(b->out, m, r->n);
}

/* Where a class that is only declared is defined: elsewhere in its unit, or in that of the function. */
static bool find_definition(struct dwarf_build *b, Dwarf_Die *die)
{
	struct dwarf_unit *from, *unit;
	Dwarf_Die there;
	int err;

	if (!dwarf_hasattr(die, DW_AT_declaration))
		return true;
	if (dwarf_hasattr(die, DW_AT_signature) || ++b->searches > MAX_SEARCHES)
		return false;
	err = dwarf_unit_get(b->file, die, &from);
	if (!err)
		err = dwarf_unit_get(b->file, b->function, &unit);
	if (err) {
		dwarf_build_fail(b, err);
		return false;
	}
	if (dwarf_unit_definition(from, from, die, &there) &&
	    (from == unit || dwarf_unit_definition(unit, from, die, &there)))
		return false;
	*die = there;
	return true;
}

void dwarf_build_record(struct dwarf_build *b, Dwarf_Die *declared, struct type *t, unsigned left,
			unsigned nest)
{
	Dwarf_Die die = *declared;
	struct record r = { 0 };
	int64_t size, convention = 0;

	t->kind = dwarf_tag(&die) == DW_TAG_union_type ? TYPE_UNION : TYPE_STRUCT;
	if (!find_definition(b, &die)) {
		t->flags |= TYPE_F_DECLARATION;
		return;
	}
	if (!dwarf_constant(&die, DW_AT_byte_size, &size)) {
		if (size < 0 || size > DWARF_MAX_SIZE)
			dwarf_build_fail(b, -EBADMSG);
		t->size = (uint64_t)size;
	}
	if (!dwarf_constant(&die, DW_AT_alignment, &size) && size > 0 && size <= 1 << 20)
		t->align = (uint32_t)size;
	r.name = dwarf_diename(&die);
	read_children(b, &r, &die, t);
	if (r.variant)
		t->kind = TYPE_VARIANT;
	if (!b->err)
		build_members(b, &r, t, left, nest);
	/* A vector's pointer has lost the type of its elements: it is a u8 * within. */
	if (!b->err && r.generic && r.name && !strncmp(r.name, "Vec<", 4))
		t->inner = dwarf_build_type(b, &r.argument, left, nest + 1);
	/* What the compiler says is better than what was inferred. */
	if (b->lang == LANG_CXX && !dwarf_constant(&die, DW_AT_calling_convention, &convention)) {
		if (convention == DW_CC_pass_by_reference)
			t->flags |= TYPE_F_BY_REFERENCE;
		else if (convention == DW_CC_pass_by_value)
			t->flags &= (uint8_t)~TYPE_F_BY_REFERENCE;
	}
	free(r.v);
}
