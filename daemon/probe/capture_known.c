/* SPDX-License-Identifier: MIT */
/*
 * capture_known.c: types of standard libraries whose meaning is not their members: strings, vectors, smart pointers. Typedefs
 * hide their names, so they are known by their members, whose names are reserved to the implementation.
 */
#include "probe/capture_build_priv.h"

enum form {
	FORM_LENGTH,   /* pointer and number of elements */
	FORM_RANGE,    /* pointers to the first element and behind the last */
	FORM_LIBCXX,   /* libc++'s string: short ones lie in the object itself */
	FORM_POINTER,  /* a smart pointer */
	FORM_OPTIONAL, /* value and flag */
	FORM_INNER,    /* a structure around one member */
};

/* size: of the whole type, 0: any. top: its only member or base that is not one of its own pieces, NULL: any. */
static const struct row {
	enum form form;
	unsigned size;
	const char *top, *first, *second;
} rows[] = {
	/* libstdc++ */
	{ FORM_LENGTH, 32, NULL, "_M_p", "_M_string_length" },
	{ FORM_LENGTH, 16, NULL, "_M_str", "_M_len" },
	{ FORM_LENGTH, 16, NULL, "_M_array", "_M_len" },
	{ FORM_LENGTH, 16, NULL, "_M_ptr", "_M_extent_value" },
	{ FORM_RANGE, 24, NULL, "_M_start", "_M_finish" },
	{ FORM_INNER, 0, "_M_elems", "_M_elems", NULL },
	{ FORM_POINTER, 8, "_M_t", "_M_head_impl", NULL },
	{ FORM_POINTER, 16, NULL, "_M_ptr", "_M_refcount" },
	{ FORM_OPTIONAL, 0, NULL, "_M_value", "_M_engaged" },
	/* libc++ */
	{ FORM_LIBCXX, 24, NULL, "__data_", "__s" },
	{ FORM_LENGTH, 16, NULL, "__data_", "__size_" },
	{ FORM_LENGTH, 16, NULL, "__data", "__size" },
	{ FORM_RANGE, 24, NULL, "__begin_", "__end_" },
	{ FORM_INNER, 0, "__elems_", "__elems_", NULL },
	{ FORM_POINTER, 16, NULL, "__ptr_", "__cntrl_" },
	{ FORM_POINTER, 8, "__ptr_", "__value_", NULL },
	{ FORM_POINTER, 8, "__ptr_", "__ptr_", NULL },
	{ FORM_OPTIONAL, 0, NULL, "__val_", "__engaged_" },
};

struct known {
	enum form form;
	bool text;
	uint64_t first, second; /* offsets */
	uint32_t type;          /* of the first member */
	uint32_t elem;          /* PROTO_NO_TYPE: not known */
};

#define ANY_KIND  255
#define LOOKS_MAX 2000000

/* Structures can hold each other in more ways than can be gone: beyond this nothing is known. */
static bool look(struct comp *c)
{
	return c->looks < LOOKS_MAX && ++c->looks;
}

/* The first member of this name and kind in t or its pieces; `reserved`: looks only into what the implementation names. */
static const struct member *seek(struct comp *c, const struct type *t, const char *name, uint8_t kind,
				 bool reserved, unsigned depth, uint64_t *off)
{
	const struct proto_view *p = c->p;

	if ((t->kind != TYPE_STRUCT && t->kind != TYPE_UNION) || !depth || !look(c))
		return NULL;
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct member *m = &p->members[t->member + i], *found;
		const char *its = p->strings + m->name;
		uint64_t inner = 0;

		if (m->flags & MEMBER_F_VIRTUAL)
			continue;
		if (!strcmp(its, name) && (kind == ANY_KIND || kind == p->types[m->type].kind))
			found = m;
		else if (reserved && *its && *its != '_' && !(m->flags & MEMBER_F_BASE))
			found = NULL;
		else
			found = seek(c, &p->types[m->type], name, kind, reserved, depth - 1, &inner);
		if (found) {
			*off = m->offset + inner;
			return found;
		}
	}
	return NULL;
}

static bool implementation_only(const struct proto_view *p, const struct type *t)
{
	for (uint32_t i = 0; i < t->nmembers; i++) {
		const struct member *m = &p->members[t->member + i];

		if (!(m->flags & MEMBER_F_BASE) && p->strings[m->name] && p->strings[m->name] != '_')
			return false;
	}
	return t->nmembers;
}

static uint32_t pointee(const struct proto_view *p, uint32_t type)
{
	return p->types[type].kind == TYPE_POINTER ? p->types[type].inner : PROTO_NO_TYPE;
}

static bool is_word(const struct proto_view *p, const struct member *m)
{
	uint8_t kind = p->types[m->type].kind;

	return (kind == TYPE_INT || kind == TYPE_UINT) && p->types[m->type].size == 8;
}

static bool fits(struct comp *c, const struct type *t, const struct row *row, struct known *k)
{
	const struct proto_view *p = c->p;
	static const uint8_t first_kind[] = {
		[FORM_LENGTH] = TYPE_POINTER, [FORM_RANGE] = TYPE_POINTER, [FORM_LIBCXX] = TYPE_POINTER,
		[FORM_POINTER] = TYPE_POINTER, [FORM_OPTIONAL] = ANY_KIND, [FORM_INNER] = TYPE_ARRAY,
	};
	const struct member *first, *second = NULL;
	const char *top = t->nmembers ? p->strings + p->members[t->member].name : "";

	if ((row->size && t->size != row->size) || (row->top && strcmp(top, row->top)))
		return false;
	first = seek(c, t, row->first, first_kind[row->form], true, SEEK_MAX, &k->first);
	if (first && row->second)
		second = seek(c, t, row->second, ANY_KIND, true, SEEK_MAX, &k->second);
	if (!first || (row->second && !second))
		return false;
	k->form = row->form;
	k->type = first->type;
	k->elem = pointee(p, first->type);
	switch (row->form) {
	case FORM_LENGTH:
		return k->elem != PROTO_NO_TYPE && is_word(p, second);
	case FORM_RANGE:
		return k->elem != PROTO_NO_TYPE && pointee(p, second->type) != PROTO_NO_TYPE;
	case FORM_LIBCXX:
		return k->elem != PROTO_NO_TYPE && p->types[k->elem].size == 1 && k->first == 16;
	case FORM_POINTER:
		/* What a weak pointer points to may be gone. */
		return !strstr(p->strings + t->name, "weak_ptr") &&
		       !strstr(p->strings + p->types[p->members[t->member].type].name, "weak_ptr");
	case FORM_OPTIONAL:
		return p->types[second->type].kind == TYPE_BOOL && p->types[second->type].size == 1;
	case FORM_INNER:
		return true;
	}
	return false;
}

static bool cxx_known(struct comp *c, const struct type *t, struct known *k)
{
	if (!implementation_only(c->p, t))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (fits(c, t, &rows[i], k))
			return true;
	return false;
}

/* ---- Rust: names are whole, members private but stable in meaning ---- */

static const char *last_component(const char *name)
{
	const char *last = name;

	for (const char *s = name; *s && *s != '<'; s++)
		if (s[0] == ':' && s[1] == ':')
			last = s + 2;
	return last;
}

/* The first type argument, looked up by name: vectors no longer hold a pointer of its type. */
static uint32_t argument(const struct proto_view *p, const char *name)
{
	const char *start = strchr(name, '<'), *s = start;
	int nest = 0;

	if (!start)
		return PROTO_NO_TYPE;
	for (s = ++start; *s; s++) {
		nest += (*s == '<' || *s == '(' || *s == '[') - (*s == '>' || *s == ')' || *s == ']');
		if (nest < 0 || (!nest && *s == ','))
			break;
	}
	for (uint32_t i = 0; i < p->p->ntypes; i++)
		if (!strncmp(p->strings + p->types[i].name, start, (size_t)(s - start)) &&
		    !p->strings[p->types[i].name + (size_t)(s - start)])
			return i;
	return PROTO_NO_TYPE;
}

/* Where the first pointer in t is. */
static bool first_pointer(struct comp *c, uint32_t type, unsigned depth, struct known *k)
{
	const struct proto_view *p = c->p;
	const struct type *t = &p->types[type];

	if (t->kind == TYPE_POINTER) {
		k->elem = t->inner;
		k->type = type;
		return t->size == 8;
	}
	for (uint32_t i = 0; i < t->nmembers && t->kind == TYPE_STRUCT && depth && look(c); i++)
		if (first_pointer(c, p->members[t->member + i].type, depth - 1, k)) {
			k->first += p->members[t->member + i].offset;
			return true;
		}
	return false;
}

static bool rust_known(struct comp *c, const struct type *t, struct known *k)
{
	const struct proto_view *p = c->p;
	const char *name = p->strings + t->name, *last = last_component(name);
	const struct member *data = NULL, *len;
	uint64_t at = 0;

	*k = (struct known){ .form = FORM_LENGTH };
	if (t->size == 16 && t->nmembers == 2) {
		data = seek(c, t, "data_ptr", TYPE_POINTER, false, 1, &k->first);
		len = seek(c, t, "length", ANY_KIND, false, 1, &k->second);
		k->elem = data ? pointee(p, data->type) : PROTO_NO_TYPE;
		k->text = name[0] && (!strcmp(name + strlen(name) - 1, "r") || strstr(name, "Box<str"));
		return k->elem != PROTO_NO_TYPE && len && is_word(p, len);
	}
	if (t->size != 24 || (strcmp(last, "String") && strncmp(last, "Vec<", 4)))
		return false;
	k->text = *last == 'S';
	data = seek(c, t, "buf", ANY_KIND, false, 2, &at);
	len = seek(c, t, "len", ANY_KIND, false, 2, &k->second);
	if (!data || !len || !is_word(p, len) || !first_pointer(c, data->type, SEEK_MAX, k))
		return false;
	k->first += at;
	if (!k->text)
		k->elem = t->inner != PROTO_NO_TYPE ? t->inner : argument(p, last);
	return true;
}

/* ---- Go: DW_AT_go_kind ---- */

enum { GO_INTERFACE = 20, GO_SLICE = 23, GO_STRING = 24 }; /* reflect.Kind */

static bool go_known(struct comp *c, const struct type *t, struct known *k)
{
	const struct proto_view *p = c->p;
	const struct member *data, *len;

	*k = (struct known){ .form = FORM_LENGTH, .text = t->go_kind == GO_STRING };
	if (t->go_kind != GO_STRING && t->go_kind != GO_SLICE)
		return false;
	data = seek(c, t, k->text ? "str" : "array", TYPE_POINTER, false, 1, &k->first);
	len = seek(c, t, "len", ANY_KIND, false, 1, &k->second);
	k->elem = data ? pointee(p, data->type) : PROTO_NO_TYPE;
	return data && len && is_word(p, len) && (k->text || k->elem != PROTO_NO_TYPE);
}

static bool known_find(struct comp *c, uint32_t type, struct known *k)
{
	const struct proto_view *p = c->p;
	const struct type *t = &p->types[type];

	*k = (struct known){ 0 };
	if (t->kind != TYPE_STRUCT || t->flags & (TYPE_F_DECLARATION | TYPE_F_CUT))
		return false;
	return p->p->lang == LANG_RUST ? rust_known(c, t, k) : p->p->lang == LANG_GO ? go_known(c, t, k) : cxx_known(c, t, k);
}

static bool is_interface(const struct proto_view *p, uint32_t type)
{
	const struct type *t = &p->types[type];

	return p->p->lang == LANG_GO && t->go_kind == GO_INTERFACE && t->size == 16;
}

/* ---- nodes ---- */

static bool is_byte(const struct proto_view *p, uint32_t type)
{
	return p->types[type].kind == TYPE_UINT && p->types[type].size == 1;
}

static bool is_character(const struct proto_view *p, uint32_t type)
{
	return p->types[type].kind == TYPE_CHAR && p->types[type].size == 1;
}

/* Pointer and length: text, raw bytes, elements copied as they are, or elements that have to be followed one by one. */
static uint32_t build_run(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off,
			  const struct known *k, unsigned depth)
{
	uint64_t stride = k->elem == PROTO_NO_TYPE || k->text ? 1 : c->p->types[k->elem].size;
	bool text = k->text || is_character(c->p, k->elem), bytes = !text && is_byte(c->p, k->elem);
	bool plain = text || bytes || is_plain(c, k->elem, SEEK_MAX);
	uint32_t node = node_new(c, parent, text ? VALUE_TEXT : bytes ? VALUE_BYTES : VALUE_ARRAY, type);
	struct todo *todo;

	if (!stride || stride > FETCH_STR_MAX) {
		node_missing(c, node, stride ? "too_large" : "type");
		return node;
	}
	if (!text && !bytes && plain)
		template_build(c, o, node, k->elem, depth);
	todo = todo_new(c, o, !plain ? TODO_ELEMENTS : k->form == FORM_RANGE ? TODO_RANGE : TODO_LENGTH, node);
	todo->off = off + k->first;
	todo->off2 = off + k->second;
	todo->stride = stride;
	todo->type = k->elem;
	todo->depth = depth;
	todo->count = k->form == FORM_RANGE; /* TODO_ELEMENTS: the end is a pointer */
	c->node[node].v.size = (uint32_t)stride;
	c->node[node].v.number = plain && !text && !bytes ? -1 : 0;
	c->node[node].v.flags |= plain ? 0 : VALUE_F_INLINE;
	return node;
}

/* Elements of a type that is not known: only how many there are. */
static uint32_t build_count(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off)
{
	uint32_t node = node_new(c, parent, VALUE_STRUCT, type), len = node_new(c, node, VALUE_UINT, PROTO_NO_TYPE);

	c->node[node].v.flags |= VALUE_F_CUT;
	c->node[len].v.name = text_add(c, "length");
	leaf(c, o, len, off, 8);
	return node;
}

/* Nothing is null; a value is itself. */
static uint32_t build_optional(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off,
			       const struct known *k, unsigned depth)
{
	uint32_t node = node_new(c, parent, VALUE_VARIANT, type), tag = node_new(c, node, VALUE_BOOL, PROTO_NO_TYPE), some;
	const struct guard outer = o->guard;

	leaf(c, o, tag, off + k->second, 1);
	node_new(c, node, VALUE_CASE, PROTO_NO_TYPE);
	some = node_new(c, node, VALUE_CASE, PROTO_NO_TYPE);
	c->node[some].v.number = 1;
	o->guard = (struct guard){ .off = off + k->second, .size = 1, .value = 1 };
	if (!c->full && !c->err)
		build(c, o, some, k->type, off + k->first, depth);
	o->guard = outer;
	return node;
}

/*
 * Two words: of the type (null: nil) and of the value (runtime/runtime2.go, iface and eface). Interfaces with methods have the
 * type within a table of them.
 */
static uint32_t build_interface(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off)
{
	uint32_t node = node_new(c, parent, VALUE_POINTER, type), in = node_new(c, node, VALUE_STRUCT, PROTO_NO_TYPE);
	uint32_t name = node_new(c, in, VALUE_GO_TYPE, PROTO_NO_TYPE), data = node_new(c, in, VALUE_POINTER, PROTO_NO_TYPE);
	const struct type *t = &c->p->types[type];

	/* Only means something in a result. */
	c->node[node].v.flags |= strcmp(c->p->strings + t->name, "error") ? 0 : VALUE_F_ERROR;
	c->node[name].v.name = text_add(c, "type");
	c->node[data].v.name = text_add(c, "value");
	c->node[name].v.size = 8;
	leaf(c, o, node, off, 8);
	if (t->nmembers && !strcmp(c->p->strings + c->p->members[t->member].name, "_type"))
		leaf(c, o, name, off, 8);
	else
		todo_new(c, o, TODO_GO_TYPE, name)->off = off;
	leaf(c, o, data, off + 8, 8);
	return node;
}

bool is_followed_text(struct comp *c, uint32_t type)
{
	struct known k;

	return known_find(c, type, &k) && (k.form == FORM_LIBCXX || (k.form == FORM_LENGTH &&
	       (k.text || (k.elem != PROTO_NO_TYPE && is_character(c->p, k.elem)))));
}

uint32_t build_known(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth)
{
	struct known k;
	uint32_t node;

	if (o->in_union || o->in_template || c->full || c->err)
		return NONE;
	if (is_interface(c->p, type))
		return build_interface(c, o, parent, type, off);
	if (!known_find(c, type, &k))
		return NONE;
	switch (k.form) {
	case FORM_LENGTH:
	case FORM_RANGE:
		return k.elem == PROTO_NO_TYPE && !k.text ? build_count(c, o, parent, type, off + k.second) :
		       build_run(c, o, parent, type, off, &k, depth);
	case FORM_LIBCXX:
		node = node_new(c, parent, VALUE_TEXT, type);
		todo_new(c, o, TODO_LIBCXX, node)->off = off;
		return node;
	case FORM_OPTIONAL:
		return build_optional(c, o, parent, type, off, &k, depth);
	case FORM_POINTER:
		o->follow = true;
		node = build(c, o, parent, k.type, off + k.first, depth);
		o->follow = false;
		return node;
	case FORM_INNER:
		return build(c, o, parent, k.type, off + k.first, depth);
	}
	return NONE;
}

bool is_plain(struct comp *c, uint32_t type, unsigned depth)
{
	const struct type *t = &c->p->types[type];
	struct known k;

	if (!depth || !look(c) || is_interface(c->p, type) || known_find(c, type, &k))
		return false;
	if (t->kind == TYPE_REFERENCE)
		return false;
	if (t->kind == TYPE_POINTER)
		return t->inner == PROTO_NO_TYPE || !(is_character(c->p, t->inner) ||
						      (c->p->p->lang == LANG_RUST && c->p->strings[t->name] == '&'));
	if (t->kind == TYPE_ARRAY)
		return t->inner != PROTO_NO_TYPE && is_plain(c, t->inner, depth - 1);
	for (uint32_t i = 0; i < t->nmembers && t->kind != TYPE_ENUM; i++) {
		const struct member *m = &c->p->members[t->member + i];

		if (has_secret(c, m->name) || !is_plain(c, m->type, depth - 1))
			return false;
	}
	return true;
}
