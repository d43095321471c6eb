/* SPDX-License-Identifier: MIT */
/* files_run.c: runs of the target "files", plain and traced; see files.h. */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include "files.h"

/* Some paths in it are longer than the kernel takes. */
void files_remove(const char *dir)
{
	const char *argv[] = { "rm", "-rf", "--", dir, NULL };
	struct run r = { 0 };

	child_start(&r.target, argv);
	cr_expect(child_exited(&r, &r.target, DEADLINE_MS) && !r.target.status, "%s cannot be removed", dir);
	run_close(&r);
}

void files_scratch(char dir[48])
{
	strcpy(dir, "/tmp/tpd-files-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

json_t *files_lines(const char *text, const char *label)
{
	const char *p = text ? text : "", *nl;
	json_t *all = json_array();

	for (size_t line = 1; (nl = strchr(p, '\n')); p = nl + 1, line++) {
		json_error_t err;
		json_t *o;

		if (*p != '{')
			continue;
		o = json_loadb(p, (size_t)(nl - p), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);
		cr_expect(json_is_object(o), "%s: line %zu is no JSON object (%s): %.*s", label, line, err.text,
			  (int)MIN(nl - p, 300), p);
		if (o)
			json_array_append_new(all, o);
	}
	cr_expect(!*p, "%s: the last line is not whole: %.80s", label, p);
	return all;
}

static const char *type_of(json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "type"));

	return s ? s : "";
}

static void check_stream(struct filed *f, bool lossy)
{
	size_t n = json_array_size(f->records), i, lost = 0;
	json_t *o;

	f->end = json_array_get(f->records, n - 1);
	cr_expect_str_eq(type_of(json_array_get(f->records, 0)), "trace", "%s: begins otherwise", f->label);
	if (strcmp(type_of(f->end), "end")) {
		cr_expect(false, "%s: has no end", f->label);
		f->ok = false;
	}
	json_array_foreach(f->records, i, o) lost += !strcmp(type_of(o), "lost");
	cr_expect(lossy || !lost, "%s: something was lost", f->label);
}

static void target_start(struct run *r, const struct filed_plan *p, const char *dir, char *path, size_t size)
{
	const char *argv[] = { target_path(path, size, "files"), p->n, p->threads, dir, p->seed, p->mode, NULL };

	child_start(&r->target, argv);
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
}

/* Traced to the end of the target's work; its own last words, to the harness, are not looked at. */
static void traced(const struct filed_plan *p, struct run *r, struct filed *f)
{
	struct plan plan = { .no_truth = true };
	const char *functions[] = { p->function, NULL };
	size_t n = 0;

	for (; p->tpd[n]; n++)
		plan.tpd[n] = p->tpd[n];
	plan.tpd[n++] = "--follow";
	if (p->function)
		plan.functions = functions;
	tpd_start(r, &plan, NULL);
	f->ok = tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS);
	cr_expect(f->ok, "%s: no trace record; tpd said: %s", f->label, r->tpd.err.buf ? r->tpd.err.buf : "nothing");
	child_answer(&r->target);
	if (!child_says(r, &r->target, "{\"target\"", 2 * DEADLINE_MS)) {
		cr_expect(false, "%s: the target did not come to its end", f->label);
		f->ok = false;
	}
	if (r->tpd.pid)
		kill(r->tpd.pid, SIGINT);
	if (!child_exited(r, &r->tpd, DEADLINE_MS)) {
		cr_expect(false, "%s: tpd did not stop on SIGINT", f->label);
		f->ok = false;
	}
	if (f->ok)
		cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status), "%s: tpd ended with %#x: %s",
			  f->label, r->tpd.status, r->tpd.err.buf ? r->tpd.err.buf : "");
	child_answer(&r->target);
	cr_expect(child_exited(r, &r->target, DEADLINE_MS) && !r->target.status, "%s: the target ended with %#x",
		  f->label, r->target.status);
}

static json_t *operations_in(const char *output, const char *label)
{
	const char *p = output ? strstr(output, "{\"pid\"") : NULL;
	json_t *all = files_lines(p, label);

	if (json_array_size(all))
		json_array_remove(all, json_array_size(all) - 1);
	return all;
}

static bool same(json_t *a, json_t *b, const char *key)
{
	json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return x == y || json_equal(x, y);
}

/* How many operations of each thread there are does not vary with one thread: the program is not harmed, nor led elsewhere. */
static void check_plain(const struct filed_plan *p, struct filed *f)
{
	json_t *before, *a, *b;
	struct run r = { 0 };
	char path[512];
	size_t i;

	files_scratch(f->dir);
	target_start(&r, p, f->dir, path, sizeof(path));
	child_answer(&r.target);
	child_answer(&r.target);
	cr_expect(child_exited(&r, &r.target, DEADLINE_MS) && !r.target.status, "%s: plain it ends with %#x", f->label,
		  r.target.status);
	before = operations_in(r.target.out.buf, f->label);
	if (atoi(p->threads) == 1 && p->mode && strstr(p->mode, "plain"))
		json_array_foreach(before, i, a)
		{
			b = json_array_get(f->truth, i);
			if (!same(a, b, "op") || !same(a, b, "error") || !same(a, b, "bytes")) {
				cr_expect(false, "%s: operation %zu is another than without tpd", f->label, i);
				break;
			}
		}
	json_decref(before);
	run_close(&r);
	files_remove(f->dir);
}

void filed_run(const struct filed_plan *p, struct filed *f)
{
	struct run r = { 0 };
	char path[512];
	int n;

	*f = (struct filed){ .lossy = p->lossy };
	n = snprintf(f->label, sizeof(f->label), "files %s %s %s %s", p->n, p->threads, p->seed,
		     p->mode ? p->mode : "");
	for (size_t i = 0; p->tpd[i] && n < 200; i++)
		n += snprintf(f->label + n, sizeof(f->label) - n, " %.40s", p->tpd[i]);
	memcpy(r.label, f->label, sizeof(f->label));
	files_scratch(f->dir);
	target_start(&r, p, f->dir, path, sizeof(path));
	traced(p, &r, f);
	f->truth = operations_in(r.target.out.buf, f->label);
	f->records = files_lines(r.data.buf, f->label);
	f->err = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	check_stream(f, p->lossy);
	run_close(&r);
	files_remove(f->dir);
	check_plain(p, f);
}

void filed_free(struct filed *f)
{
	json_decref(f->truth);
	json_decref(f->records);
	free(f->err);
	memset(f, 0, sizeof(*f));
}
