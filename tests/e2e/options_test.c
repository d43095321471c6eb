/* SPDX-License-Identifier: MIT */
/* options_test.c: what each option promises, seen from outside. */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include "harness.h"

TestSuite(options, .timeout = 300);

static json_int_t summed(const struct outcome *o, const char *function, const char *key)
{
	return trace_sum(&o->trace, "summary", function, key);
}

/* Runs calls with further arguments of tpd; 400 calls of top and what is below them. */
static void run_calls(struct outcome *o, const char *const tpd[])
{
	struct plan p = { .target = "calls", .args = { "400", "1" }, .no_truth = true };

	need_root();
	for (size_t i = 0; tpd[i]; i++)
		p.tpd[i] = tpd[i];
	trace_target(&p, o);
	cr_assert(o->ok, "%s", o->err);
	cr_expect_eq(summed(o, "top", "calls"), 400);
	cr_expect_eq(summed(o, "low", "calls"), 2800);
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

Test(options, min_duration)
{
	struct outcome o;

	run_calls(&o, ARGS("--min-duration", "1h"));
	cr_expect_eq(o.trace.ncalls, 0);
	cr_expect_eq(summed(&o, "top", "filtered"), 400);
	outcome_free(&o);
	run_calls(&o, ARGS("--min-duration", "2us"));
	for (size_t i = 0; i < o.trace.ncalls; i++)
		cr_assert_geq(o.trace.calls[i].duration, 2000);
	outcome_free(&o);
}

/* Trees come whole or not at all. */
Test(options, sample)
{
	uint64_t tops, lows;
	struct outcome o;

	run_calls(&o, ARGS("--sample", "0.5"));
	tops = trace_count(&o.trace, "top", E_MAX);
	lows = trace_count(&o.trace, "low", E_MAX);
	cr_expect(tops > 100 && tops < 300, "%lu of 400", (unsigned long)tops);
	cr_expect_eq(lows, 7 * tops);
	cr_expect_eq(trace_count(&o.trace, "mid", E_MAX), 2 * tops);
	cr_expect_eq(summed(&o, "low", "filtered"), 2800 - (json_int_t)lows);
	outcome_free(&o);
}

Test(options, max_depth)
{
	struct plan p = { .target = "recurse", .args = { "3", "1", "", "50" },
			  .tpd = { "--max-depth", "2" }, .no_truth = true };
	struct outcome o;

	need_root();
	trace_target(&p, &o);
	cr_assert(o.ok, "%s", o.err);
	for (size_t i = 0; i < o.trace.ncalls; i++)
		cr_assert_lt(o.trace.calls[i].depth, 2);
	cr_expect_eq(trace_count(&o.trace, "deep", E_RETURN), 6);
	cr_expect_eq(trace_count(&o.trace, "fib", E_RETURN), 9);
	cr_expect_eq(summed(&o, "deep", "calls"), 150);
	cr_expect_eq(summed(&o, "deep", "filtered"), 144);
	outcome_free(&o);
}

Test(options, summary)
{
	static const char *const rising[] = { "min_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns",
					      "total_ns" };
	struct outcome o;
	json_t *s;

	run_calls(&o, ARGS("--summary"));
	cr_expect_eq(o.trace.ncalls, 0);
	s = trace_record(&o.trace, "summary", "low");
	cr_assert_not_null(s);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(s, "returns"), "return")), 2800);
	for (size_t i = 1; i < ARRAY_SIZE(rising); i++)
		cr_expect_leq(json_integer_value(json_object_get(s, rising[i - 1])),
			      json_integer_value(json_object_get(s, rising[i])), "%s", rising[i]);
	cr_expect_gt(json_integer_value(json_object_get(s, "min_ns")), 0);
	outcome_free(&o);
}

Test(options, rate_limit)
{
	struct outcome o;
	json_t *lost;

	run_calls(&o, ARGS("--rate-limit", "20/s"));
	/* the run takes far less than ten seconds */
	cr_expect_leq(trace_count(&o.trace, "low", E_MAX), 200);
	cr_expect_geq(trace_count(&o.trace, "low", E_MAX), 1);
	lost = trace_record(&o.trace, "lost", "low");
	cr_expect_str_eq(json_string_value(json_object_get(lost, "reason")), "throttled");
	cr_expect_eq(summed(&o, "low", "lost") + (json_int_t)trace_count(&o.trace, "low", E_MAX), 2800);
	outcome_free(&o);
}

/* Runs tpd on a target that works, until tpd ends by itself; fills in its stream. */
static void until_end(struct trace *t, const char *const tpd[], bool work, const char *reason)
{
	static const char *const functions[] = { "top", "low", NULL };
	struct plan p = { .target = "calls", .args = { "5000", "1" }, .functions = functions };
	const char *argv[8] = { NULL };
	struct run r = { .label = "until end" };
	char path[512];

	need_root();
	for (size_t i = 0; tpd[i]; i++)
		p.tpd[i] = tpd[i];
	target_argv(&p, argv, path, sizeof(path));
	child_start(&r.target, argv);
	cr_assert(child_lines(&r, &r.target, 1, DEADLINE_MS));
	tpd_start(&r, &p, NULL);
	cr_assert(tpd_says(&r, "\"type\":\"trace\"", DEADLINE_MS));
	if (work)
		child_answer(&r.target);
	cr_assert(child_exited(&r, &r.tpd, DEADLINE_MS), "%s: tpd goes on", tpd[0]);
	cr_expect(WIFEXITED(r.tpd.status) && !WEXITSTATUS(r.tpd.status), "%s: ended with %#x: %s",
		  tpd[0], r.tpd.status, r.tpd.err.buf ? r.tpd.err.buf : "");
	cr_expect(text_is_clean(r.target.pid, 5000));
	trace_parse(t, r.data.buf, r.data.len);
	trace_check(t, tpd[0]);
	cr_expect_str_eq(json_string_value(json_object_get(t->last, "reason")), reason);
	run_close(&r);
}

Test(options, count)
{
	struct trace t;

	until_end(&t, ARGS("--count", "100"), true, "count");
	cr_expect_eq(t.ncalls, 100, "%zu calls streamed", t.ncalls);
	trace_free(&t);
}

Test(options, duration)
{
	struct trace t;

	until_end(&t, ARGS("--duration", "200ms"), false, "duration");
	cr_expect_eq(t.ncalls, 0);
	trace_free(&t);
}

Test(options, interval)
{
	json_t *s;
	size_t i, n = 0;
	struct trace t;

	until_end(&t, ARGS("--interval", "50ms", "--summary", "--duration", "500ms"), true, "duration");
	json_array_foreach(t.others, i, s)
		n += !strcmp(json_string_value(json_object_get(s, "type")), "summary");
	cr_expect_geq(n, 2 + 2 * 4, "%zu summary records", n);
	trace_free(&t);
}

/* What stands behind -f, and how often that is called. */
static void pattern(const char *target, const char *const functions[], const char *const expect[],
		    const uint64_t counts[])
{
	struct plan p = { .target = target, .args = { "40", "1" }, .functions = functions,
			  .no_truth = true };
	struct outcome o;
	uint64_t all = 0;

	need_root();
	trace_target(&p, &o);
	cr_expect(o.ok, "%s: %s", functions[0], o.err);
	for (size_t i = 0; expect[i]; i++) {
		cr_expect_eq(trace_count(&o.trace, expect[i], E_MAX), counts[i], "%s: %s called %lu times",
			     functions[0], expect[i],
			     (unsigned long)trace_count(&o.trace, expect[i], E_MAX));
		all += counts[i];
	}
	cr_expect_eq(o.trace.ncalls, all, "%s: %zu calls in all", functions[0], o.trace.ncalls);
	outcome_free(&o);
}

#define COUNTS(...) ((const uint64_t[]){ __VA_ARGS__ })

Test(options, patterns)
{
	pattern("calls", ARGS("calls:m*", "!main"), ARGS("mid", "many"), COUNTS(80, 40));
	pattern("calls", ARGS("calls:[lt]o[wp]"), ARGS("low", "top"), COUNTS(280, 40));
	pattern("calls", ARGS("*/calls:t?p"), ARGS("top"), COUNTS(40));
	pattern("calls", ARGS("mid", "!m*", "low"), ARGS("low"), COUNTS(280));
	pattern("throws", ARGS("nest::absorb"), ARGS("nest::absorb"), COUNTS(40));
	pattern("throws", ARGS("nest::absorb(int)"), ARGS("nest::absorb"), COUNTS(40));
	pattern("throws", ARGS("nest::f[12]*"), ARGS("nest::f1", "nest::f2"), COUNTS(80, 80));
	pattern("asm", ARGS("original"), ARGS("original"), COUNTS(120));
}

/* The implementation that an ifunc chose is traced, whatever name it goes by. */
Test(options, ifunc)
{
	static const char *const functions[] = { "choose", NULL };
	struct plan p = { .target = "asm", .args = { "40", "1" }, .functions = functions,
			  .no_truth = true };
	struct outcome o;

	need_root();
	trace_target(&p, &o);
	cr_expect_eq(o.trace.ncalls, 40, "%zu calls: %s", o.trace.ncalls, o.err);
	outcome_free(&o);
}

Test(options, offset_in_a_stripped_file)
{
	char path[512], name[64], addr[64], spec[128];
	const char *functions[] = { spec, NULL };
	struct plan p = { .target = "stripped", .args = { "40", "1" }, .functions = functions,
			  .no_truth = true };
	struct outcome o;
	FILE *f;

	need_root();
	f = fopen(target_path(path, sizeof(path), "stripped.map"), "re");
	if (!f)
		cr_skip_test("%s was not built", path);
	*spec = 0;
	while (fscanf(f, "%63s %63s", name, addr) == 2)
		if (!strcmp(name, "mid"))
			snprintf(spec, sizeof(spec), "stripped:%s", addr);
	fclose(f);
	cr_assert(*spec);
	trace_target(&p, &o);
	cr_expect_eq(o.trace.ncalls, 80, "%zu calls: %s", o.trace.ncalls, o.err);
	outcome_free(&o);
}

/* Two processes of one program, named in every way. */
static void two_targets(const char *how, const char *value)
{
	char path[512], pids[40];
	const char *target[] = { target_path(path, sizeof(path), "endbr"), "30", NULL };
	struct run a = { .label = "two" }, b = { .label = "two" };
	struct trace t;

	child_start(&a.target, target);
	child_start(&b.target, target);
	cr_assert(child_lines(&a, &a.target, 1, DEADLINE_MS));
	cr_assert(child_lines(&b, &b.target, 1, DEADLINE_MS));
	snprintf(pids, sizeof(pids), "%d,%d", a.target.pid, b.target.pid);
	{
		const char *args[] = { tpd_path(), "-o", "-", how, value ? value : pids, "-f", "top",
				       "--count", "60", NULL };

		child_start(&a.tpd, args);
	}
	/* the first line of its output is the trace record */
	cr_assert(child_lines(&a, &a.tpd, 1, DEADLINE_MS), "%s: %s", how,
		  a.tpd.err.buf ? a.tpd.err.buf : "");
	child_answer(&a.target);
	child_answer(&b.target);
	cr_expect(child_lines(&b, &b.target, 2, DEADLINE_MS));
	cr_expect(child_exited(&a, &a.tpd, DEADLINE_MS), "%s: does not see 60 calls", how);
	trace_parse(&t, a.tpd.out.buf, a.tpd.out.len);
	trace_check(&t, how);
	for (size_t i = 0, n = 0; i < t.ncalls; i++) {
		n += t.calls[i].pid == a.target.pid;
		if (i == t.ncalls - 1)
			cr_expect_eq(n, 30, "%s: %zu of the calls are the first one's", how, n);
	}
	cr_expect_eq(t.ncalls, 60, "%s: %zu calls", how, t.ncalls);
	trace_free(&t);
	run_close(&a);
	run_close(&b);
}

Test(options, several_processes)
{
	char path[512];

	need_root();
	two_targets("-p", NULL);
	two_targets("--exe", target_path(path, sizeof(path), "endbr"));
	two_targets("--comm", "endbr");
}

/* `-- COMMAND`: its input, output and status are its own. */
Test(options, command)
{
	char path[512], out[] = "/tmp/tpd-e2e-cmd-XXXXXX";
	struct run r = { .label = "command" };
	uint8_t *text = NULL;
	struct trace t;
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	need_root();
	fd = mkstemp(out);
	cr_assert_geq(fd, 0);
	child_start(&r.tpd, (const char *const[]){ tpd_path(), "-o", out, "-f", "top", "--",
						    target_path(path, sizeof(path), "calls"), "50", NULL });
	child_answer(&r.tpd);
	child_answer(&r.tpd);
	cr_assert(child_exited(&r, &r.tpd, DEADLINE_MS), "does not end");
	cr_expect(WIFEXITED(r.tpd.status) && WEXITSTATUS(r.tpd.status) == 7, "ended with %#x: %s",
		  r.tpd.status, r.tpd.err.buf ? r.tpd.err.buf : "");
	cr_expect(r.tpd.out.buf && strstr(r.tpd.out.buf, "{\"target\":\"calls\""), "printed: %s",
		  r.tpd.out.buf ? r.tpd.out.buf : "");
	text = malloc(4 << 20);
	n = pread(fd, text, 4 << 20, 0);
	trace_parse(&t, (const char *)text, n > 0 ? (size_t)n : 0);
	trace_check(&t, "command");
	cr_expect_eq(trace_count(&t, "top", E_RETURN), 50);
	cr_expect_str_eq(json_string_value(json_object_get(t.last, "reason")), "target_exit");
	trace_free(&t);
	free(text);
	unlink(out);
	run_close(&r);
}

/* list and doctor answer in JSON that names what matters. */
Test(options, list_and_doctor)
{
	char path[512], pid[16];
	const char *target[] = { target_path(path, sizeof(path), "calls"), "1", NULL };
	struct run r = { 0 };
	json_t *row;
	char *out;

	need_root();
	child_start(&r.target, target);
	cr_assert(child_lines(&r, &r.target, 1, DEADLINE_MS));
	snprintf(pid, sizeof(pid), "%d", r.target.pid);
	cr_expect_eq(run_tpd(ARGS("list", "-p", pid, "--json", "calls:[tml]*"), &out, NULL), 0);
	cr_expect(strstr(out, "\"top\"") && strstr(out, "\"mid\"") && strstr(out, "\"low\""), "%s", out);
	cr_expect_null(strstr(out, "\"compare\""));
	free(out);
	cr_expect_eq(run_tpd(ARGS("list", "-p", pid, "calls:top"), &out, NULL), 0);
	cr_expect(strstr(out, "top") && !strstr(out, "inlined only"), "%s", out);
	free(out);
	cr_expect_eq(run_tpd(ARGS("list", "-p", pid, "calls:fol*"), &out, NULL), 0);
	cr_expect(!strncmp(out, "folded\n", 7) && strstr(out, "calls.c:27\n    inlined only: ") && strstr(out, "part of mid\n"),
		  "%s", out);
	free(out);
	cr_expect_eq(run_tpd(ARGS("list", "-p", pid, "--json", "folded"), &out, NULL), 0);
	row = json_loads(out, 0, NULL);
	cr_expect_str_eq(json_string_value(json_object_get(row, "verdict")), "inlined only", "%s", out);
	cr_expect(json_is_false(json_object_get(row, "traceable")), "%s", out);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(row, "inlined_into"), 0)), "mid", "%s", out);
	json_decref(row);
	free(out);
	cr_expect_eq(run_tpd(ARGS("doctor", "--json"), &out, NULL), 0);
	cr_expect(*out == '{' || *out == '[', "%s", out);
	free(out);
	run_close(&r);
}
