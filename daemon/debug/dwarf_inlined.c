/* SPDX-License-Identifier: MIT */
/*
 * dwarf_inlined.c: functions that debug information knows and that have no code: each call of them was inlined.
 *
 * One walk over all units: a function of a header is told in each unit that uses it, and one of them may have its code. So
 * what is told is gathered by name, and of what belongs to its unit alone by the line too. What the linker dropped has address 0
 * or none at all.
 */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) ((e)->added = false)
#include <uthash.h>

#include "base/clock.h"
#include "debug/dwarf_priv.h"
#include "target/symbols.h"

#define MAX_DIES  (256u << 20)
#define MAX_KEPT  (1u << 20) /* functions whose names match, functions referred to */
#define MAX_NEST  256	     /* inlined code is nested deeper than anything else */
#define MAX_CHAIN 16	     /* as libdw has it for attributes that are integrated */
#define PER_LOOK  256	     /* DIEs between two looks at the clock */

struct function {
	char *key;
	Dwarf_Die die; /* what was inlined */
	bool inlined, code, more, added;
	uint8_t nusers;
	Dwarf_Off user[DEBUG_INLINED_INTO];
	UT_hash_handle hh;
};

/* A DIE that others refer to. */
struct origin {
	void *addr;
	struct function *function; /* NULL: the pattern does not match */
	bool inside;		   /* of a function, so that no name tells all of it */
	bool added;
	UT_hash_handle hh;
};

struct search {
	struct dwarf_file *file;
	const struct pattern *pattern;
	struct function *functions;
	struct origin *origins;
	uint64_t deadline;
	unsigned dies;
	bool stopped;
};

static bool step(struct search *s)
{
	if (++s->dies > MAX_DIES || (s->dies % PER_LOOK == 0 && clock_mono() > s->deadline))
		s->stopped = true;
	return !s->stopped;
}

static bool refers(Dwarf_Die *die, unsigned name, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, ret);
}

static const char *linkage_name(Dwarf_Die *die)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name };
	const char *s = NULL;
	Dwarf_Attribute attr;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !s; i++)
		s = dwarf_formstring(dwarf_attr_integrate(die, names[i], &attr));
	return s;
}

/* The DIE that gives a function its name: those of code and of definitions outside of a class only refer to it. */
static void named(Dwarf_Die *die)
{
	for (unsigned i = 0; i < MAX_CHAIN; i++)
		if (!refers(die, DW_AT_specification, die) && !refers(die, DW_AT_abstract_origin, die))
			break;
}

static bool has_scopes(Dwarf_Die *die)
{
	Dwarf_Die unit;
	int lang = dwarf_diecu(die, &unit, NULL, NULL) ? dwarf_srclang(&unit) : DW_LANG_C;

	return lang == DW_LANG_Rust ||
	       (lang != DW_LANG_Go && lang != DW_LANG_C && lang != DW_LANG_C89 && lang != DW_LANG_C99 && lang != DW_LANG_C11);
}

/* As a demangler would write it, without parameters. malloc'ed; NULL: it has no name. */
static char *qualified_name(struct search *s, Dwarf_Die *function)
{
	const struct dwarf_scope *scope[DWARF_MAX_NEST], *o = NULL;
	const char *own = dwarf_diename(function);
	char text[DWARF_MAX_NAME];
	struct dwarf_unit *unit;
	Dwarf_Die die = *function;
	size_t n = 0, used = 0;

	named(&die);
	if (own && has_scopes(&die) && !dwarf_unit_get(s->file, &die, &unit))
		o = dwarf_unit_scope(unit, dwarf_dieoffset(&die));
	for (; o && n < DWARF_MAX_NEST; o = dwarf_unit_outer(unit, o))
		scope[n++] = o;
	while (n-- && used < sizeof(text)) {
		const char *outer = scope[n]->name;

		if (!outer)
			outer = scope[n]->tag == DW_TAG_namespace ? "(anonymous namespace)" : "(anonymous)";
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s::", outer);
	}
	if (own && used < sizeof(text))
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", own);
	return own && used < sizeof(text) ? strdup(text) : NULL;
}

static bool matches(const struct pattern *p, const char *linkage)
{
	AUTO_FREE char *pretty = NULL;

	if (pattern_name(p, linkage, NULL))
		return true;
	if (!pattern_worth_demangling(p, linkage))
		return false;
	pretty = symbol_demangle(linkage);
	return pretty && pattern_name(p, linkage, pretty);
}

/* What all DIEs of one function have in common, if the pattern matches it; malloc'ed. */
static char *key_of(struct search *s, Dwarf_Die *die)
{
	const char *linkage = linkage_name(die);
	AUTO_FREE char *name = NULL;
	Dwarf_Attribute attr;
	char *key = NULL;
	int line = 0;

	if (!linkage)
		name = qualified_name(s, die);
	if (linkage ? !matches(s->pattern, linkage) : !name || !pattern_name(s->pattern, name, name))
		return NULL;
	if (linkage || dwarf_attr_integrate(die, DW_AT_external, &attr)) {
		key = strdup(linkage ? linkage : name);
	} else {
		dwarf_decl_line(die, &line);
		key = asprintf(&key, "%s\n%d", name, line) < 0 ? NULL : key;
	}
	s->stopped |= !key;
	return key;
}

static struct function *function_of(struct search *s, Dwarf_Die *die)
{
	char *key = key_of(s, die);
	struct function *f = NULL;

	if (!key)
		return NULL;
	HASH_FIND_STR(s->functions, key, f);
	if (f || HASH_COUNT(s->functions) >= MAX_KEPT)
		goto out;
	f = calloc(1, sizeof(*f));
	if (!f)
		goto out;
	f->key = key;
	f->added = true;
	HASH_ADD_KEYPTR(hh, s->functions, f->key, strlen(f->key), f);
	if (f->added)
		return f;
	free(f);
	f = NULL;
out:
	s->stopped |= !f;
	free(key);
	return f;
}

static struct origin *origin_of(struct search *s, Dwarf_Die *die)
{
	struct origin *o;

	HASH_FIND_PTR(s->origins, &die->addr, o);
	if (o)
		return o;
	o = HASH_COUNT(s->origins) < MAX_KEPT ? calloc(1, sizeof(*o)) : NULL;
	if (o) {
		o->addr = die->addr;
		o->function = function_of(s, die);
		o->added = true;
		HASH_ADD_PTR(s->origins, addr, o);
	}
	if (o && o->added)
		return o;
	s->stopped = true;
	free(o);
	return NULL;
}

static bool has_code(Dwarf_Die *die)
{
	Dwarf_Addr entry, base, end = UINT64_MAX;

	if (dwarf_entrypc(die, &entry) && dwarf_ranges(die, 0, &base, &entry, &end) <= 0)
		return false;
	/* lld writes -1 or -2 where it dropped a function, GNU ld 0, or 1 to 1 in lists. */
	return entry && entry < UINT64_MAX - 1 && entry < end;
}

/* The function itself and, as a constructor's copies have names of their own, what it was made from. */
static void mark_code(struct search *s, Dwarf_Die *die)
{
	struct function *f = function_of(s, die);
	Dwarf_Die at = *die;
	struct origin *o;

	if (f)
		f->code = true;
	for (unsigned i = 0; i < MAX_CHAIN && refers(&at, DW_AT_abstract_origin, &at); i++) {
		o = origin_of(s, &at);
		if (o && o->function)
			o->function->code = true;
	}
}

/* Offset of a function that has code; else 0. */
static Dwarf_Off see_function(struct search *s, Dwarf_Die *die, bool inside)
{
	int64_t how = DW_INL_not_inlined;
	struct origin *o = NULL;

	if (dwarf_hasattr(die, DW_AT_inline)) /* of its own: the code has the same, from where it was made */
		dwarf_constant(die, DW_AT_inline, &how);
	if (inside || how == DW_INL_inlined || how == DW_INL_declared_inlined)
		o = origin_of(s, die);
	if (o)
		o->inside |= inside;
	if (o && o->function && (how == DW_INL_inlined || how == DW_INL_declared_inlined)) {
		o->function->inlined = true;
		o->function->die = *die;
	}
	if (dwarf_hasattr(die, DW_AT_declaration) || !has_code(die))
		return 0;
	mark_code(s, die);
	return dwarf_dieoffset(die);
}

static void see_inlined(struct search *s, Dwarf_Die *die, Dwarf_Off user)
{
	struct function *f;
	struct origin *o;
	Dwarf_Die at = *die;
	size_t i = 0;

	while (i++ < MAX_CHAIN && refers(&at, DW_AT_abstract_origin, &at))
		;
	o = user && at.addr != die->addr ? origin_of(s, &at) : NULL;
	f = o ? o->function : NULL;
	if (!f)
		return;
	/* gcc says of constructors that they were not inlined, and inlines them. */
	f->inlined = true;
	if (!f->die.addr)
		f->die = at;
	for (i = 0; i < f->nusers && f->user[i] != user; i++)
		;
	if (i == f->nusers && i < ARRAY_SIZE(f->user))
		f->user[f->nusers++] = user;
	else if (i == f->nusers)
		f->more = true;
}

/* user: the function with code that this is inside of, 0: none. inside: of any function. */
static void walk(struct search *s, Dwarf_Die *parent, Dwarf_Off user, bool inside, unsigned nest)
{
	Dwarf_Die die;
	int r;

	if (nest > MAX_NEST) {
		s->stopped = true;
		return;
	}
	for (r = dwarf_child(parent, &die); !r && step(s); r = dwarf_siblingof(&die, &die)) {
		Dwarf_Off inner = user;
		bool function = false;

		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			inner = see_function(s, &die, inside);
			function = true;
			break;
		case DW_TAG_inlined_subroutine:
			see_inlined(s, &die, user);
			break;
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_structure_type:
		case DW_TAG_class_type:
		case DW_TAG_union_type:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
		case DW_TAG_with_stmt:
			break;
		default:
			continue;
		}
		if (dwarf_haschildren(&die) > 0)
			walk(s, &die, inner, inside | function, nest + 1);
	}
	s->stopped |= r < 0;
}

static void walk_units(struct search *s)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	uint8_t type;
	int r = 0;

	while (!s->stopped &&
	       !(r = dwarf_get_units(dwarf_file_dwarf(s->file), cu, &cu, NULL, &type, &unit, NULL)))
		if (type == DW_UT_compile || type == DW_UT_partial)
			walk(s, &unit, 0, false, 0);
	s->stopped |= r < 0;
}

static char *pretty_name(struct search *s, Dwarf_Die *die)
{
	const char *linkage = linkage_name(die);

	return linkage ? symbol_pretty(linkage) : qualified_name(s, die);
}

/* Lambdas and what local classes have, of which gcc tells no more than "operator()". */
static bool is_nameless(struct search *s, const struct function *f)
{
	Dwarf_Die die = f->die;
	struct origin *o;

	if (linkage_name(&die) || !has_scopes(&die))
		return false;
	named(&die);
	HASH_FIND_PTR(s->origins, &die.addr, o);
	return o && o->inside;
}

/* libdw's dwarf_decl_file() takes 0 for none, as it was before DWARF 5; clang means the unit's own file. */
static const char *decl_file(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Half version;
	Dwarf_Die unit;
	Dwarf_Files *files;
	Dwarf_Word at;
	size_t n;

	if (dwarf_formudata(dwarf_attr_integrate(die, DW_AT_decl_file, &attr), &at) ||
	    dwarf_cu_info(attr.cu, &version, NULL, &unit, NULL, NULL, NULL, NULL) ||
	    (!at && version < 5) || dwarf_getsrcfiles(&unit, &files, &n) || at >= n)
		return NULL;
	return dwarf_filesrc(files, at, NULL, NULL);
}

static int tell(struct search *s, const struct function *f, dwarf_inlined_cb *cb, void *arg)
{
	char *into[DEBUG_INLINED_INTO] = { NULL };
	Dwarf_Die die = f->die, user;
	struct debug_inlined one = { .more = f->more };
	AUTO_FREE char *name = pretty_name(s, &die);
	int line = 0, err = 0;

	one.name = name;
	one.file = decl_file(&die);
	if (one.file && !dwarf_decl_line(&die, &line) && line > 0)
		one.line = (uint32_t)line;
	for (size_t i = 0, n = 0; i < f->nusers; i++) {
		if (dwarf_offdie(dwarf_file_dwarf(s->file), f->user[i], &user))
			into[i] = pretty_name(s, &user);
		if (into[i] && (!n || strcmp(into[i], one.into[n - 1]) != 0))
			one.into[n++] = into[i];
	}
	if (name)
		err = cb(arg, &one);
	for (size_t i = 0; i < ARRAY_SIZE(into); i++)
		free(into[i]);
	return err;
}

/* First those that can be found in other functions. */
static int tell_all(struct search *s, size_t max, unsigned *flags, dwarf_inlined_cb *cb, void *arg)
{
	struct function *f, *next;
	size_t n = 0;
	int err = 0;

	for (int gone = 0; gone < 2; gone++)
		HASH_ITER(hh, s->functions, f, next) {
			if (!f->inlined || f->code || gone == (f->nusers > 0) || err || is_nameless(s, f))
				continue;
			if (n++ < max)
				err = tell(s, f, cb, arg);
			else
				*flags |= DEBUG_INLINED_MORE;
		}
	return err;
}

static void search_free(struct search *s)
{
	struct function *f, *next_function;
	struct origin *o, *next_origin;

	HASH_ITER(hh, s->functions, f, next_function) {
		HASH_DEL(s->functions, f);
		free(f->key);
		free(f);
	}
	HASH_ITER(hh, s->origins, o, next_origin) {
		HASH_DEL(s->origins, o);
		free(o);
	}
}

int dwarf_inlined(struct dwarf_file *f, const struct pattern *p, size_t max, uint64_t ns, unsigned *flags,
		  dwarf_inlined_cb *cb, void *arg)
{
	struct search s = { .file = f, .pattern = p, .deadline = clock_mono() + ns };
	int err;

	*flags = 0;
	walk_units(&s);
	err = tell_all(&s, max, flags, cb, arg);
	if (s.stopped)
		*flags |= DEBUG_INLINED_STOPPED;
	search_free(&s);
	return err;
}
