/* SPDX-License-Identifier: MIT */
/*
 * exceptions_cxx.c: what libstdc++ and libc++ throw. A message is known only where what() itself is known, by its symbol: any
 * other one would have to be called.
 */
#include "pipeline/exceptions_priv.h"

/* Itanium C++ ABI, exception handling 2.2.1: vendor and language, read as a big-endian number; 1: a dependent exception. */
#define CLASS_GNU   0x474e5543432b2b00ull /* GNUCC++ */
#define CLASS_CLANG 0x434c4e47432b2b00ull /* CLNGC++ */
#define CLASS_DEPENDENT 1ull

/* The text is where the object says, behind its virtual table: it came with the throw. */
static const char in_object[] = "";

/*
 * Held against what e.what() said with libstdc++ 12 and libc++ 14. NULL: this library has no such function, or one that
 * works the text out.
 */
static const struct {
	const char *symbol;
	const char *gnu, *clang;
} whats[] = {
	{ "_ZNKSt13runtime_error4whatEv", in_object, in_object },
	{ "_ZNKSt11logic_error4whatEv", in_object, in_object },
	{ "_ZNKSt12future_error4whatEv", in_object, NULL },
	{ "_ZNKSt8ios_base7failureB5cxx114whatEv", in_object, NULL },
	{ "_ZNKSt8ios_base7failure4whatEv", in_object, NULL },
	{ "_ZNKSt18bad_variant_access4whatEv", in_object, "bad_variant_access" },
	{ "_ZNKSt9exception4whatEv", "std::exception", "std::exception" },
	{ "_ZNKSt9bad_alloc4whatEv", "std::bad_alloc", "std::bad_alloc" },
	{ "_ZNKSt8bad_cast4whatEv", "std::bad_cast", "std::bad_cast" },
	{ "_ZNKSt10bad_typeid4whatEv", "std::bad_typeid", "std::bad_typeid" },
	{ "_ZNKSt13bad_exception4whatEv", "std::bad_exception", "std::bad_exception" },
	{ "_ZNKSt20bad_array_new_length4whatEv", "std::bad_array_new_length", "bad_array_new_length" },
	{ "_ZNKSt17bad_function_call4whatEv", "bad_function_call", NULL },
	{ "_ZNKSt19bad_optional_access4whatEv", "bad optional access", "bad_optional_access" },
	{ "_ZNKSt12bad_any_cast4whatEv", "bad any_cast", "bad any cast" },
	{ "_ZNKSt12bad_weak_ptr4whatEv", "bad_weak_ptr", NULL },
	{ "_ZNKSt3__112bad_weak_ptr4whatEv", NULL, "bad_weak_ptr" },
};

/* Builtin types, as the ABI spells them (5.1.5). */
static const struct {
	const char *name;
	uint8_t size;
	enum val_type type;
} builtins[] = {
	{ "b", 1, VAL_BOOL },  { "c", 1, VAL_S64 },  { "a", 1, VAL_S64 },  { "h", 1, VAL_U64 },  { "s", 2, VAL_S64 },
	{ "t", 2, VAL_U64 },   { "i", 4, VAL_S64 },  { "j", 4, VAL_U64 },  { "l", 8, VAL_S64 },  { "m", 8, VAL_U64 },
	{ "x", 8, VAL_S64 },   { "y", 8, VAL_U64 },  { "w", 4, VAL_S64 },  { "Du", 1, VAL_U64 }, { "Ds", 2, VAL_U64 },
	{ "Di", 4, VAL_U64 },  { "f", 4, VAL_FLOAT }, { "d", 8, VAL_FLOAT },
};

static const struct name_rule runtime[] = {
	{ "__cxa_*", NULL },
	{ "_Unwind_*", NULL },
	{ "__cxxabiv1::*", NULL },
	{ "__gnu_cxx::__verbose_terminate_handler", NULL },
	{ "std::__throw_*", NULL },
	{ "std::__1::__throw_*", NULL },
	{ "std::__1::*", "::__throw_" },
	{ "std::rethrow_exception", NULL },
	{ "std::rethrow_if_nested*", NULL },
	{ "std::throw_with_nested*", NULL },
	{ "std::__throw_with_nested*", NULL },
	{ "std::__1::throw_with_nested*", NULL },
	{ "void std::throw_with_nested*", NULL },
	{ "std::nested_exception::rethrow_nested", NULL },
	{ "std::__exception_ptr::*", NULL },
	{ "std::terminate", NULL },
	{ "std::unexpected", NULL },
};

static const char *const modules[] = { "libstdc++.so", "libc++.so", "libc++abi.so", "libgcc_s.so", "libunwind.so" };

/* What throws an object that exists already. */
static const struct name_rule again[] = {
	{ "__cxa_rethrow*", NULL },
	{ "__cxxabiv1::__cxa_rethrow*", NULL },
	{ "_Unwind_Resume_or_Rethrow", NULL },
	{ "std::rethrow_exception", NULL },
	{ "std::__exception_ptr::rethrow_exception", NULL },
};

/* These take the exception over themselves when there is no handler, or one that must not be left, and terminate. */
static const struct name_rule ends[] = {
	{ "__cxa_throw", NULL },
	{ "__cxa_rethrow*", NULL },
	{ "__cxa_call_terminate", NULL },
	{ "__cxa_call_unexpected", NULL },
	{ "__clang_call_terminate", NULL },
	{ "__gxx_personality_v0", NULL },
	{ "__cxxabiv1::__cxa_*", NULL },
	{ "__cxxabiv1::__gxx_personality_v0", NULL },
	{ "std::rethrow_exception", NULL },
	{ "std::terminate", NULL },
};

/* clang's is local and has no version; gcc's copies of a piece are named after it. */
static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static int tell_value(const struct ev_throw *e, const char *name, struct exception *ex)
{
	uint64_t u = 0;
	float f;

	ex->no_message = "not_an_exception";
	if (!strcmp(name, "PKc") && e->text_len) {
		ex->value_text = strndup(e->text, e->text_len);
		if (!ex->value_text)
			return -ENOMEM;
		ex->value = (struct field){ .key = K_VALUE, .type = VAL_STR, .len = (uint32_t)strlen(ex->value_text),
					    .str = ex->value_text };
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++) {
		unsigned spare = 64 - 8u * builtins[i].size;

		if (strcmp(name, builtins[i].name))
			continue;
		memcpy(&u, e->raw, builtins[i].size);
		ex->value = (struct field){ .key = K_VALUE, .type = builtins[i].type, .u = u };
		if (builtins[i].type == VAL_S64)
			ex->value.s = (int64_t)(u << spare) >> spare;
		memcpy(&f, &u, sizeof(f));
		if (builtins[i].type == VAL_FLOAT && builtins[i].size == sizeof(f))
			ex->value.d = f;
	}
	return 0;
}

/* A C string: whatever fills the room was cut. */
static int tell_text(const struct ev_throw *e, struct exception *ex)
{
	size_t len = strnlen(e->text, e->text_len);
	uint64_t at;

	memcpy(&at, e->raw + 8, sizeof(at));
	if (!at && !len) {
		ex->no_message = "read_fault";
		return 0;
	}
	if (len >= THROW_TEXT - 1)
		ex->message_all = UINT64_MAX;
	return exception_set_text(ex, e, "", len);
}

/* A class: has it a virtual table where std::exception has its own, and a what() that is known? */
static int tell_what(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	bool clang = (e->class & ~CLASS_DEPENDENT) == CLASS_CLANG;
	struct resolved at = { 0 };
	const char *text;

	ex->no_message = "not_an_exception";
	if (!e->what)
		return 0;
	/* An int or a pointer has no table either; which it is, its process could have said. */
	if (!res->address(res->arg, e->h.pid, e->what, true, &at) || !at.module) {
		if (e->type && !(res->address(res->arg, e->h.pid, e->type, true, &at) && at.module))
			ex->no_message = "process_gone";
		return 0;
	}
	if (!at.symbol) {
		ex->no_message = "no_symbol";
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(whats); i++) {
		if (strcmp(at.symbol, whats[i].symbol))
			continue;
		text = clang ? whats[i].clang : whats[i].gnu;
		if (text == in_object)
			return tell_text(e, ex);
		if (text)
			return exception_set_message(ex, text, strlen(text));
	}
	if (!strncmp(at.symbol, "_ZNK", 4) && ends_in(at.symbol, "4whatEv"))
		ex->no_message = "what_overridden";
	return 0;
}

static int tell_cxx(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	uint64_t class = e->class & ~CLASS_DEPENDENT;
	char name[THROW_TEXT + 1] = "";
	const char *pretty, *s = name;
	int err;

	if (class != CLASS_GNU && class != CLASS_CLANG) {
		ex->no_type = ex->no_message = "foreign";
		return 0;
	}
	memcpy(name, e->name, e->name_len);
	/* A name that is compared by address (of a local type) begins so. */
	s += *s == '*';
	/* What was cut would stand for another type, or none. */
	if (!*s || strlen(name) >= THROW_TEXT - 1) {
		ex->no_type = *s ? "truncated" : "read_fault";
		return tell_what(res, e, ex);
	}
	pretty = res->type_name(res->arg, s);
	err = exception_set_type(ex, pretty ? pretty : s);
	if (err)
		return err;
	/* Classes have lengths or nested names in theirs; all else is builtin, a pointer, a function. */
	if ((*s >= '0' && *s <= '9') || *s == 'N' || *s == 'S' || *s == 'Z')
		return tell_what(res, e, ex);
	return tell_value(e, s, ex);
}

const struct language language_cxx = {
	.name = "c++",
	.tell = tell_cxx,
	.runtime = runtime,
	.nruntime = ARRAY_SIZE(runtime),
	.modules = modules,
	.nmodules = ARRAY_SIZE(modules),
	.again = again,
	.nagain = ARRAY_SIZE(again),
	.end = ends,
	.nend = ARRAY_SIZE(ends),
};

static int tell_foreign(const struct resolver *res, const struct ev_throw *e, struct exception *ex)
{
	char name[9] = "";

	for (unsigned i = 0; i < 8; i++) {
		char c = (char)(e->class >> (56 - 8 * i));

		name[i] = c >= ' ' && c < 127 ? c : c ? '?' : ' ';
	}
	ex->no_message = "foreign";
	return exception_set_type(ex, name);
}

const struct language language_foreign = {
	.name = "c",
	.tell = tell_foreign,
	.runtime = runtime,
	.nruntime = ARRAY_SIZE(runtime),
	.again = again,
	.nagain = ARRAY_SIZE(again),
	.end = ends,
	.nend = ARRAY_SIZE(ends),
};
