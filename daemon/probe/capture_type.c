/* SPDX-License-Identifier: MIT */
/* capture_type.c: from a type to nodes: leaves to be copied, and things to do (todo) for what lies behind pointers. */
#include "probe/capture_build_priv.h"

#define TEXT_INLINE 64 /* arrays of char up to this are copied with their structure */
#define MEMBERS_MAX 256 /* of one structure */

bool has_secret(const struct comp *c, uint32_t name)
{
	/* Names made here, such as arg1, lie behind those of the prototype. */
	return c->conf->secret && c->text[name] && c->conf->secret(c->text + name);
}

void leaf(struct comp *c, const struct object *o, uint32_t node, uint64_t off, uint32_t size)
{
	c->node[node].v.size = size;
	if (o->in_template) {
		c->node[node].v.off = (uint32_t)off;
		return;
	}
	if (!c->err)
		c->err = util_grow(&c->want, c->nwant, &c->want_cap, sizeof(*c->want));
	if (!c->err)
		c->want[c->nwant++] = (struct want){ .node = node, .off = off, .size = size };
}

struct todo *todo_new(struct comp *c, const struct object *o, enum todo_kind kind, uint32_t node)
{
	static struct todo nowhere;

	if (!c->err)
		c->err = util_grow(&c->todo, c->ntodo, &c->todo_cap, sizeof(*c->todo));
	if (c->err)
		return memset(&nowhere, 0, sizeof(nowhere));
	c->todo[c->ntodo] = (struct todo){ .kind = kind, .node = node, .type = PROTO_NO_TYPE, .guard = o->guard };
	return &c->todo[c->ntodo++];
}

/* ---- scalars ---- */

/* Numbers in all but their base type. */
static bool is_number(const struct comp *c, const struct type *t)
{
	return !strcmp(c->p->strings + t->name, "int8_t") || !strcmp(c->p->strings + t->name, "uint8_t");
}

static bool is_text(const struct comp *c, uint32_t type)
{
	const struct type *t = &c->p->types[type];

	return t->kind == TYPE_CHAR && t->size == 1 && !is_number(c, t);
}

/* Arrays of unsigned char hold bytes more often than text, and a NUL would hide what follows. */
static bool is_plain_char(const struct comp *c, uint32_t type)
{
	const struct type *t = &c->p->types[type];
	const char *name = c->p->strings + t->name;

	return is_text(c, type) && strcmp(name, "signed char") &&
	       (t->flags & TYPE_F_SIGNED || !strcmp(name, "char") || !strcmp(name, "char8_t"));
}

static uint32_t build_scalar(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off)
{
	static const uint8_t kinds[] = {
		[TYPE_BOOL] = VALUE_BOOL, [TYPE_CHAR] = VALUE_CHAR, [TYPE_INT] = VALUE_INT,
		[TYPE_UINT] = VALUE_UINT, [TYPE_FLOAT] = VALUE_FLOAT, [TYPE_ENUM] = VALUE_ENUM,
	};
	const struct type *t = &c->p->types[type];
	uint32_t node = node_new(c, parent, kinds[t->kind], type);
	struct value *v = &c->node[node].v;

	if (!t->size || t->size > 16 || (t->kind == TYPE_FLOAT && t->size > 8 && strstr(c->p->strings + t->name, "128"))) {
		node_missing(c, node, "type");
		return node;
	}
	if (t->kind == TYPE_CHAR && (is_number(c, t) || (o->in_array && t->size == 1 && !is_plain_char(c, type))))
		v->kind = t->flags & TYPE_F_SIGNED ? VALUE_INT : VALUE_UINT;
	if (t->flags & TYPE_F_SIGNED)
		v->flags |= VALUE_F_SIGNED;
	leaf(c, o, node, off, (uint32_t)t->size);
	return node;
}

/* Do the enumerators name single bits? 0, 1, 2 alone count, and do not. */
static bool are_flags(const struct proto_view *p, const struct type *t)
{
	uint64_t bits = 0, most = 0;

	for (uint32_t i = 0; i < t->nmembers; i++) {
		uint64_t v = (uint64_t)p->members[t->member + i].value;

		bits |= v & (v - 1) ? 0 : v;
		most = MAX(most, v);
	}
	for (uint32_t i = 0; i < t->nmembers; i++)
		if ((uint64_t)p->members[t->member + i].value & ~bits)
			return false;
	return most >= 4;
}

static uint32_t build_enum(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off)
{
	uint32_t node = build_scalar(c, o, parent, type, off);
	const struct type *t = &c->p->types[type];

	if (c->node[node].v.kind != VALUE_ENUM || c->err || c->full)
		return node;
	c->node[node].enumerators = type;
	if (t->flags & TYPE_F_FLAGS || are_flags(c->p, t))
		c->node[node].v.flags |= VALUE_F_FLAGS;
	return node;
}

static uint32_t build_complex(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off)
{
	uint32_t node = node_new(c, parent, VALUE_STRUCT, type), half = (uint32_t)(c->p->types[type].size / 2);
	static const char *const names[] = { "re", "im" };

	for (uint32_t i = 0; i < 2; i++) {
		uint32_t part = node_new(c, node, VALUE_FLOAT, PROTO_NO_TYPE);

		if (c->full || c->err)
			break;
		c->node[part].v.name = text_add(c, names[i]);
		leaf(c, o, part, off + i * half, half);
	}
	return node;
}

/* ---- pointers ---- */

/* Rust and C++ have pointers that always lead to a value. */
static bool is_reference(const struct comp *c, const struct type *t)
{
	const char *name = c->p->strings + t->name;

	return t->kind == TYPE_REFERENCE ||
	       (c->p->p->lang == LANG_RUST && (name[0] == '&' || !strncmp(name, "alloc::boxed::Box<", 18) ||
					       !strncmp(name, "Box<", 4)));
}

#define GO_MAP  21 /* reflect.Kind */
#define GO_CHAN 18
#define GO_FUNC 19

static bool leads_to_object(struct comp *c, const struct type *t, unsigned depth, bool any)
{
	const struct type *to;

	if (t->inner == PROTO_NO_TYPE || t->go_kind == GO_MAP || t->go_kind == GO_CHAN || t->go_kind == GO_FUNC)
		return false;
	to = &c->p->types[t->inner];
	if (to->kind == TYPE_STRUCT || to->kind == TYPE_UNION || to->kind == TYPE_VARIANT)
		return (depth || is_followed_text(c, t->inner)) && !(to->flags & TYPE_F_DECLARATION) && to->nmembers;
	if (to->kind == TYPE_VOID || to->kind == TYPE_FUNCTION || to->kind == TYPE_UNKNOWN)
		return false;
	return any || is_reference(c, t) || (to->kind == TYPE_ARRAY && to->flags & TYPE_F_COUNTED);
}

/* A pointer is kept as a number, and what it points to below it, as far as it is to be followed. */
static uint32_t build_pointer(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	uint32_t node = node_new(c, parent, VALUE_POINTER, type);
	bool follow = !o->in_template && !o->in_union && !c->full;
	struct todo *todo;

	/* At the return the parameter that tells how many is no longer known. */
	follow = follow && !(t->inner != PROTO_NO_TYPE && c->p->types[t->inner].flags & TYPE_F_COUNTED &&
			     c->p->types[t->inner].kind == TYPE_ARRAY && c->now != &c->prog[0]);

	if (t->size != 8) {
		node_missing(c, node, "type");
		return node;
	}
	if (follow && t->inner != PROTO_NO_TYPE && is_text(c, t->inner) && !is_reference(c, t)) {
		todo = todo_new(c, o, TODO_TEXT, node);
	} else if (follow && leads_to_object(c, t, depth, o->follow)) {
		todo = todo_new(c, o, TODO_OBJECT, node);
		todo->type = t->inner;
		todo->depth = depth ? depth - 1 : 0;
		todo->never_null = is_reference(c, t);
	} else {
		leaf(c, o, node, off, 8);
		return node;
	}
	todo->off = off;
	c->node[node].v.size = 8;
	if (!todo->never_null)
		leaf(c, o, node, off, 8);
	return node;
}

/* ---- arrays ---- */

/* Elements that have something to be followed: each is a value of its own, as many as are wanted. */
static uint32_t build_elements(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	uint32_t node = node_new(c, parent, VALUE_ARRAY, type);

	c->node[node].v.flags |= VALUE_F_INLINE;
	c->node[node].v.size = (uint32_t)c->p->types[t->inner].size;
	c->node[node].v.number = (int64_t)t->count;
	for (uint64_t i = 0; i < t->count && i < c->conf->elements && !c->full && !c->err; i++)
		build(c, o, node, t->inner, off + i * c->p->types[t->inner].size, depth);
	return node;
}

void template_build(struct comp *c, const struct object *o, uint32_t node, uint32_t type, unsigned depth)
{
	struct object in = { .loc = o->loc, .want = c->nwant, .todo = c->ntodo, .secret = c->nsecret, .in_template = true,
			     .in_array = true };

	build(c, &in, node, type, 0, depth);
	c->nsecret = in.secret;
}

static uint32_t build_array(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	uint64_t stride = t->inner == PROTO_NO_TYPE ? 0 : c->p->types[t->inner].size, count = t->count, shown;
	uint32_t node;
	bool text, memory;

	if (!stride || !count || t->flags & TYPE_F_COUNTED || count > UINT32_MAX / stride || o->in_template) {
		node = node_new(c, parent, VALUE_ARRAY, type);
		if (o->in_template && stride && count <= UINT32_MAX / stride && is_plain(c, t->inner, SEEK_MAX)) {
			c->node[node].v.number = (int64_t)count;
			c->node[node].v.off = (uint32_t)off;
			c->node[node].v.size = (uint32_t)stride;
			template_build(c, o, node, t->inner, depth);
		} else if (count == UINT64_MAX || !count) {
			c->node[node].v.flags |= count ? VALUE_F_CUT : 0; /* a flexible array */
		} else {
			node_missing(c, node, "type");
		}
		return node;
	}
	text = is_plain_char(c, t->inner);
	if (!text && !is_plain(c, t->inner, SEEK_MAX))
		return build_elements(c, o, parent, type, off, depth);
	memory = in_memory(o->loc, off, count * stride);
	node = node_new(c, parent, text && count > TEXT_INLINE && memory ? VALUE_TEXT : VALUE_ARRAY, type);
	shown = text ? MIN(count, (uint64_t)TEXT_INLINE) : MIN(count, (uint64_t)c->conf->elements);
	if (c->full || c->err)
		return node;
	c->node[node].v.number = (int64_t)count;
	if (c->node[node].v.kind == VALUE_ARRAY) {
		template_build(c, o, node, t->inner, depth);
		c->node[node].v.size = (uint32_t)stride;
	}
	if (!memory && count * stride > 256) {
		node_missing(c, node, "abi");
	} else if (memory && (shown < count || shown * stride > 256)) {
		struct todo *todo = todo_new(c, o, text ? TODO_TEXT_AT : TODO_ARRAY_AT, node);

		todo->off = off;
		todo->count = count;
		todo->stride = stride;
		c->node[node].v.number = text ? (int64_t)count : -1;
	} else {
		leaf(c, o, node, off, (uint32_t)(count * stride));
		c->node[node].v.size = (uint32_t)stride;
	}
	return node;
}

/* ---- structures ---- */

static void add_secret(struct comp *c, const struct object *o, uint64_t off, uint64_t size)
{
	if (o->in_template)
		return;
	if (!c->err)
		c->err = util_grow(&c->secret, c->nsecret, &c->secret_cap, sizeof(*c->secret));
	if (!c->err)
		c->secret[c->nsecret++] = (struct range){ off, off + MAX(size, (uint64_t)1) };
}

static uint32_t build_bits(struct comp *c, struct object *o, uint32_t parent, const struct member *m, uint64_t off)
{
	const struct type *t = &c->p->types[m->type];
	uint32_t node = t->kind == TYPE_ENUM ? build_enum(c, o, parent, m->type, off) : build_scalar(c, o, parent, m->type, off);
	unsigned bit = m->bit_offset % 8;
	uint32_t bytes = (bit + m->bit_size + 7) / 8;

	if (c->full || c->err || c->node[node].v.kind == VALUE_MISSING)
		return node;
	c->node[node].v.bit_off = (uint8_t)bit;
	c->node[node].v.bit_size = (uint8_t)m->bit_size;
	off += m->bit_offset / 8;
	c->node[node].v.size = bytes;
	if (o->in_template) {
		c->node[node].v.off = (uint32_t)off;
	} else {
		c->want[c->nwant - 1].off = off;
		c->want[c->nwant - 1].size = bytes;
	}
	return node;
}

static bool is_scalar(const struct type *t)
{
	return t->kind <= TYPE_ENUM && t->kind != TYPE_VOID && t->kind != TYPE_FLOAT && t->kind != TYPE_COMPLEX;
}

static void build_member(struct comp *c, struct object *o, uint32_t parent, const struct member *m, uint64_t off,
			 unsigned depth)
{
	const char *name = c->p->strings + m->name;
	bool inline_ = m->flags & MEMBER_F_BASE || !*name;
	uint32_t node;

	/* The compiler's own: pointer to virtual functions. */
	if (!strncmp(name, "_vptr", 5))
		return;
	if (has_secret(c, m->name)) {
		node = node_new(c, parent, VALUE_MISSING, PROTO_NO_TYPE);
		node_missing(c, node, "masked");
		add_secret(c, o, off + m->offset, m->bit_size ? (m->bit_offset + m->bit_size + 7u) / 8u : c->p->types[m->type].size);
	} else if (m->flags & MEMBER_F_VIRTUAL) {
		node = node_new(c, parent, VALUE_MISSING, PROTO_NO_TYPE);
		node_missing(c, node, "virtual_base");
		c->node[node].v.name = c->p->types[m->type].name;
		return;
	} else if (m->bit_size && m->bit_size <= 64 && is_scalar(&c->p->types[m->type])) {
		node = build_bits(c, o, parent, m, off + m->offset);
	} else if (m->bit_size) {
		node = node_new(c, parent, VALUE_MISSING, m->type);
		node_missing(c, node, "type");
	} else {
		node = build(c, o, parent, m->type, off + m->offset, depth);
	}
	if (c->full || c->err)
		return;
	c->node[node].v.name = m->name;
	if (inline_ && c->node[node].v.kind == VALUE_STRUCT)
		c->node[node].v.flags |= VALUE_F_INLINE;
	else if (m->flags & MEMBER_F_BASE)
		c->node[node].v.name = c->p->types[m->type].name;
}

static uint32_t build_struct(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	uint32_t node = node_new(c, parent, VALUE_STRUCT, type);
	bool in_union = o->in_union;

	if (t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT) || (!c->conf->depth && t->nmembers) || t->nmembers > MEMBERS_MAX)
		c->node[node].v.flags |= VALUE_F_CUT;
	o->in_union = in_union || t->kind == TYPE_UNION;
	o->in_array = false;
	for (uint32_t i = 0; i < t->nmembers && i < MEMBERS_MAX && c->conf->depth && !c->full && !c->err; i++)
		build_member(c, o, node, &c->p->members[t->member + i], off, depth);
	o->in_union = in_union;
	if (!c->full && !c->err)
		names_unique(c, node);
	return node;
}

/* ---- Rust's enums with data ---- */

/* What a variant carries: nothing, its one field, or a structure. */
static void build_payload(struct comp *c, struct object *o, uint32_t parent, const struct member *m, uint64_t off,
			  unsigned depth)
{
	const struct type *t = &c->p->types[m->type];

	if (t->kind == TYPE_STRUCT && !t->nmembers && !(t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT)))
		return;
	if (t->kind == TYPE_STRUCT && t->nmembers == 1 && !strcmp(c->p->strings + c->p->members[t->member].name, "__0"))
		build_member(c, o, parent, &c->p->members[t->member], off + m->offset, depth);
	else
		build(c, o, parent, m->type, off + m->offset, depth);
}

static struct guard guard_of(const struct comp *c, const struct type *t, const struct member *m, uint64_t off)
{
	const struct member *tag = &c->p->members[t->member];
	struct guard g = { .off = off + tag->offset, .size = (uint8_t)MIN(c->p->types[tag->type].size, (uint64_t)255),
			   .value = m->value };

	if (g.size != 1 && g.size != 2 && g.size != 4 && g.size != 8)
		g.size = 0;
	if (g.size && g.size < 8)
		g.value &= (INT64_C(1) << g.size * 8) - 1;
	if (m->flags & MEMBER_F_DEFAULT) {
		/* The usual case of a niche: null means the other one. */
		g.nonzero = t->nmembers == 3 && !(m[1 - 2 * (m == tag + 2)].value);
		g.size = g.nonzero ? g.size : 0;
	}
	return g;
}

static uint32_t build_variant(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	uint32_t node = node_new(c, parent, VALUE_VARIANT, type), one;
	const struct guard outer = o->guard;
	const struct member *m = &c->p->members[t->member];

	/* One variant needs no discriminant. */
	if (t->nmembers == 2 && c->p->types[m->type].kind == TYPE_VOID) {
		c->node[node].v.kind = VALUE_STRUCT;
		one = build(c, o, node, m[1].type, off + m[1].offset, depth);
		c->node[one].v.name = m[1].name;
		return node;
	}
	if (!t->nmembers || t->flags & TYPE_F_CUT || !is_scalar(&c->p->types[m->type]) || t->nmembers > MEMBERS_MAX) {
		node_missing(c, node, "type");
		return node;
	}
	build_scalar(c, o, node, m->type, off + m->offset);
	for (uint32_t i = 1; i < t->nmembers && !c->full && !c->err; i++) {
		m = &c->p->members[t->member + i];
		one = node_new(c, node, VALUE_CASE, PROTO_NO_TYPE);
		c->node[one].v.name = m->name;
		c->node[one].v.number = m->value;
		c->node[one].v.flags = (m->flags & MEMBER_F_DEFAULT ? VALUE_F_DEFAULT : 0) |
				       (!strcmp(c->p->strings + m->name, "Err") ? VALUE_F_ERROR : 0);
		o->guard = guard_of(c, t, m, off);
		if (!c->full && !c->err)
			build_payload(c, o, one, m, off, depth);
		o->guard = outer;
	}
	return node;
}

/* ---- all types ---- */

static uint32_t build_plain(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	uint32_t node;

	switch ((enum type_kind)c->p->types[type].kind) {
	case TYPE_BOOL:
	case TYPE_CHAR:
	case TYPE_INT:
	case TYPE_UINT:
	case TYPE_FLOAT:
		return build_scalar(c, o, parent, type, off);
	case TYPE_COMPLEX:
		return build_complex(c, o, parent, type, off);
	case TYPE_ENUM:
		return build_enum(c, o, parent, type, off);
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		return build_pointer(c, o, parent, type, off, depth);
	case TYPE_ARRAY:
		return build_array(c, o, parent, type, off, depth);
	case TYPE_STRUCT:
	case TYPE_UNION:
		return build_struct(c, o, parent, type, off, depth);
	case TYPE_VARIANT:
		return build_variant(c, o, parent, type, off, depth);
	default:
		node = node_new(c, parent, VALUE_MISSING, type);
		node_missing(c, node, "type");
		return node;
	}
}

uint32_t build(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	uint32_t node;

	if (off > UINT32_MAX / 2)
		c->full = true;
	node = build_known(c, o, parent, type, off, depth);
	if (node == NONE)
		node = build_plain(c, o, parent, type, off, depth);
	return node;
}

void build_object(struct comp *c, const struct loc *l, uint32_t parent, uint32_t type, unsigned depth, uint32_t *node)
{
	struct object o = { .loc = l, .want = c->nwant, .todo = c->ntodo, .secret = c->nsecret };

	*node = build(c, &o, parent, type, 0, depth);
	if (!c->full && !c->err)
		emit_wants(c, &o);
	for (size_t i = o.todo; i < c->ntodo && !c->full && !c->err; i++) {
		const struct todo t = c->todo[i];

		todo_run(c, l, &t);
	}
	c->nwant = o.want;
	c->ntodo = o.todo;
	c->nsecret = o.secret;
}
