/* SPDX-License-Identifier: MIT */
/* carried.c: runs, and comparisons of what was carried; see carried.h. */
#include <criterion/criterion.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "carried.h"

/* ---- runs ---- */

bool carried_built(const char *target)
{
	char path[512];

	if (!access(target_path(path, sizeof(path), target), X_OK))
		return true;
	fprintf(stderr, "%s was not built: not tried\n", path);
	return false;
}

static void label_run(struct run *r, const struct plan *p)
{
	int n = snprintf(r->label, sizeof(r->label), "%s", p->target);

	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i] && n < 200; i++)
		n += snprintf(r->label + n, sizeof(r->label) - n, " %.40s", p->args[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p->tpd) && p->tpd[i] && n < 200; i++)
		n += snprintf(r->label + n, sizeof(r->label) - n, " %.40s", p->tpd[i]);
}

static json_t *records_of(const struct run *r)
{
	const char *p = r->data.buf ? r->data.buf : "", *nl;
	json_t *all = json_array();

	for (size_t line = 1; (nl = strchr(p, '\n')); p = nl + 1, line++) {
		json_error_t err;
		json_t *o = json_loadb(p, (size_t)(nl - p), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &err);

		cr_expect(json_is_object(o), "%s: line %zu is no JSON object (%s): %.*s", r->label, line, err.text,
			  (int)MIN(nl - p, 300), p);
		if (o)
			json_array_append_new(all, o);
	}
	cr_expect(!*p, "%s: the last line is not whole: %.80s", r->label, p);
	return all;
}

/* As truth_of(), but texts may hold NULs. */
static json_t *said_in(const char *output)
{
	const char *p = output ? strstr(output, "{\"target\"") : NULL;
	json_t *truth = p ? json_loads(p, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL) : NULL;
	json_t *said = json_incref(json_object_get(truth, "said"));

	json_decref(truth);
	return said;
}

static const char *record_type(const json_t *o)
{
	const char *s = json_string_value(json_object_get(o, "type"));

	return s ? s : "";
}

static void check_frame(const struct carried *c)
{
	size_t n = json_array_size(c->records);
	json_t *o;
	size_t i;

	cr_expect_str_eq(record_type(json_array_get(c->records, 0)), "trace", "%s: begins otherwise", c->label);
	cr_expect(n && !strcmp(record_type(json_array_get(c->records, n - 1)), "end"), "%s: has no end", c->label);
	json_array_foreach(c->records, i, o)
		cr_expect(strcmp(record_type(o), "lost"), "%s: %s", c->label, json_shown(o));
}

/* With its truth out the target may do what it wants, so there is no line to wait for but its end. */
static void traced(const struct plan *p, struct run *r, const char *const argv[], struct carried *c)
{
	bool attached;

	child_start(&r->target, argv);
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
	tpd_start(r, p, NULL);
	attached = tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS);
	cr_expect(attached, "%s: no trace record; tpd said: %s", r->label, r->tpd.err.buf ? r->tpd.err.buf : "nothing");
	child_answer(&r->target);
	if (p->library)
		cr_expect(tpd_says(r, "\"event\":\"library\"", DEADLINE_MS), "%s: no library", r->label);
	child_answer(&r->target);
	c->ok = child_exited(r, &r->target, DEADLINE_MS);
	cr_expect(c->ok, "%s: the target did not come to its end", r->label);
	if (!child_exited(r, &r->tpd, DEADLINE_MS)) {
		cr_expect(false, "%s: tpd did not end with its target", r->label);
		c->ok = false;
	}
	c->ok = c->ok && attached;
	if (c->ok)
		cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status), "%s: tpd ended with %#x: %s", r->label,
			  r->tpd.status, r->tpd.err.buf ? r->tpd.err.buf : "");
}

void carried_run(const struct plan *p, struct carried *c)
{
	static const struct rlimit no_core = { 0 };
	const char *argv[8] = { NULL };
	AUTO_FREE char *plain = NULL;
	struct run r = { 0 };
	json_t *before;
	char path[512];
	int status;

	memset(c, 0, sizeof(*c));
	label_run(&r, p);
	memcpy(c->label, r.label, sizeof(c->label));
	target_argv(p, argv, path, sizeof(path));
	setrlimit(RLIMIT_CORE, &no_core);
	status = run_plain(argv, &plain);
	before = said_in(plain);
	cr_assert(status >= 0 && before, "%s: without tpd it ends with %#x: %.200s", r.label, status, plain);
	traced(p, &r, argv, c);
	c->status = r.target.status;
	cr_expect_eq(c->status, status, "%s: the target ended with %#x, without tpd with %#x", r.label, c->status, status);
	c->said = said_in(r.target.out.buf);
	cr_expect_eq(json_array_size(c->said), json_array_size(before),
		     "%s: the target did something else than without tpd", r.label);
	c->records = records_of(&r);
	c->err = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	if (c->ok)
		check_frame(c);
	json_decref(before);
	run_close(&r);
}

void carried_free(struct carried *c)
{
	json_decref(c->said);
	json_decref(c->records);
	free(c->err);
	memset(c, 0, sizeof(*c));
}

json_t *carried_next(const struct carried *c, const char *type, size_t *at)
{
	while (*at < json_array_size(c->records)) {
		json_t *o = json_array_get(c->records, (*at)++);

		if (!strcmp(record_type(o), type))
			return o;
	}
	return NULL;
}

/* ---- comparisons ---- */

size_t json_leaves(const json_t *v)
{
	const char *key;
	json_t *one;
	size_t n = 0, i;

	if (!json_is_object(v) && !json_is_array(v))
		return v != NULL;
	json_array_foreach((json_t *)v, i, one)
		n += json_leaves(one);
	json_object_foreach((json_t *)v, key, one)
		n += json_leaves(one);
	return n;
}

const char *json_shown(const json_t *v)
{
	static char text[4][2048];
	static unsigned turn;
	char *to = text[turn++ % ARRAY_SIZE(text)];
	AUTO_FREE char *s = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	snprintf(to, sizeof(text[0]), "%s", s ? s : "nothing");
	return to;
}

/* why is built from the inside out: the path grows in front. */
static bool differ(char *why, size_t size, const json_t *want, const json_t *got)
{
	snprintf(why, size, ": %.400s instead of %.400s", json_shown(got), json_shown(want));
	return false;
}

static __attribute__((format(printf, 3, 4))) bool below(char *why, size_t size, const char *fmt, ...)
{
	AUTO_FREE char *rest = strdup(why);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why, size, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < size)
		snprintf(why + n, size - n, "%s", rest);
	return false;
}

static bool same_objects(const json_t *want, const json_t *got, char *why, size_t size)
{
	const char *key;
	json_t *v;

	v = json_object_get(want, "unavailable");
	if (v && json_object_size(want) == 1 && !strcmp(json_string_value(v), "*"))
		return json_object_get(got, "unavailable") || differ(why, size, want, got);
	json_object_foreach((json_t *)want, key, v)
		if (!json_same(v, json_object_get(got, key), why, size))
			return below(why, size, ".%s", key);
	json_object_foreach((json_t *)got, key, v)
		if (!json_object_get(want, key)) {
			differ(why, size, NULL, v);
			return below(why, size, ".%s", key);
		}
	return true;
}

bool json_same(const json_t *want, const json_t *got, char *why, size_t size)
{
	if (json_object_size(want) == 1 && json_object_get(want, "any"))
		return got || differ(why, size, want, got);
	if (json_is_number(want) && json_is_number(got))
		return json_number_value(want) == json_number_value(got) || differ(why, size, want, got);
	if (!got || json_typeof(want) != json_typeof(got))
		return differ(why, size, want, got);
	if (json_is_object(want))
		return same_objects(want, got, why, size);
	if (!json_is_array(want))
		return json_equal(want, got) || differ(why, size, want, got);
	if (json_array_size(want) != json_array_size(got))
		return differ(why, size, want, got);
	for (size_t i = 0; i < json_array_size(want); i++)
		if (!json_same(json_array_get(want, i), json_array_get(got, i), why, size))
			return below(why, size, "[%zu]", i);
	return true;
}

/* What lies between a throw, panic or fault and the code that is to blame. */
static bool of_runtime(const char *function, const char *module)
{
	static const char *const names[] = {
		"__cxa_*",	 "_Unwind_*", "std::__throw_*", "std::rethrow_exception*", "std::nested_exception::*",
		"std::throw_with_nested*", "std::terminate*", "std::__terminate*", "__cxxabiv1::*", "__gnu_cxx::*",
		"std::_*", "std::vector*", "std::panic*", "core::*", "rust_*", "__rust*", "alloc::*", "std::sys*", "std::rt::*", "_R*",
		"runtime.*", "abort", "raise", "gsignal", "__assert*", "__pthread_kill*", "pthread_kill*", "__GI_*",
	};
	static const char *const modules[] = { "libc.so*", "libc-*", "libstdc++*", "libc++*", "libgcc_s*", "libpthread*" };
	const char *base = strrchr(module, '/');

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!fnmatch(names[i], function, 0))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (!fnmatch(modules[i], base ? base + 1 : module, 0))
			return true;
	return false;
}

static const char *frame_text(json_t *frame, const char *key)
{
	const char *s = json_string_value(json_object_get(frame, key));

	return s ? s : "";
}

/* A function "?" wanted: a frame that no function is known for. */
static bool frame_same(json_t *want, json_t *frame, bool lines, char *why, size_t size)
{
	bool inlined = json_is_true(json_object_get(want, "inlined"));
	const char *function = frame_text(want, "function");
	json_t *line = json_object_get(want, "line");

	if (!frame || (strcmp(function, "?") ? !same_function(frame_text(frame, "function"), function) :
					       *frame_text(frame, "function") != 0))
		return differ(why, size, want, frame);
	if (!lines)
		return true;
	if (line && !json_equal(line, json_object_get(frame, "line")))
		return differ(why, size, want, frame);
	if (inlined != json_is_true(json_object_get(frame, "inlined")))
		return differ(why, size, want, frame);
	return true;
}

/* Passes over the frames that w stands for, if it stands for many; next is what comes behind. */
static bool frames_passed(json_t *w, json_t *next, json_t *stack, size_t *at)
{
	const char *module = json_string_value(json_object_get(w, "module"));
	size_t first = *at;
	char why[16];

	if (!module) /* any */
		while (*at < json_array_size(stack) &&
		       !frame_same(next, json_array_get(stack, *at), false, why, sizeof(why)))
			++*at;
	while (module && strstr(frame_text(json_array_get(stack, *at), "module"), module))
		++*at;
	return *at > first;
}

/* Those of the runtime before the first that is wanted. */
static size_t frames_of_runtime(json_t *want, json_t *stack)
{
	const char *first = frame_text(json_array_get(want, 0), "function");
	json_t *f;
	size_t at;

	json_array_foreach(stack, at, f)
		if (same_function(frame_text(f, "function"), first) ||
		    !of_runtime(frame_text(f, "function"), frame_text(f, "module")))
			return at;
	return 0;
}

bool stack_same(json_t *want, json_t *stack, bool lines, bool from, char *why, size_t size)
{
	size_t at = from ? frames_of_runtime(want, stack) : 0, i;
	json_t *w;

	json_array_foreach(want, i, w) {
		bool same;

		/* debug information alone tells of inlined frames */
		if (!lines && json_is_true(json_object_get(w, "inlined")))
			continue;
		if (json_object_get(w, "function")) {
			same = frame_same(w, json_array_get(stack, at), lines, why, size);
			at += same;
		} else {
			same = frames_passed(w, json_array_get(want, i + 1), stack, &at) ||
			       differ(why, size, w, json_array_get(stack, at));
		}
		if (!same)
			return below(why, size, "frame %zu", at);
	}
	return true;
}
