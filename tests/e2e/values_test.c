/* SPDX-License-Identifier: MIT */
/*
 * values_test.c: arguments and results: what the stream says of each call equals what the target wrote down next to
 * that call, for every language, compiler, optimization and kind of debug information.
 */
#include <criterion/criterion.h>
#include "carried.h"

TestSuite(values, .timeout = 600);

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define MAX_SHOWN 10 /* differences of a run */

/* Without debug information only what the user tells; what C's base types can say. */
static const char *const prototypes[] = {
	"v_int(int a, unsigned b) -> int",
	"v_short(short a, unsigned short b) -> short",
	"v_uint(unsigned int a) -> unsigned",
	"v_long(long a, unsigned long b) -> long",
	"v_ullong(long long a, unsigned long long b) -> unsigned long long",
	"v_fixed(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f) -> uint8_t",
	"v_sizes(size_t n, ssize_t m, long d, unsigned long h) -> size_t",
	"v_bool(bool a, bool b) -> bool",
	"v_pointer(void *a, const void *b) -> void *",
	"v_text(const char *s, char *t) -> const char *",
	"v_buffer(char *buf, size_t size) -> char *",
	"v_many(int a, long b, const char *c, short d, unsigned e, char f, int g, const char *h, int8_t i, "
	"unsigned long j) -> long",
	"v_double(double a, int b, float c) -> double",
	"v_variadic(const char *fmt, int n, ...) -> int",
	"v_nothing(void)",
	NULL,
};

struct row {
	const char *target;
	const char *const *functions;
};

/* clang-format off */
static const struct row matrix_c[] = {
	{ "values_c_gcc_O0",          LIST("v_*") },
	{ "values_c_gcc_O2",          LIST("v_*") },
	{ "values_c_gcc_separate",    LIST("v_*") },
	{ "values_c_gcc_nopie",       LIST("v_*") },
	{ "values_c_gcc_nodebug",     prototypes },
	{ "values_c_clang_O0",        LIST("v_*") },
	{ "values_c_clang_O2",        LIST("v_*") },
	{ "values_c_clang_separate",  LIST("v_*") },
	{ "values_c_clang_nodebug",   prototypes },
};

static const struct row matrix_cxx[] = {
	{ "values_cc_gcc_O0",         LIST("values::*") },
	{ "values_cc_gcc_O2",         LIST("values::*") },
	{ "values_cc_gcc_separate",   LIST("values::*") },
	{ "values_cc_clang_O2",       LIST("values::*") },
	{ "values_cc_libcxx_O0",      LIST("values::*") },
	{ "values_cc_libcxx_O2",      LIST("values::*") },
	{ "values_cc_libcxx_separate", LIST("values::*") },
};

static const struct row matrix_rust[] = {
	{ "values_rs_O0",             LIST("values_rs::v::*", "values_rs::Point::*") },
	{ "values_rs_O2",             LIST("values_rs::v::*", "values_rs::Point::*") },
	{ "values_rs_separate",       LIST("values_rs::v::*", "values_rs::Point::*") },
};

static const struct row matrix_go[] = {
	{ "values_go_O0",             LIST("main.V*", "main.(*Point).VMove") },
	{ "values_go_O2",             LIST("main.V*", "main.(*Point).VMove") },
};
/* clang-format on */

static const char *function_of(json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "function"));

	return s ? s : "";
}

/* Is it asked for? Prototypes name functions, globs stand for all. */
static bool is_wanted(const char *function, const char *const *functions)
{
	for (; *functions; functions++) {
		size_t n = strcspn(*functions, "(*");

		if ((*functions)[n] == '*' || (*functions)[n ? n - 1 : 0] == '.' || !n)
			return true;
		if (strlen(function) == n && !strncmp(function, *functions, n))
			return true;
	}
	return false;
}

/* Does the target speak of this function at all? Globs find more. */
static bool is_said(const struct carried *c, json_t *call)
{
	json_t *want;
	size_t i;

	json_array_foreach(c->said, i, want)
		if (same_function(function_of(call), function_of(want)))
			return true;
	return false;
}

static json_t *next_call(const struct carried *c, size_t *at)
{
	json_t *call;

	while ((call = carried_next(c, "call", at)))
		if (is_said(c, call))
			return call;
	return NULL;
}

static bool call_same(json_t *want, json_t *call, char *why, size_t size)
{
	static const char *const keys[] = { "args", "return", "error", "invalid_utf8" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *w = json_object_get(want, keys[i]), *g = json_object_get(call, keys[i]);
		char rest[1024] = "";

		if (!w && !g)
			continue;
		if (w ? !json_same(w, g, rest, sizeof(rest)) : true) {
			snprintf(why, size, "%s%s", keys[i], w ? rest : " is there, for nothing");
			return false;
		}
	}
	return true;
}

/* What gives nothing back may end in a jump to another function. */
static bool is_return(json_t *want, json_t *call)
{
	const char *exit = json_string_value(json_object_get(call, "exit"));

	return exit && (!strcmp(exit, "return") || (!strcmp(exit, "tail_call") && !json_object_get(want, "return")));
}

/* Call after call, in their order. */
static void compare(const struct carried *c, const char *const *functions)
{
	size_t at = 0, i, shown = 0, values = 0;
	json_t *want, *call;
	char why[1200];

	json_array_foreach(c->said, i, want) {
		if (!is_wanted(function_of(want), functions))
			continue;
		call = next_call(c, &at);
		if (!call || !same_function(function_of(call), function_of(want))) {
			cr_expect(false, "%s: %s was called, the stream has %s", c->label, function_of(want),
				  json_shown(call));
			return;
		}
		cr_expect(is_return(want, call), "%s: %s", c->label, json_shown(call));
		values += json_leaves(json_object_get(want, "args")) + json_leaves(json_object_get(want, "return"));
		if (call_same(want, call, why, sizeof(why)))
			continue;
		if (++shown <= MAX_SHOWN)
			cr_expect(false, "%s: call %zu, %s: %s\n  in %s", c->label, i, function_of(want), why,
				  json_shown(call));
	}
	cr_expect_leq(shown, (size_t)MAX_SHOWN, "%s: %zu differences in all", c->label, shown);
	call = next_call(c, &at);
	cr_expect_null(call, "%s: one call too many: %s", c->label, json_shown(call));
	fprintf(stderr, "%s: %zu values compared\n", c->label, values);
}

static void run_matrix(const struct row *rows, size_t n)
{
	need_root();
	for (size_t i = 0; i < n; i++) {
		struct plan p = { .target = rows[i].target, .functions = rows[i].functions, .tpd = { "--depth", "4" } };
		struct carried c;

		if (!carried_built(p.target))
			continue;
		carried_run(&p, &c);
		if (c.ok)
			compare(&c, p.functions);
		carried_free(&c);
	}
}

Test(values, c)
{
	run_matrix(matrix_c, ARRAY_SIZE(matrix_c));
}

Test(values, cxx)
{
	run_matrix(matrix_cxx, ARRAY_SIZE(matrix_cxx));
}

Test(values, rust)
{
	run_matrix(matrix_rust, ARRAY_SIZE(matrix_rust));
}

Test(values, go)
{
	run_matrix(matrix_go, ARRAY_SIZE(matrix_go));
}

/* Memory that ends or is not there, texts of many lengths; and calls of a library whose functions everyone knows. */
Test(values, edges)
{
	static const char *const targets[] = { "values_more_gcc_O0", "values_more_gcc_O2", "values_more_clang_O2" };
	const struct plan plans[] = {
		{ .args = { "1", "1", "texts" }, .functions = LIST("more_text") },
		{ .args = { "1", "1", "errors" }, .functions = LIST("libc.so.6:open", "libc.so.6:close"), .tpd = { "--errors" } },
	};

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(plans) * ARRAY_SIZE(targets); i++) {
		struct plan p = plans[i % ARRAY_SIZE(plans)];
		struct carried c;

		p.target = targets[i / ARRAY_SIZE(plans)];
		if (!carried_built(p.target))
			continue;
		carried_run(&p, &c);
		if (c.ok)
			compare(&c, LIST("*"));
		carried_free(&c);
	}
}

/* ---- options ---- */

/* Runs one function of a target with these options; false if there is no such target. */
static bool run_one(const char *target, const char *const *functions, const char *const *options, struct carried *c)
{
	struct plan p = { .target = target, .functions = functions };

	need_root();
	for (size_t i = 0; options[i]; i++)
		p.tpd[i] = options[i];
	if (!carried_built(target))
		return false;
	carried_run(&p, c);
	return true;
}

Test(values, no_args)
{
	struct carried c;
	size_t at = 0, n = 0;
	json_t *call;

	if (!run_one("values_c_gcc_O2", LIST("v_*"), LIST("--no-args"), &c))
		return;
	for (; (call = next_call(&c, &at)); n++)
		cr_expect(!json_object_get(call, "args") && !json_object_get(call, "return"), "%s", json_shown(call));
	cr_expect_eq(n, json_array_size(c.said));
	carried_free(&c);
}

/* A register, however it is spelled. */
static uint64_t raw_value(json_t *v)
{
	if (json_is_string(v))
		return strtoull(json_string_value(v), NULL, 0);
	return (uint64_t)json_integer_value(v);
}

static uint64_t decimal(json_t *v)
{
	const char *s = json_string_value(v);

	if (!s)
		return (uint64_t)json_integer_value(v);
	return *s == '-' ? (uint64_t)strtoll(s, NULL, 10) : strtoull(s, NULL, 10);
}

Test(values, raw_args)
{
	struct carried c;
	size_t at = 0, i, n = 0;
	json_t *want;

	if (!run_one("values_c_gcc_nodebug", LIST("v_long"), LIST("--raw-args"), &c))
		return;
	json_array_foreach(c.said, i, want) {
		json_t *call, *args, *wanted = json_object_get(want, "args");

		if (strcmp(function_of(want), "v_long"))
			continue;
		call = next_call(&c, &at);
		args = json_object_get(call, "args");
		cr_expect_eq(json_object_size(args), 6, "%s", json_shown(call));
		cr_expect_eq(raw_value(json_object_get(args, "rdi")), decimal(json_object_get(wanted, "a")), "%s",
			     json_shown(call));
		cr_expect_eq(raw_value(json_object_get(args, "rsi")), decimal(json_object_get(wanted, "b")), "%s",
			     json_shown(call));
		cr_expect_eq(raw_value(json_object_get(call, "return")), decimal(json_object_get(want, "return")), "%s",
			     json_shown(call));
		n++;
	}
	cr_expect_eq(n, 2);
	cr_expect_null(next_call(&c, &at));
	carried_free(&c);
}

struct option_row {
	const char *target, *function;
	const char *const *options;
	size_t call; /* which of this function's calls */
	const char *key, *want;
};

/* clang-format off */
static const struct option_row option_rows[] = {
	{ "values_c_gcc_O2", "v_text", LIST("--string-size", "16"), 4, "args",
	  "{\"s\":{\"value\":\"eeeeeeeeeeeeeeee\",\"truncated\":true,\"length\":128},"
	  "\"t\":{\"value\":\"llllllllllllllll\",\"truncated\":true,\"length\":300}}" },
	{ "values_c_gcc_O2", "v_text", LIST("--string-size", "16"), 0, "args", "{\"s\":\"hello\",\"t\":\"\"}" },
	{ "values_c_gcc_O2", "v_int", LIST("--depth", "0"), 2, "args", "{\"a\":-1,\"b\":1}" },
	{ "values_c_gcc_O2", "v_by_pointer", LIST("--depth", "1"), 0, "return", "{\"x\":-2,\"y\":4}" },
	/* the default: 2 */
	{ "values_c_gcc_O2", "v_by_pointer", LIST(NULL), 0, "args",
	  "{\"p\":{\"x\":-3,\"y\":4},\"b\":{\"a\":1,\"b\":-2,\"c\":3,\"d\":4}}" },
	{ "values_cc_gcc_O2", "values::Shape::count", LIST(NULL), 0, "args",
	  "{\"this\":{\"sides\":3,\"label\":\"triangle\"}}" },
	{ "values_go_O2", "main.VResults", LIST(NULL), 0, "args", "{\"a\":7,\"b\":2}" },
};
/* clang-format on */

Test(values, sizes_and_depths)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
		const struct option_row *row = &option_rows[i];
		json_t *want, *call = NULL;
		struct carried c;
		char why[1024] = "";
		size_t at = 0;

		if (!run_one(row->target, LIST(row->function), row->options, &c))
			continue;
		want = json_loads(row->want, JSON_DECODE_ANY, NULL);
		cr_assert_not_null(want);
		for (size_t k = 0; k <= row->call; k++)
			call = next_call(&c, &at);
		cr_expect(json_same(want, json_object_get(call, row->key), why, sizeof(why)), "%s: %s%s\n  in %s",
			  c.label, row->key, why, json_shown(call));
		json_decref(want);
		carried_free(&c);
	}
}

/* ---- filters ---- */

struct where_row {
	const char *target, *function, *where;
	const char *want; /* the first argument of each call that passes */
};

/* clang-format off */
static const struct where_row where_rows[] = {
	{ "values_c_gcc_O2", "v_int",   "return < 0",           "[-2147483648,-1]" },
	{ "values_c_gcc_O2", "v_int",   "a > 0",                "[2147483647]" },
	{ "values_c_gcc_O2", "v_int",   "b == 4294967295",      "[-2147483648]" },
	{ "values_c_gcc_O2", "v_int",   "a < 0 && b == 1",      "[-1]" },
	{ "values_c_gcc_O2", "v_int",   "a == -1 || b == 0",    "[2147483647,-1]" },
	{ "values_c_gcc_O2", "v_schar", "a >= -128 && b != 0",  "[-128]" },
	{ "values_c_gcc_O2", "v_int",   "a == 12345",           "[]" },
	{ "values_c_clang_O2", "v_int", "return < 0",           "[-2147483648,-1]" },
};
/* clang-format on */

Test(values, where)
{
	for (size_t i = 0; i < ARRAY_SIZE(where_rows); i++) {
		const struct where_row *row = &where_rows[i];
		json_t *got = json_array(), *want, *call;
		struct carried c;
		char why[1024] = "";
		size_t at = 0;

		if (!run_one(row->target, LIST(row->function), LIST("--where", row->where), &c)) {
			json_decref(got);
			continue;
		}
		want = json_loads(row->want, 0, NULL);
		while ((call = carried_next(&c, "call", &at)))
			json_array_append(got, json_object_get(json_object_get(call, "args"), "a"));
		cr_expect(json_same(want, got, why, sizeof(why)), "%s: a%s", c.label, why);
		json_decref(want);
		json_decref(got);
		carried_free(&c);
	}
}

/* The target's entries with "failed", in order, and nothing else. */
static void errors_only(const char *target, const char *const *functions)
{
	struct carried c;
	size_t at = 0, i;
	json_t *want, *call;

	if (!run_one(target, functions, LIST("--errors"), &c))
		return;
	json_array_foreach(c.said, i, want) {
		json_t *error = json_object_get(want, "error");

		if (!json_object_get(want, "failed"))
			continue;
		call = carried_next(&c, "call", &at);
		cr_expect(same_function(function_of(call), function_of(want)), "%s: %s failed, the stream has %s", c.label,
			  function_of(want), json_shown(call));
		if (error)
			cr_expect(json_equal(error, json_object_get(call, "error")), "%s: %s instead of %s", c.label,
				  json_shown(json_object_get(call, "error")), json_shown(error));
	}
	call = carried_next(&c, "call", &at);
	cr_expect_null(call, "%s: did not fail: %s", c.label, json_shown(call));
	carried_free(&c);
}

Test(values, errors)
{
	errors_only("values_c_gcc_O2", LIST("v_fails", "v_nothing", "v_uint"));
	errors_only("values_c_clang_O2", LIST("v_fails", "v_nothing", "v_uint"));
	errors_only("values_rs_O2", LIST("values_rs::v::result", "values_rs::v::small_result", "values_rs::v::option"));
	errors_only("values_go_O2", LIST("main.VError", "main.VResults", "main.VNothing"));
}
