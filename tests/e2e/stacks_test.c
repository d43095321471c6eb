/* SPDX-License-Identifier: MIT */
/*
 * stacks_test.c: tracebacks of calls: function names, lines and inlined frames equal what the target wrote down, however
 * it was compiled and linked, and although it has ended when they are told.
 */
#include <criterion/criterion.h>
#include "carried.h"

TestSuite(stacks, .timeout = 300);

static void compare(const struct carried *c, bool lines)
{
	size_t at = 0, i;
	char why[1024];
	json_t *want, *call;

	json_array_foreach(c->said, i, want) {
		call = carried_next(c, "call", &at);
		cr_assert_not_null(call, "%s: no record of call %zu", c->label, i);
		cr_expect(stack_same(json_object_get(want, "stack"), json_object_get(call, "stack"), lines, false, why,
				     sizeof(why)),
			  "%s: call %zu: %s\n  in %s", c->label, i, why, json_shown(json_object_get(call, "stack")));
	}
	call = carried_next(c, "call", &at);
	cr_expect_null(call, "%s: one call too many: %s", c->label, json_shown(call));
}

static void run_stacks(const char *target, bool lines, const char *const *options)
{
	static const char *const functions[] = { "leaf", NULL };
	struct plan p = { .target = target, .functions = functions, .tpd = { "--stack" },
			  .library = !strstr(target, "static") };
	struct carried c;

	need_root();
	if (!carried_built(target))
		return;
	for (size_t i = 0; options && options[i]; i++)
		p.tpd[i + 1] = options[i];
	carried_run(&p, &c);
	if (c.ok)
		compare(&c, lines);
	carried_free(&c);
}

Test(stacks, every_way_of_building)
{
	/* clang-format off */
	static const struct {
		const char *target;
		bool lines;
	} rows[] = {
		{ "stacks_gcc_O2",        true },
		{ "stacks_gcc_O0",        true },
		{ "stacks_gcc_fp",        true },
		{ "stacks_gcc_separate",  true },
		{ "stacks_gcc_nodebug",   false },
		{ "stacks_gcc_nopie",     true },
		{ "stacks_gcc_static",    true },
		{ "stacks_gcc_static_pie", true },
		{ "stacks_clang_O2",      true },
		{ "stacks_clang_nodebug", false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		run_stacks(rows[i].target, rows[i].lines, NULL);
}

Test(stacks, more_of_the_stack)
{
	run_stacks("stacks_gcc_O2", true, (const char *const[]){ "--stack-size", "32K", NULL });
}

/*
 * The second call goes through large(), whose frame is larger than what is copied: what is told must still be true, and end
 * there.
 */
Test(stacks, too_little_of_the_stack)
{
	static const char *const functions[] = { "leaf", NULL };
	struct plan p = { .target = "stacks_gcc_O2", .functions = functions, .tpd = { "--stack", "--stack-size", "512" },
			  .library = true };
	json_t *want, *call = NULL, *stack, *f;
	struct carried c;
	size_t at = 0, i;

	need_root();
	if (!carried_built(p.target))
		return;
	carried_run(&p, &c);
	want = json_object_get(json_array_get(c.said, 1), "stack");
	for (i = 0; i < 2; i++)
		call = carried_next(&c, "call", &at);
	stack = json_object_get(call, "stack");
	cr_expect_eq(json_array_size(stack), 3, "%s", json_shown(call));
	cr_expect(json_is_false(json_object_get(call, "whole")), "%s", json_shown(call));
	json_array_foreach(stack, i, f) {
		const char *got = json_string_value(json_object_get(f, "function"));
		const char *name = json_string_value(json_object_get(json_array_get(want, i), "function"));

		cr_expect(got && name && same_function(got, name), "frame %zu: %s", i, json_shown(call));
	}
	carried_free(&c);
}
