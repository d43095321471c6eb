/* SPDX-License-Identifier: MIT */
/*
 * dwarf_proto.c: from the DIE of a function to its prototype: which parameters it has, in which order, and
 * whether its interface is still the one that the language's convention says.
 */
#include "debug/dwarf_priv.h"

#define MAX_DEPTH 16

/* Parameters of a function's DIE, or of what it was made from. */
struct arg {
	Dwarf_Die die;
	bool concrete; /* this DIE belongs to the code, so it may say where */
};

struct args {
	struct arg v[PROTO_MAX_PARAMS];
	size_t n;
	bool variadic;
};

struct function {
	Dwarf_Die die;
	uint64_t entry;
	struct args args;
	bool llvm, local, copy;
};

static void collect(struct dwarf_build *b, Dwarf_Die *function, struct args *a, bool concrete,
		    unsigned nest)
{
	Dwarf_Die child;
	int r;

	if (nest > DWARF_MAX_NEST) {
		dwarf_build_fail(b, -EBADMSG);
		return;
	}
	for (r = dwarf_child(function, &child); !r && dwarf_build_step(b);
	     r = dwarf_siblingof(&child, &child))
		switch (dwarf_tag(&child)) {
		case DW_TAG_formal_parameter:
			if (a->n < ARRAY_SIZE(a->v))
				a->v[a->n++] = (struct arg){ child, concrete };
			break;
		case DW_TAG_GNU_formal_parameter_pack:
			collect(b, &child, a, concrete, nest + 1);
			break;
		case DW_TAG_unspecified_parameters:
			a->variadic = true;
			break;
		}
	if (r < 0)
		dwarf_build_fail(b, -EBADMSG);
}

static bool refers(Dwarf_Die *die, unsigned name, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, ret);
}

static struct arg *find_concrete(struct args *concrete, const Dwarf_Die *abstract)
{
	Dwarf_Die origin;

	for (size_t i = 0; i < concrete->n; i++) {
		struct arg *a = &concrete->v[i];

		if (a->die.addr && refers(&a->die, DW_AT_abstract_origin, &origin) &&
		    origin.addr == abstract->addr)
			return a;
	}
	return NULL;
}

/*
 * A function that was also inlined has its parameters, in order, in an abstract DIE; that of the code names those that
 * it has, in any order. __in_chrg and __vtt_parm of constructors are in one of the copies only.
 */
static void read_args(struct dwarf_build *b, struct function *fn)
{
	struct args concrete = { 0 }, abstract = { 0 };
	Dwarf_Die origin;
	size_t i;

	collect(b, &fn->die, &concrete, true, 0);
	if (!refers(&fn->die, DW_AT_abstract_origin, &origin)) {
		fn->args = concrete;
		return;
	}
	collect(b, &origin, &abstract, false, 0);
	fn->args.variadic = concrete.variadic || abstract.variadic;
	for (i = 0; i < abstract.n; i++) {
		struct arg *a = find_concrete(&concrete, &abstract.v[i].die);

		if (!a && dwarf_hasattr_integrate(&abstract.v[i].die, DW_AT_artificial))
			continue;
		fn->args.v[fn->args.n++] = a ? *a : abstract.v[i];
		if (a)
			a->die.addr = NULL;
	}
	for (i = 0; i < concrete.n && fn->args.n < PROTO_MAX_PARAMS; i++)
		if (concrete.v[i].die.addr)
			fn->args.v[fn->args.n++] = concrete.v[i];
}

static bool flag(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	bool set;

	return dwarf_attr_integrate(die, name, &attr) && !dwarf_formflag(&attr, &set) && set;
}

/* Has LLVM taken away what nobody needs? It says so since version 18 (DW_CC_nocall), before that only by its absence. */
static bool lost_parameters(struct dwarf_build *b, struct function *fn)
{
	if (!fn->llvm || (!fn->local && b->lang != LANG_RUST))
		return false;
	for (size_t i = 0; i < fn->args.n; i++) {
		struct arg *a = &fn->args.v[i];
		struct dwarf_place place = { 0 };
		Dwarf_Die type;

		if (a->concrete)
			dwarf_place(&a->die, &fn->die, fn->entry, b->lang, &place);
		/* Rust's () and the like are nowhere, and never were. */
		if (!place.told &&
		    !(dwarf_type_attr(b, &a->die, &type) && type.addr &&
		      dwarf_hasattr_integrate(&type, DW_AT_byte_size) && !dwarf_bytesize(&type)))
			return true;
	}
	return false;
}

/*
 * Go's generic functions for a shape of types take a dictionary, which optimized ones do not tell of: it takes a
 * register, so that what is not told is not where it would be.
 */
static bool hides_dictionary(struct dwarf_build *b, struct function *fn)
{
	const char *name = dwarf_diename(&fn->die);

	if (b->lang != LANG_GO || !name || !strstr(name, "go.shape."))
		return false;
	for (size_t i = 0; i < fn->args.n; i++) {
		const char *arg = dwarf_diename(&fn->args.v[i].die);

		if (arg && !strcmp(arg, ".dict"))
			return false;
	}
	return true;
}

static bool has_own_abi(struct dwarf_build *b, struct function *fn)
{
	enum { X86_64_SYSV = 0xc2 }; /* DW_CC_LLVM_X86_64SysV */
	int64_t convention;

	if (!dwarf_constant(&fn->die, DW_AT_calling_convention, &convention) &&
	    convention != DW_CC_normal && convention != DW_CC_program && convention != X86_64_SYSV)
		return true;
	return fn->copy || lost_parameters(b, fn) || hides_dictionary(b, fn);
}

/* All of `size` bytes? LLVM may tell of the first half of a value only. */
static bool covers(const struct dwarf_place *place, uint64_t size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < place->n; i++) {
		if (!place->piece[i].size)
			return place->n == 1;
		sum += place->piece[i].size;
	}
	return sum >= size;
}

static void add_param(struct dwarf_build *b, struct function *fn, struct arg *a, unsigned depth,
		      bool own_abi)
{
	const struct type unknown = { .kind = TYPE_UNKNOWN, .inner = PROTO_NO_TYPE };
	struct param param = { .name = dwarf_build_text(b, dwarf_diename(&a->die)) };
	struct dwarf_place place = { 0 };
	Dwarf_Die type = { 0 };
	bool gnu = !fn->llvm && b->lang != LANG_GO;

	if (dwarf_type_attr(b, &a->die, &type))
		param.type = dwarf_build_type(b, &type, depth, 0);
	else
		param.type = proto_build_type(b->out, &unknown);
	if (a->concrete)
		dwarf_place(&a->die, &fn->die, fn->entry, b->lang, &place);
	place.whole &= covers(&place, proto_build_get_type(b->out, param.type).size);
	if (own_abi && !place.n) {
		place.piece[0] = (struct piece){ .kind = PIECE_GONE };
		place.n = 1;
	} else if (!place.n && type.addr && dwarf_is_vector(b, &type)) {
		place.piece[0] = (struct piece){ .kind = PIECE_XMM };
		place.n = 1;
	} else if (!own_abi &&
		   (!place.whole || (gnu && !place.sure && place.piece[0].kind == PIECE_REG))) {
		/* The convention tells more; and gcc names registers that are loaded later on (register, -fno-var-tracking). */
		place.n = 0;
	}
	param.npieces = (uint32_t)place.n;
	param.piece = proto_build_pieces(b->out, place.piece, place.n);
	proto_build_param(b->out, &param);
}

/* Go's results are parameters of a kind. One stands for itself, more are a struct, laid out as one. */
static uint32_t go_results(struct dwarf_build *b, struct arg *const *result, size_t n,
			   unsigned depth)
{
	struct type t = { .kind = TYPE_STRUCT, .inner = PROTO_NO_TYPE, .nmembers = (uint32_t)n };
	struct member m[PROTO_MAX_PARAMS] = { 0 };
	Dwarf_Die type;

	for (size_t i = 0; i < n; i++) {
		struct type it;
		uint64_t align;

		if (!dwarf_type_attr(b, &result[i]->die, &type))
			return dwarf_build_fail(b, -EBADMSG);
		m[i].name = dwarf_build_text(b, dwarf_diename(&result[i]->die));
		m[i].type = dwarf_build_type(b, &type, depth, 0);
		it = proto_build_get_type(b->out, m[i].type);
		align = it.size >= 8 ? 8 : it.size >= 4 ? 4 : it.size >= 2 ? 2 : 1;
		m[i].offset = (t.size + align - 1) / align * align;
		t.size = m[i].offset + it.size;
		if (t.size > DWARF_MAX_SIZE)
			return dwarf_build_fail(b, -EBADMSG);
	}
	if (n == 1)
		return m[0].type;
	t.size = (t.size + 7) / 8 * 8;
	t.member = proto_build_members(b->out, m, n);
	return proto_build_type(b->out, &t);
}

static void add_params(struct dwarf_build *b, struct function *fn, struct proto *head,
		       unsigned depth)
{
	struct arg *result[PROTO_MAX_PARAMS];
	size_t nresult = 0, i;
	Dwarf_Die type;

	for (i = 0; i < fn->args.n && !b->err; i++) {
		struct arg *a = &fn->args.v[i];

		if (b->lang == LANG_GO && flag(&a->die, DW_AT_variable_parameter))
			result[nresult++] = a;
		else
			add_param(b, fn, a, depth, head->flags & PROTO_F_OWN_ABI);
	}
	if (nresult)
		head->result = go_results(b, result, nresult, depth);
	else if (dwarf_type_attr(b, &fn->die, &type))
		head->result = dwarf_build_type(b, &type, depth, 0);
}

static bool is_method(struct dwarf_build *b, struct function *fn)
{
	Dwarf_Die *first = fn->args.n ? &fn->args.v[0].die : NULL;
	const char *name = first ? dwarf_diename(first) : NULL;

	/* gcc's lambdas call theirs __closure. */
	return b->lang == LANG_CXX && name &&
	       (!strcmp(name, "this") || !strcmp(name, "__closure")) &&
	       flag(first, DW_AT_artificial);
}

/*
 * -g1, -gmlt and Rust's debuginfo=1 leave parameters and types out without saying so. A unit without any type has nothing
 * to say about a function that seems to have neither parameters nor a result. Go's compiler knows no such levels, and its
 * linker puts the types of all packages into a unit of their own.
 */
static int is_told(struct dwarf_build *b, struct function *fn, bool *ret)
{
	struct dwarf_unit *unit;
	Dwarf_Die type;
	int err;

	err = dwarf_unit_get(b->file, &fn->die, &unit);
	if (!err)
		*ret = b->lang == LANG_GO || fn->args.n || fn->args.variadic ||
		       dwarf_type_attr(b, &fn->die, &type) || dwarf_unit_has_types(unit);
	return err;
}

static int build(struct dwarf_file *f, struct function *fn, enum proto_lang lang, unsigned depth,
		 struct proto **ret)
{
	struct dwarf_build b = {
		.file = f, .function = &fn->die, .lang = lang, .out = proto_build_new()
	};
	struct proto head = { .lang = (uint8_t)lang, .result = PROTO_NO_TYPE };
	bool told = true;

	if (!b.out)
		return -ENOMEM;
	memset(&fn->args, 0, sizeof(fn->args));
	read_args(&b, fn);
	if (!b.err)
		b.err = is_told(&b, fn, &told);
	if (!b.err && !told)
		b.err = -ENOENT;
	if (!b.err) {
		head.name = dwarf_build_name(&b, &fn->die);
		head.flags = (uint8_t)((fn->args.variadic ? PROTO_F_VARIADIC : 0) |
				       (is_method(&b, fn) ? PROTO_F_METHOD : 0) |
				       (has_own_abi(&b, fn) ? PROTO_F_OWN_ABI : 0));
		add_params(&b, fn, &head, depth);
	}
	if (!b.err)
		b.err = proto_build_finish(b.out, &head, ret);
	dwarf_build_end(&b);
	return b.err;
}

static int language(Dwarf_Die *unit, enum proto_lang *ret)
{
	/* clang-format off */
	static const struct {
		int dwarf;
		enum proto_lang lang;
	} known[] = {
		{ DW_LANG_C89, LANG_C }, { DW_LANG_C, LANG_C }, { DW_LANG_C99, LANG_C }, { DW_LANG_C11, LANG_C },
		{ 0x2c /* C17 */, LANG_C }, { DW_LANG_ObjC, LANG_C },
		{ DW_LANG_C_plus_plus, LANG_CXX }, { DW_LANG_C_plus_plus_03, LANG_CXX }, { DW_LANG_C_plus_plus_11, LANG_CXX },
		{ DW_LANG_C_plus_plus_14, LANG_CXX }, { 0x2a /* C++17 */, LANG_CXX }, { 0x2b /* C++20 */, LANG_CXX },
		{ DW_LANG_ObjC_plus_plus, LANG_CXX },
		{ DW_LANG_Rust, LANG_RUST }, { DW_LANG_Go, LANG_GO },
	};
	/* clang-format on */
	int lang = dwarf_srclang(unit);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].dwarf == lang) {
			*ret = known[i].lang;
			return 0;
		}
	return -ENOENT;
}

static int describe(struct dwarf_file *f, uint64_t addr, struct function *fn, enum proto_lang *lang)
{
	Dwarf_Die source = fn->die, unit, origin;
	Dwarf_Attribute attr;
	const char *producer;

	/* With link-time optimization the code is in a unit of its own, which does not know the language. */
	for (int i = 0; i < DWARF_MAX_NEST && refers(&source, DW_AT_abstract_origin, &origin); i++)
		source = origin;
	if (!dwarf_diecu(&source, &unit, NULL, NULL))
		return -EBADMSG;
	producer = dwarf_attr(&unit, DW_AT_producer, &attr) ? dwarf_formstring(&attr) : NULL;
	fn->entry = addr;
	fn->llvm = producer && (strstr(producer, "clang") || strstr(producer, "LLVM"));
	fn->local = !flag(&fn->die, DW_AT_external);
	return language(&unit, lang);
}

int dwarf_proto(struct dwarf_file *f, uint64_t addr, unsigned depth, struct proto **ret)
{
	struct function fn = { 0 };
	struct proto_view view;
	struct proto *p = NULL;
	enum proto_lang lang;
	int err;

	err = dwarf_find_function(f, addr, &fn.die);
	if (!err)
		err = describe(f, addr, &fn, &lang);
	if (!err)
		err = dwarf_file_is_copy(f, addr, &fn.copy);
	if (err)
		return err;
	/* Less deep it may fit. */
	depth = MIN(depth, MAX_DEPTH);
	do
		err = build(f, &fn, lang, depth, &p);
	while (err == -E2BIG && depth--);
	if (!err && proto_check(p, p->bytes, &view))
		err = -EBADMSG;
	if (!err)
		*ret = util_steal(&p);
	free(p);
	return err == -E2BIG || err == -EINVAL ? -EBADMSG : err;
}
