/* SPDX-License-Identifier: MIT */
/*
 * random_test.c: a thousand functions of random prototypes (tests/targets/random_protos.py), built by gcc and clang and traced
 * with their debug information: what the stream has of each call equals what the program printed of it.
 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include "../unit/random_tally.h"
#include "../unit/target_build.h"
#include "carried.h"

TestSuite(random, .timeout = 120);

#define FUNCTIONS 250
#define CALLS     2

static void traced(struct run *r)
{
	static const char *const functions[] = { "random:f[0-9]*", NULL };
	static const struct plan plan = { .functions = functions, .tpd = { "--max-probes", "2000", "--ring-size", "64M" } };

	child_start(&r->target, (const char *const[]){ build_path("random"), NULL });
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
	tpd_start(r, &plan, NULL);
	cr_assert(tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS), "%s: %s", r->label,
		  r->tpd.err.buf ? r->tpd.err.buf : "no trace record");
	child_answer(&r->target);
	cr_assert(child_exited(r, &r->target, DEADLINE_MS), "%s: the target does not end", r->label);
	cr_expect(WIFEXITED(r->target.status) && !WEXITSTATUS(r->target.status), "%s: the target ended with %#x", r->label,
		  r->target.status);
	cr_assert(child_exited(r, &r->tpd, DEADLINE_MS), "%s: tpd did not end with its target", r->label);
	cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status), "%s: tpd ended with %#x: %s", r->label, r->tpd.status,
		  r->tpd.err.buf ? r->tpd.err.buf : "");
}

/* The next call in the stream from *at on, or NULL; nothing may be lost. */
static json_t *next_call(const struct run *r, const char **at)
{
	const char *nl;

	for (; (nl = strchr(*at, '\n')); *at = nl + 1) {
		json_t *o = json_loadb(*at, (size_t)(nl - *at), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		const char *type = json_string_value(json_object_get(o, "type"));

		cr_expect(type && strcmp(type, "lost"), "%s: %.*s", r->label, (int)MIN(nl - *at, 300), *at);
		if (type && !strcmp(type, "call")) {
			*at = nl + 1;
			return o;
		}
		json_decref(o);
	}
	return NULL;
}

static void compare(const struct run *r, struct tally *t)
{
	const char *line = strchr(r->target.out.buf, '\n') + 1, *at = r->data.buf ? r->data.buf : "", *next;
	size_t n = 0;

	for (; (next = strchr(line, '\n')); line = next + 1, n++) {
		json_t *want = json_loadb(line, (size_t)(next - line), JSON_ALLOW_NUL, NULL), *got = next_call(r, &at);
		const char *function = json_string_value(json_object_get(want, "function"));
		const char *name = json_string_value(json_object_get(got, "function"));

		cr_assert(function && name && same_function(name, function), "%s: %.*s, the stream has %s", r->label,
			  (int)(next - line), line, json_shown(got));
		tally_call(t, got, want);
		json_decref(want);
		json_decref(got);
	}
	cr_expect_eq(n, FUNCTIONS * CALLS, "%s: %zu calls", r->label, n);
	cr_expect_null(next_call(r, &at), "%s: more calls than there were", r->label);
}

static void run(const char *cc, const char *flags, unsigned seed)
{
	AUTO_FREE char *source = getcwd(NULL, 0);
	struct tally t = { 0 };
	struct run r = { 0 };

	need_root();
	build_begin();
	build_need("python3");
	build_need(cc);
	snprintf(r.label, sizeof(r.label), "%s %s, seed %u", cc, flags, seed);
	build("python3 %s/tests/targets/random_protos.py %u %u %u >random.c && %s -w -g %s random.c -o random", source, seed,
	      FUNCTIONS, CALLS, cc, flags);
	traced(&r);
	compare(&r, &t);
	printf("%s: %zu values equal, %zu floats in memory, %zu unavailable in registers, %zu too large, %zu not told by the convention\n",
	       r.label, t.equal, t.floats, t.registers, t.too_large, t.abi);
	fflush(stdout);
	cr_expect_eq(t.wrong, 0, "%s: %zu wrong", r.label, t.wrong);
	cr_expect(t.equal > 3000 && t.floats > 100 && t.registers > 100 && t.too_large < t.equal / 50 && t.abi < t.equal / 50,
		  "%s: too little was seen", r.label);
	run_close(&r);
	build_end();
}

Test(random, gcc_O0)
{
	run("gcc", "-O0", 11);
}

Test(random, gcc_O2)
{
	run("gcc", "-O2", 12);
}

Test(random, clang_O0)
{
	run("clang", "-O0", 13);
}

Test(random, clang_O2)
{
	run("clang", "-O2", 14);
}
