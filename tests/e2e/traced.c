/* SPDX-License-Identifier: MIT */
/* traced.c: a whole run: a target without tpd and with it, and what has to be the same; see harness.h. */
#include <criterion/criterion.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include "harness.h"

json_t *truth_of(const char *output)
{
	const char *p = strstr(output, "{\"target\"");

	return p ? json_loads(p, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

void tpd_start(struct run *r, const struct plan *p, json_t *truth)
{
	const char *argv[MAX_WORDS] = { tpd_path(), "-o", NULL, "-p", NULL };
	json_t *entry, *expect = json_object_get(truth, "expect");
	char pid[16], out[64];
	size_t i, n = 5;

	snprintf(r->dir, sizeof(r->dir), "/tmp/tpd-e2e-XXXXXX");
	cr_assert_not_null(mkdtemp(r->dir));
	snprintf(out, sizeof(out), "%s/out", r->dir);
	r->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	cr_assert_geq(inotify_add_watch(r->notify, r->dir, IN_MODIFY | IN_CREATE), 0);
	argv[2] = out;
	snprintf(pid, sizeof(pid), "%d", r->target.pid);
	argv[4] = pid;
	for (i = 0; i < ARRAY_SIZE(p->tpd) && p->tpd[i]; i++)
		argv[n++] = p->tpd[i];
	for (i = 0; p->functions && p->functions[i]; i++) {
		argv[n++] = "-f";
		argv[n++] = p->functions[i];
	}
	json_array_foreach(expect, i, entry)
	{
		const char *f = json_string_value(json_array_get(entry, 1));
		bool known = p->functions;

		for (size_t k = 5; k < n && !known; k++)
			known = !strcmp(argv[k], f);
		if (known || strcmp(json_string_value(json_array_get(entry, 0)), "calls"))
			continue;
		cr_assert_lt(n, (size_t)MAX_WORDS - 3);
		argv[n++] = "-f";
		argv[n++] = f;
	}
	child_start(&r->tpd, argv);
}

/* A target that says "loaded" waits until tpd saw the library. */
bool target_work(struct run *r)
{
	char library[64];

	child_answer(&r->target);
	for (size_t lines = 2;; lines++) {
		const char *p;

		if (!child_lines(r, &r->target, lines, DEADLINE_MS))
			return false;
		if (strstr(r->target.out.buf, "{\"target\""))
			return true;
		p = lines == 2 ? "liblate.so" : "liblate_throw.so";
		snprintf(library, sizeof(library), "%s", p);
		if (!tpd_says(r, library, DEADLINE_MS)) {
			cr_expect(false, "%s: tpd did not tell of %s", r->label, library);
			return false;
		}
		child_answer(&r->target);
	}
}

static void compare_output(struct run *r, const struct outcome *o, const char *plain, int status)
{
	const char *out = r->target.out.buf ? r->target.out.buf : "";
	json_t *truth = truth_of(plain);

	cr_expect_eq(r->target.status, status, "%s: the target ended with %#x, without tpd with %#x",
		     r->label, r->target.status, status);
	if (!json_is_true(json_object_get(truth, "varies")))
		cr_expect_str_eq(out, plain, "%s: the target printed something else than without tpd",
				 r->label);
	cr_expect_eq(json_integer_value(json_object_get(truth, "sum")),
		     json_integer_value(json_object_get(o->truth, "sum")),
		     "%s: the target computed something else", r->label);
	json_decref(truth);
}

static void traced_run(const struct plan *p, struct run *r, const char *const argv[],
		       struct outcome *o, const char *plain, int status)
{
	json_t *before = truth_of(plain);
	bool attached, worked;

	child_start(&r->target, argv);
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
	tpd_start(r, p, before);
	attached = tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS);
	json_decref(before);
	o->refused = !attached && p->optional && r->tpd.out.fd < 0;
	cr_expect(attached || o->refused, "%s: no trace record; tpd said: %s", r->label,
		  r->tpd.err.buf ? r->tpd.err.buf : "nothing");
	worked = target_work(r);
	cr_expect(worked, "%s: the target did not come to its end", r->label);
	if (r->tpd.pid)
		kill(r->tpd.pid, SIGINT);
	o->ok = child_exited(r, &r->tpd, DEADLINE_MS);
	cr_expect(o->ok, "%s: tpd did not stop on SIGINT", r->label);
	o->code = o->ok && WIFEXITED(r->tpd.status) ? WEXITSTATUS(r->tpd.status) : -1;
	cr_expect(text_is_clean(r->target.pid, 5000), "%s: the target's text was left changed",
		  r->label);
	child_answer(&r->target);
	cr_expect(child_exited(r, &r->target, DEADLINE_MS), "%s: the target did not exit", r->label);
	o->ok = o->ok && attached && worked;
	o->truth = truth_of(r->target.out.buf ? r->target.out.buf : "");
	compare_output(r, o, plain, status);
}

void target_argv(const struct plan *p, const char *argv[], char *path, size_t size)
{
	argv[0] = target_path(path, size, p->target);
	if (access(path, X_OK))
		cr_skip_test("%s was not built", path);
	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i]; i++)
		argv[i + 1] = p->args[i];
}

void trace_target(const struct plan *p, struct outcome *o)
{
	const char *argv[8] = { NULL };
	AUTO_FREE char *plain = NULL;
	char path[512];
	struct run r = { 0 };
	int status, n = snprintf(r.label, sizeof(r.label), "%s", p->target);

	memset(o, 0, sizeof(*o));
	target_argv(p, argv, path, sizeof(path));
	for (size_t i = 1; argv[i]; i++)
		n += snprintf(r.label + n, sizeof(r.label) - n, " %.40s", argv[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p->tpd) && p->tpd[i] && n < 200; i++)
		n += snprintf(r.label + n, sizeof(r.label) - n, " %.40s", p->tpd[i]);
	status = run_plain(argv, &plain);
	cr_assert(status >= 0 && WIFEXITED(status), "%s: without tpd it ends with %#x", r.label, status);
	traced_run(p, &r, argv, o, plain, status);
	o->err = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	trace_parse(&o->trace, r.data.buf ? r.data.buf : "", r.data.len);
	if (o->refused) {
		cr_log_info("%s: refused: %s", r.label, o->err);
		cr_expect(o->code > 0 && *o->err, "%s: refused with status %d, saying '%s'", r.label,
			  o->code, o->err);
	} else if (o->ok) {
		cr_expect_eq(o->code, 0, "%s: tpd ended with %d: %s", r.label, o->code, o->err);
		trace_check(&o->trace, r.label);
		if (!p->no_truth)
			trace_check_truth(&o->trace, o->truth, p->follow ? "follow" : "calls",
					  p->lossy, r.label);
	}
	run_close(&r);
}

void outcome_free(struct outcome *o)
{
	trace_free(&o->trace);
	json_decref(o->truth);
	free(o->err);
}

bool trace_exactly(const struct plan *p)
{
	struct outcome o;
	bool refused;

	trace_target(p, &o);
	refused = o.refused;
	outcome_free(&o);
	return !refused;
}
