/* SPDX-License-Identifier: MIT */
/*
 * exceptions_test.c: exceptions, panics and fatal signals: a record for each that the target speaks of, and no other:
 * type, message, the frames from where it was thrown, where it ended; the calls that it left; how the process ended.
 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include "carried.h"

TestSuite(exceptions, .timeout = 600);

#define MAX_SHOWN 10

struct row {
	const char *target, *threads, *mode;
	const char *language;
	const char *functions; /* traced too, in a second run; NULL: no second run */
	bool lines;            /* has debug information */
};

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- one record ---- */

/* "a b c" as a list of frames; the line is that of the first which is one. */
static json_t *frames_of(const json_t *want)
{
	json_t *list = json_array(), *line = json_object_get(want, "line");
	AUTO_FREE char *names = strdup(text_of(want, "frames"));
	char *save = NULL;

	for (char *s = strtok_r(names, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
		json_t *f = json_pack("{s:s}", "function", s);

		if (line && !json_array_size(list))
			json_object_set(f, "line", line);
		json_array_append_new(list, f);
	}
	return list;
}

static bool same_frames(const json_t *want, const json_t *got, bool lines, char *why, size_t size)
{
	json_t *frames = frames_of(want), *f;
	char rest[900] = "";
	size_t i;
	bool same;

	/* said of its line only: whether calls between are inlined is the compiler's choice */
	json_array_foreach(frames, i, f)
		if (json_object_get(f, "line") && lines)
			break;
	same = stack_same(frames, json_object_get(got, "stack"), false, true, rest, sizeof(rest));
	if (same && i < json_array_size(frames)) {
		json_t *first = json_pack("[O]", json_array_get(frames, i));

		same = stack_same(first, json_object_get(got, "stack"), true, true, rest, sizeof(rest));
		json_decref(first);
	}
	if (!same)
		snprintf(why, size, "stack, %s", rest);
	json_decref(frames);
	return same;
}

static bool same_text(const json_t *want, const char *key, const char *got, char *why, size_t size)
{
	if (!json_object_get(want, key) || !strcmp(text_of(want, key), got))
		return true;
	snprintf(why, size, "%s: \"%s\" instead of \"%s\"", key, got, text_of(want, key));
	return false;
}

static bool same_kind(const json_t *want, const json_t *got, char *why, size_t size)
{
	json_t *message = json_object_get(want, "message");
	const char *has = text_of(want, "message_has");
	char rest[900] = "";

	if (!same_text(want, "exception_type", text_of(got, "exception_type"), why, size))
		return false;
	if (message && !json_same(message, json_object_get(got, "message"), rest, sizeof(rest))) {
		snprintf(why, size, "message%s", rest);
		return false;
	}
	if (strstr(text_of(got, "message"), has))
		return true;
	snprintf(why, size, "message: \"%s\" without \"%s\"", text_of(got, "message"), has);
	return false;
}

static bool same_place(const json_t *want, const json_t *got, char *why, size_t size)
{
	const char *caught = text_of(json_object_get(got, "caught"), "function"), *in = text_of(want, "caught_in");
	bool again = json_is_true(json_object_get(want, "rethrown"));

	if (json_object_get(want, "caught_in") && !same_function(caught, in)) {
		snprintf(why, size, "caught in \"%s\" instead of \"%s\"", caught, in);
		return false;
	}
	if (json_object_get(want, "address") && strtoull(text_of(want, "address"), NULL, 16) !=
						       strtoull(text_of(got, "address"), NULL, 16)) {
		snprintf(why, size, "address %s instead of %s", text_of(got, "address"), text_of(want, "address"));
		return false;
	}
	if (json_object_get(want, "told_line") && !json_equal(json_object_get(want, "told_line"), json_object_get(got, "line"))) {
		snprintf(why, size, "tells line %s instead of %s", json_shown(json_object_get(got, "line")),
			 json_shown(json_object_get(want, "told_line")));
		return false;
	}
	if (again != json_is_true(json_object_get(got, "rethrown"))) {
		snprintf(why, size, again ? "not marked as rethrown" : "marked as rethrown");
		return false;
	}
	return true;
}

static bool same_record(const struct row *row, const json_t *want, const json_t *got, char *why, size_t size)
{
	if (!same_kind(want, got, why, size) || !same_text(want, "outcome", text_of(got, "outcome"), why, size) ||
	    !same_place(want, got, why, size))
		return false;
	if (strcmp(text_of(got, "language"), row->language)) {
		snprintf(why, size, "language: %s", text_of(got, "language"));
		return false;
	}
	return same_frames(want, got, row->lines, why, size);
}

/* ---- all records ---- */

/* The record that is as wanted, or one of its kind, or NULL; taken[] are those that others have. */
static json_t *find(const struct row *row, json_t *want, json_t *all, bool exactly, bool *taken)
{
	char why[1024];
	size_t i;
	json_t *got;

	json_array_foreach(all, i, got) {
		if (taken[i])
			continue;
		if (exactly ? !same_record(row, want, got, why, sizeof(why)) : !same_kind(want, got, why, sizeof(why)))
			continue;
		taken[i] = true;
		return got;
	}
	return NULL;
}

/* What an exception that nobody catches ends in needs no truth of its own. */
static bool is_aftermath(const struct carried *c, const json_t *got)
{
	json_t *want;
	size_t i;

	json_array_foreach(c->said, i, want)
		if (!strcmp(text_of(want, "outcome"), "uncaught") && strncmp(text_of(want, "exception_type"), "SIG", 3) &&
		    !strcmp(text_of(got, "exception_type"), "SIGABRT"))
			return true;
	return false;
}

/* Gives each entry of the truth the id of its record. */
static void compare(const struct row *row, const struct carried *c)
{
	json_t *all = json_array(), *want, *got;
	AUTO_FREE bool *taken = NULL;
	size_t at = 0, i, shown = 0;
	char why[1024];

	while ((got = carried_next(c, "exception", &at)))
		json_array_append(all, got);
	taken = calloc(json_array_size(all) + 1, sizeof(*taken));
	json_array_foreach(c->said, i, want) {
		got = find(row, want, all, true, taken);
		if (got)
			json_object_set(want, "id", json_object_get(got, "id"));
	}
	json_array_foreach(c->said, i, want) {
		if (json_object_get(want, "id") || ++shown > MAX_SHOWN)
			continue;
		got = find(row, want, all, false, taken);
		if (got)
			same_record(row, want, got, why, sizeof(why));
		cr_expect(false, "%s: %s\n  %s\n  %s", c->label, got ? why : "no such record", json_shown(want),
			  got ? json_shown(got) : "");
	}
	json_array_foreach(all, i, got)
		if (!taken[i] && !is_aftermath(c, got) && ++shown <= MAX_SHOWN)
			cr_expect(false, "%s: the target does not know of %s", c->label, json_shown(got));
	cr_expect_leq(shown, (size_t)MAX_SHOWN, "%s: %zu differences in all", c->label, shown);
	json_decref(all);
}

static bool was_left(const struct carried *c, const char *function, const json_t *id)
{
	json_t *call;
	size_t at = 0;

	while ((call = carried_next(c, "call", &at))) {
		const char *how = text_of(call, "exit");

		if (same_function(text_of(call, "function"), function) && (!strcmp(how, "exception") || !strcmp(how, "panic")) &&
		    json_equal(json_object_get(call, "exception"), id))
			return true;
	}
	return false;
}

/* Each traced call between throw and catch ended by this exception. */
static void compare_calls(const struct row *row, const struct carried *c)
{
	size_t prefix = strcspn(row->functions, "*"), i, k;
	json_t *want, *frame;

	json_array_foreach(c->said, i, want) {
		json_t *frames = frames_of(want), *id = json_object_get(want, "id");

		json_array_foreach(frames, k, frame) {
			const char *name = text_of(frame, "function");

			if (!id || !*text_of(want, "caught_in") || json_object_get(want, "rethrown") ||
			    !strcmp(name, text_of(want, "caught_in")))
				break;
			if (!strncmp(name, row->functions, prefix))
				cr_expect(was_left(c, name, id), "%s: no call of %s was left by %s", c->label, name,
					  json_shown(want));
		}
		json_decref(frames);
	}
}

/* The process record of its end says what wait(2) said. */
static void compare_end(const struct carried *c)
{
	json_t *o, *end = NULL;
	size_t at = 0;

	while ((o = carried_next(c, "process", &at)))
		if (!strcmp(text_of(o, "event"), "exit"))
			end = o;
	cr_expect_not_null(end, "%s: no record of its end", c->label);
	if (!end)
		return;
	if (WIFSIGNALED(c->status))
		cr_expect_eq(json_integer_value(json_object_get(end, "signal")), WTERMSIG(c->status), "%s: %s", c->label,
			     json_shown(end));
	else
		cr_expect_eq(json_integer_value(json_object_get(end, "status")), WEXITSTATUS(c->status), "%s: %s",
			     c->label, json_shown(end));
}

static void run_rows(const struct row *rows, size_t n)
{
	need_root();
	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		if (!carried_built(row->target))
			continue;
		for (int traced = 0; traced <= !!row->functions; traced++) {
			const char *const functions[] = { row->functions, NULL };
			struct plan p = { .target = row->target,
					  .args = { "1", row->threads ? row->threads : "1", row->mode },
					  .tpd = { "--exceptions" }, .functions = traced ? functions : NULL };
			struct carried c;

			carried_run(&p, &c);
			if (c.ok) {
				compare(row, &c);
				compare_end(&c);
			}
			if (c.ok && traced)
				compare_calls(row, &c);
			carried_free(&c);
		}
	}
}

/* clang-format off */
static const struct row rows_cxx[] = {
	{ "excepts_cc_gcc_O0",      NULL, "",         "c++", "ex::*", true },
	{ "excepts_cc_gcc_O2",      NULL, "",         "c++", "ex::*", true },
	{ "excepts_cc_gcc_nodebug", NULL, "",         "c++", "ex::*", false },
	{ "excepts_cc_gcc_static",  NULL, "",         "c++", "ex::*", true },
	{ "excepts_cc_clang_O2",    NULL, "",         "c++", "ex::*", true },
	{ "excepts_cc_libcxx_O2",   NULL, "",         "c++", "ex::*", true },
	{ "excepts_cc_gcc_O2",      NULL, "uncaught", "c++", "ex::*", true },
	{ "excepts_cc_gcc_O2",      NULL, "noexcept", "c++", "ex::*", true },
	{ "excepts_cc_gcc_O2",      NULL, "thread",   "c++", NULL, true },
	{ "excepts_cc_gcc_O2",      NULL, "int",      "c++", NULL, true },
	{ "excepts_cc_libcxx_O2",   NULL, "uncaught", "c++", "ex::*", true },
	{ "excepts_cc_libcxx_O2",   NULL, "noexcept", "c++", NULL, true },
};

static const struct row rows_rust[] = {
	{ "excepts_rs_O0",    NULL, "",         "rust", "excepts_rs::*", true },
	{ "excepts_rs_O2",    NULL, "",         "rust", "excepts_rs::*", true },
	{ "excepts_rs_O2",    NULL, "uncaught", "rust", "excepts_rs::*", true },
	{ "excepts_rs_O2",    NULL, "unwrap",   "rust", NULL, true },
	{ "excepts_rs_abort", NULL, "uncaught", "rust", NULL, true },
	{ "excepts_rs_abort", NULL, "unwrap",   "rust", NULL, true },
};

static const struct row rows_go[] = {
	{ "excepts_go_O0",       NULL, "",         "go", "main.*", true },
	{ "excepts_go_O2",       NULL, "",         "go", "main.*", true },
	{ "excepts_go_stripped", NULL, "",         "go", "main.*", false },
	{ "excepts_go_O2",       NULL, "uncaught", "go", "main.*", true },
	{ "excepts_go_O2",       NULL, "error",    "go", NULL, true },
	{ "excepts_go_O2",       NULL, "nil",      "go", NULL, true },
};

static const struct row rows_c[] = {
	{ "crash_O2", NULL, "segv",    "c", "c*", true },
	{ "crash_O0", NULL, "segv",    "c", "c*", true },
	{ "crash_O2", "2",  "segv",    "c", NULL, true },
	{ "crash_O2", NULL, "null",    "c", NULL, true },
	{ "crash_O2", NULL, "write",   "c", NULL, true },
	{ "crash_O2", NULL, "jump",    "c", NULL, true },
	{ "crash_O2", NULL, "fpe",     "c", NULL, true },
	{ "crash_O2", "2",  "fpe",     "c", NULL, true },
	{ "crash_O2", NULL, "ill",     "c", NULL, true },
	{ "crash_O2", NULL, "trap",    "c", NULL, true },
	{ "crash_O2", NULL, "bus",     "c", NULL, true },
	{ "crash_O2", NULL, "abort",   "c", NULL, true },
	{ "crash_O2", "2",  "abort",   "c", NULL, true },
	{ "crash_O2", NULL, "assert",  "c", NULL, true },
	{ "crash_O0", NULL, "assert",  "c", NULL, true },
	{ "crash_O2", NULL, "raise",   "c", NULL, true },
	{ "crash_O2", NULL, "term",    "c", "c*", true },
	{ "crash_O2", NULL, "deep",    "c", NULL, true },
	{ "crash_O2", NULL, "longjmp", "c", "c*", true },
	{ "crash_O2", NULL, "handled", "c", "c*", true },
};
/* clang-format on */

Test(exceptions, cxx)
{
	run_rows(rows_cxx, ARRAY_SIZE(rows_cxx));
}

Test(exceptions, rust)
{
	run_rows(rows_rust, ARRAY_SIZE(rows_rust));
}

Test(exceptions, go)
{
	run_rows(rows_go, ARRAY_SIZE(rows_go));
}

Test(exceptions, fatal_signals)
{
	run_rows(rows_c, ARRAY_SIZE(rows_c));
}
