/* SPDX-License-Identifier: MIT */
/*
 * exact_test.c: the stream equals the truth that the target prints: how often each function ended in each way, at which
 * depths, with which parents; for every way of seeing returns, with 1 and 8 threads, with small and large rings.
 */
#include <criterion/criterion.h>
#include "harness.h"

TestSuite(exact, .timeout = 600);

/* TPD_QUICK=N: that many times fewer rounds, for emulated machines. */
static const char *rounds(const char *n, char buf[16])
{
	const char *quick = getenv("TPD_QUICK");
	int by = quick && atoi(quick) > 0 ? atoi(quick) : 1;

	snprintf(buf, 16, "%d", MAX(atoi(n) / by, 1));
	return buf;
}

static void exact_run(const char *target, const char *n, const char *threads, const char *mode,
		      const char *returns)
{
	char few[16];
	struct plan p = { .target = target, .args = { rounds(n, few), threads, mode } };

	if (returns) {
		p.tpd[0] = "--returns";
		p.tpd[1] = returns;
		p.optional = strcmp(returns, "ret") && strcmp(returns, "auto");
	}
	if (mode && !strcmp(mode, "async"))
		p.lossy = true; /* as many calls as the machine makes meanwhile */
	trace_exactly(&p);
}

/* TPD_RETURNS=WAY: only that one, for the tests on other kernels. */
static bool wanted(const char *returns)
{
	const char *only = getenv("TPD_RETURNS");

	return !only || !*only || !strcmp(only, returns ? returns : "auto");
}

/* What is tried in one way only. */
static void need_auto(void)
{
	need_root();
	if (!wanted("auto"))
		cr_skip_test("TPD_RETURNS wants another way");
}

/* simple: no way of leaving but return, so that uretprobes can tell it too. */
static void exact_ways(const char *target, const char *n, const char *mode, bool threads, bool simple)
{
	static const char *const ways[] = { NULL, "ret", "emulate", "uretprobe" };

	need_root();
	for (size_t i = 0; i < ARRAY_SIZE(ways) - !simple; i++) {
		if (!wanted(ways[i]))
			continue;
		exact_run(target, n, "1", mode, ways[i]);
		if (threads)
			exact_run(target, n, "8", mode, ways[i]);
	}
}

#define EXACT(name, target, n, mode, threads, simple)              \
	Test(exact, name)                                          \
	{                                                          \
		exact_ways(target, n, mode, threads, simple);      \
	}

EXACT(calls, "calls", "200", "", true, true)
EXACT(calls_without_optimization, "calls_O0", "100", "", true, true)
EXACT(calls_with_frame_pointers, "calls_fp", "100", "", false, true)
EXACT(calls_nopie, "calls_nopie", "100", "", false, true)
EXACT(calls_static, "calls_static", "100", "", true, true)
EXACT(calls_static_pie, "calls_static_pie", "100", "", false, true)
EXACT(endbr, "endbr", "200", "", true, true)
EXACT(recursion, "recurse", "5", "", true, true)
EXACT(recursion_endbr, "recurse_endbr", "5", "", false, true)
EXACT(threads, "threads", "200", "", true, true)
EXACT(throws, "throws", "99", "", true, false)
EXACT(throws_without_optimization, "throws_O0", "60", "", false, false)
EXACT(throws_static, "throws_static", "60", "", true, false)
EXACT(tail_calls, "tail", "100", "", true, false)
EXACT(tail_calls_nopie, "tail_nopie", "100", "", false, false)
EXACT(long_jumps, "jumps", "50", "", true, false)
EXACT(signals, "signals", "100", "", true, false)
EXACT(signals_at_any_time, "signals", "1", "async", false, false)
EXACT(fibers, "fibers", "60", "", true, false)
EXACT(fibers_that_move, "fibers", "40", "move", true, false)
EXACT(cancellation, "cancel", "40", "", false, false)
EXACT(seccomp_strict, "seccomp", "200", "strict", false, true)
EXACT(seccomp_filter, "seccomp", "200", "filter", false, true)
EXACT(cold_pieces, "cold", "350", "", true, true)
EXACT(jump_tables, "switch", "160", "", true, false)
EXACT(jump_tables_nopie, "switch_nopie", "160", "", false, false)
EXACT(nops_and_red_zones, "nop", "300", "", true, true)
EXACT(assembly, "asm", "200", "", true, true)
EXACT(go, "goroutines", "60", "", true, false)
EXACT(go_stripped, "goroutines_stripped", "60", "", false, false)
EXACT(vfork, "forks", "20", "vfork", false, true)
EXACT(spawn, "forks", "20", "spawn", false, true)
EXACT(fork, "forks", "20", "fork", false, true)
EXACT(exec, "forks", "6", "exec", false, true)

/* Confined only after tpd came: it must have foreseen that, or leave returns alone from then on. */
Test(exact, seccomp_after_attach)
{
	need_auto();
	exact_run("seccomp", "200", "1", "strict-late", NULL);
	exact_run("seccomp", "200", "1", "filter-late", NULL);
	exact_run("seccomp", "200", "1", "strict-late", "ret");
	exact_run("seccomp", "200", "1", "filter-late", "ret");
}

static void libraries(const char *returns)
{
	static const char *const functions[] = { "plain",	 "between",	 "late_outer", "late_inner",
						 "late_thrower", "late_catcher", NULL };
	char dir[512];
	struct plan p = { .target = "dlopen",
			  .args = { "90", "1", target_path(dir, sizeof(dir), "") },
			  .functions = functions };

	p.tpd[0] = "--returns";
	p.tpd[1] = returns;
	trace_exactly(&p);
}

Test(exact, libraries_that_come_later)
{
	need_auto();
	libraries("auto");
	libraries("ret");
}

Test(exact, follow_children)
{
	static const char *const modes[] = { "fork", "vfork", "spawn" };

	need_auto();
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		struct plan p = { .target = "forks", .args = { "20", "1", modes[i] },
				  .tpd = { "--follow" }, .follow = true };

		trace_exactly(&p);
	}
}

/* A ring of one page loses most; what is lost is counted to the last call. */
Test(exact, small_ring_sums)
{
	static const char *const targets[] = { "calls", "throws", "tail", "recurse" };

	need_auto();
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		for (int threads = 1; threads <= 8; threads += 7) {
			char few[16];
			struct plan p = { .target = targets[i],
					  .args = { rounds(i == 3 ? "10" : "1000", few),
						    threads == 1 ? "1" : "8" },
					  .tpd = { "--ring-size", "4K" }, .lossy = true };

			trace_exactly(&p);
		}
	}
}

Test(exact, large_ring)
{
	char few[16];
	struct plan p = { .target = "calls", .args = { rounds("1000", few), "8" },
			  .tpd = { "--ring-size", "64M" } };

	need_auto();
	trace_exactly(&p);
}

/* Deeper than the shadow stack: still counted, not told apart. */
Test(exact, deeper_than_the_shadow_stack)
{
	struct plan p = { .target = "recurse", .args = { "3", "1", "", "1000" }, .no_truth = true };
	struct outcome o;
	json_t *e;

	need_auto();
	trace_target(&p, &o);
	e = trace_record(&o.trace, "summary", "deep");
	cr_expect_eq(json_integer_value(json_object_get(e, "calls")), 3000);
	cr_expect_eq(json_integer_value(json_object_get(e, "lost")) +
			     (json_int_t)trace_count(&o.trace, "deep", E_RETURN), 3000);
	cr_expect_geq(trace_count(&o.trace, "deep", E_RETURN), 3 * 128);
	cr_expect_eq(trace_count(&o.trace, "is_even", E_RETURN), 3 * 51);
	cr_expect_eq(trace_count(&o.trace, "is_odd", E_RETURN), 3 * 50);
	outcome_free(&o);
}
