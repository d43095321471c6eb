/* SPDX-License-Identifier: MIT */
/*
 * harmless_test.c: targets that throw, panic, switch stacks, die, fork and execute, while tpd attaches, detaches and is
 * killed over and over: they print the same and exit the same, and nothing is left in them or in the kernel.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <sys/wait.h>
#include "harness.h"

#define CYCLES       1000 /* of which every 20th ends in SIGKILL */
#define TARGETS      16
#define KILL_EVERY   20
#define DEFAULT_SHARE 0.16 /* TPD_CYCLES=1000 for all of them */

TestSuite(harmless, .timeout = 1200);

struct endurance {
	struct plan plan;
	char *plain; /* what it prints without tpd, and its status */
	int status;
	json_t *truth;
	int runs;
};

static int cycles(void)
{
	const char *s = getenv("TPD_CYCLES");
	int n = s && atoi(s) > 0 ? atoi(s) : (int)(CYCLES * DEFAULT_SHARE);

	return (n + TARGETS - 1) / TARGETS;
}

/* One tpd from its start to its end; kill: at some moment, maybe in the middle of attaching. */
static void cycle(struct run *r, struct endurance *e, int i, bool kill_it)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct plan p = e->plan;
	size_t n = 0;

	while (p.tpd[n])
		n++;
	if (i % 2)
		p.tpd[n++] = "--summary";
	if (i % 4 >= 2) {
		p.tpd[n++] = "--returns";
		p.tpd[n++] = "ret";
	}
	tpd_start(r, &p, e->truth);
	if (kill_it && i % 2)
		poll(NULL, 0, i * 7 % 90);
	else
		cr_expect(tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS), "%s: cycle %d: %s", r->label,
			  i, r->tpd.err.buf ? r->tpd.err.buf : "no trace record");
	kill(r->tpd.pid, kill_it ? SIGKILL : signals[i % 3]);
	cr_assert(child_exited(r, &r->tpd, DEADLINE_MS), "%s: cycle %d: tpd did not end", r->label, i);
	if (!kill_it)
		cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status),
			  "%s: cycle %d: tpd ended with %#x: %s", r->label, i, r->tpd.status,
			  r->tpd.err.buf ? r->tpd.err.buf : "");
	tpd_close(r);
}

static bool truth_is_out(struct run *r, void *arg)
{
	return r->target.out.fd < 0 || (r->target.out.buf && strstr(r->target.out.buf, "{\"target\""));
}

static void start(struct run *r, struct endurance *e)
{
	const char *argv[8] = { NULL };
	char path[512];

	target_argv(&e->plan, argv, path, sizeof(path));
	child_start(&r->target, argv);
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
	e->runs++;
}

/* The target ends, and as it does without tpd. */
static void finish(struct run *r, struct endurance *e)
{
	cr_expect(run_until(r, truth_is_out, NULL, 4 * DEADLINE_MS), "%s: run %d hangs", r->label,
		  e->runs);
	cr_expect(text_is_clean(r->target.pid, 5000), "%s: the text was left changed", r->label);
	child_answer(&r->target);
	cr_assert(child_exited(r, &r->target, DEADLINE_MS), "%s: run %d does not exit", r->label,
		  e->runs);
	cr_expect_eq(r->target.status, e->status, "%s: run %d ended with %#x, without tpd %#x",
		     r->label, e->runs, r->target.status, e->status);
	if (json_is_true(json_object_get(e->truth, "varies")))
		cr_expect_not_null(strstr(r->target.out.buf, "{\"target\""), "%s", r->label);
	else
		cr_expect_str_eq(r->target.out.buf ? r->target.out.buf : "", e->plain,
				 "%s: run %d printed something else", r->label, e->runs);
	close(r->target.in);
	free(r->target.out.buf);
	free(r->target.err.buf);
	r->target = (struct child){ 0 };
}

static void endure(const struct plan *p)
{
	struct endurance e = { .plan = *p };
	const char *argv[8] = { NULL };
	struct run r = { 0 };
	struct bpf_ids ids;
	char path[512];
	int n = cycles();

	need_root();
	snprintf(r.label, sizeof(r.label), "%s %s", p->target, p->args[2] ? p->args[2] : "");
	target_argv(p, argv, path, sizeof(path));
	e.status = run_plain(argv, &e.plain);
	e.truth = truth_of(e.plain);
	cr_assert_not_null(e.truth, "%s printed no truth: %s", r.label, e.plain);
	ids = bpf_ids_now();
	for (int i = 0; i < n; i++) {
		if (!r.target.pid) {
			start(&r, &e);
			if (i % 3) /* else it begins to work only after the first attach */
				child_answer(&r.target);
		}
		cycle(&r, &e, i, i % KILL_EVERY == KILL_EVERY - 1 || i == n - 1);
		if (!(i % 3))
			child_answer(&r.target);
		if (i == n - 1 || truth_is_out(&r, NULL) || i % 16 == 15) {
			child_answer(&r.target);
			finish(&r, &e);
		}
	}
	cr_expect(bpf_nothing_since(&ids, 10000), "%s: links, programs or maps were left", r.label);
	run_close(&r);
	json_decref(e.truth);
	free(e.plain);
}

#define ENDURE(name, ...)                                         \
	Test(harmless, name)                                      \
	{                                                         \
		static const struct plan p = { __VA_ARGS__ };     \
		endure(&p);                                       \
	}

ENDURE(calls, .target = "calls", .args = { "20000", "8" })
ENDURE(recursion, .target = "recurse", .args = { "300", "8" })
ENDURE(throws, .target = "throws", .args = { "1000", "8" })
ENDURE(throws_static, .target = "throws_static", .args = { "3000", "1" })
ENDURE(go, .target = "goroutines", .args = { "500", "8" })
ENDURE(go_stripped, .target = "goroutines_stripped", .args = { "500", "8" })
ENDURE(fibers, .target = "fibers", .args = { "3000", "8" })
ENDURE(fibers_by_hand, .target = "handmade", .args = { "100000", "1" })
ENDURE(fibers_that_move, .target = "fibers", .args = { "1000", "2", "move" })
ENDURE(jumps, .target = "jumps", .args = { "2000", "8" })
ENDURE(signals, .target = "signals", .args = { "2000", "8" })
ENDURE(cancellation, .target = "cancel", .args = { "500", "1" })
ENDURE(seccomp_strict, .target = "seccomp", .args = { "100000", "1", "strict" })
ENDURE(seccomp_filter, .target = "seccomp", .args = { "100000", "1", "filter-late" })
ENDURE(fork_storm, .target = "forks", .args = { "1000", "1", "fork" }, .tpd = { "--follow" })
ENDURE(exec_storm, .target = "forks", .args = { "300", "1", "exec" })
ENDURE(red_zones, .target = "nop", .args = { "100000", "8" })

/* The target dies first: by itself and by a signal, in the middle of calls. */
static void dies(int sig)
{
	struct plan p = { .target = "calls", .args = { "1000000", "4" } };
	const char *argv[8] = { NULL };
	const char *functions[] = { "top", "low", NULL };
	struct run r = { .label = "dies" };
	struct trace t;
	char path[512];

	need_root();
	p.functions = functions;
	target_argv(&p, argv, path, sizeof(path));
	child_start(&r.target, argv);
	cr_assert(child_lines(&r, &r.target, 1, DEADLINE_MS));
	tpd_start(&r, &p, NULL);
	cr_assert(tpd_says(&r, "\"type\":\"trace\"", DEADLINE_MS));
	if (sig) {
		child_answer(&r.target);
		cr_assert(tpd_says(&r, "\"type\":\"call\"", DEADLINE_MS));
		kill(r.target.pid, sig);
	} else {
		close(r.target.in);
		r.target.in = -1;
		kill(r.target.pid, SIGTERM);
	}
	cr_assert(child_exited(&r, &r.tpd, DEADLINE_MS), "tpd did not notice");
	cr_expect(WIFEXITED(r.tpd.status) && WEXITSTATUS(r.tpd.status) == 0, "tpd ended with %#x: %s",
		  r.tpd.status, r.tpd.err.buf ? r.tpd.err.buf : "");
	trace_parse(&t, r.data.buf ? r.data.buf : "", r.data.len);
	trace_check(&t, "dies");
	cr_expect_str_eq(json_string_value(json_object_get(t.last, "reason")), "target_exit");
	trace_free(&t);
	run_close(&r);
}

Test(harmless, target_ends_while_idle)
{
	dies(0);
}

Test(harmless, target_is_killed_within_calls)
{
	dies(SIGKILL);
}

static bool pipe_has_trace(struct run *r, void *arg)
{
	return r->tpd.out.fd < 0 || (r->tpd.out.buf && strstr(r->tpd.out.buf, "\"type\":\"trace\""));
}

/* The reader of the stream goes away; the target must not notice, and tpd must say so and end. */
Test(harmless, closed_pipe)
{
	struct plan p = { .target = "calls", .args = { "2000", "2" } };
	const char *argv[8] = { NULL };
	AUTO_FREE char *plain = NULL;
	struct run r = { .label = "closed pipe" };
	char path[512], pid[16];
	int status;

	need_root();
	target_argv(&p, argv, path, sizeof(path));
	status = run_plain(argv, &plain);
	child_start(&r.target, argv);
	cr_assert(child_lines(&r, &r.target, 1, DEADLINE_MS));
	snprintf(pid, sizeof(pid), "%d", r.target.pid);
	child_start(&r.tpd, (const char *const[]){ tpd_path(), "-p", pid, "-o", "-", "-f", "top", "-f",
						    "low", NULL });
	cr_assert(run_until(&r, pipe_has_trace, NULL, DEADLINE_MS) && r.tpd.out.fd > 0);
	close(r.tpd.out.fd);
	r.tpd.out.fd = -1;
	child_answer(&r.target);
	cr_expect(child_lines(&r, &r.target, 2, DEADLINE_MS));
	cr_expect(child_exited(&r, &r.tpd, DEADLINE_MS), "tpd goes on without a reader");
	cr_expect(WIFEXITED(r.tpd.status), "tpd ended with %#x", r.tpd.status);
	cr_expect(text_is_clean(r.target.pid, 5000));
	child_answer(&r.target);
	cr_expect(child_exited(&r, &r.target, DEADLINE_MS));
	cr_expect_eq(r.target.status, status);
	cr_expect_str_eq(r.target.out.buf, plain);
	run_close(&r);
}
