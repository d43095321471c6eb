/* SPDX-License-Identifier: MIT */
/* verdict.c: parses a stream and compares it with the truth; see harness.h. */
#include <criterion/criterion.h>
#include "harness.h"

const char *const exit_names[E_MAX] = { "return",  "tail_call",   "exception", "panic",
					"unwound", "thread_exit", "open" };

/* ---- parsing ---- */

static uint32_t intern(struct trace *t, const char *name)
{
	for (size_t i = t->nnames; i > 0; i--)
		if (!strcmp(t->names[i - 1], name))
			return (uint32_t)i - 1;
	cr_assert_eq(util_grow(&t->names, t->nnames, &t->names_cap, sizeof(*t->names)), 0);
	t->names[t->nnames] = strdup(name);
	return (uint32_t)t->nnames++;
}

static uint64_t hex(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16 ? strtoull(s, NULL, 16) : 0;
}

/* "2024-01-02T03:04:05.123456789Z" */
static bool is_time(const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";

	for (size_t i = 0; i < sizeof(form); i++)
		if (!s || (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i]))
			return false;
	return true;
}

static bool call_parse(struct trace *t, json_t *o)
{
	const char *ts = NULL, *fn = NULL, *module = NULL, *how = NULL, *comm = NULL;
	json_int_t dur = -1, depth = -1;
	json_t *id = NULL, *parent = NULL;
	struct call c = { .exit = E_MAX, .line = t->lines };

	if (json_unpack(o, "{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:i,s:i,s:o,s?o}", "ts", &ts, "function", &fn,
			"module", &module, "exit", &how, "comm", &comm, "duration_ns", &dur, "depth",
			&depth, "pid", &c.pid, "tid", &c.tid, "id", &id, "parent", &parent))
		return false;
	for (unsigned i = 0; i < E_MAX; i++)
		if (!strcmp(how, exit_names[i]))
			c.exit = (uint8_t)i;
	c.id = hex(id);
	c.parent = hex(parent);
	c.duration = (uint64_t)dur;
	c.depth = (uint32_t)depth;
	if (!is_time(ts) || c.exit == E_MAX || !c.id || (parent && !c.parent) || dur < 0 || depth < 0)
		return false;
	c.fn = intern(t, fn);
	cr_assert_eq(util_grow(&t->calls, t->ncalls, &t->calls_cap, sizeof(c)), 0);
	t->calls[t->ncalls++] = c;
	return true;
}

static void line_parse(struct trace *t, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(o, "type"));
	bool good = type;

	t->lines++;
	t->last = NULL;
	if (type && !strcmp(type, "call")) {
		good = call_parse(t, o);
	} else if (type) {
		json_array_append(t->others, o);
		t->last = o;
		if (t->lines == 1)
			t->first = o;
	}
	if (!good && !t->bad_lines++)
		cr_expect(false, "line %zu is not as it should be: %.*s", t->lines,
			  (int)MIN(len, (size_t)300), line);
	json_decref(o);
}

void trace_parse(struct trace *t, const char *text, size_t len)
{
	memset(t, 0, sizeof(*t));
	t->others = json_array();
	while (len) {
		const char *nl = memchr(text, '\n', len);

		if (!nl) {
			t->bad_lines++;
			cr_expect(false, "the last line is not whole: %.*s", (int)MIN(len, (size_t)80),
				  text);
			return;
		}
		line_parse(t, text, (size_t)(nl - text));
		len -= (size_t)(nl + 1 - text);
		text = nl + 1;
	}
}

void trace_free(struct trace *t)
{
	for (size_t i = 0; i < t->nnames; i++)
		free(t->names[i]);
	free(t->names);
	free(t->calls);
	json_decref(t->others);
	memset(t, 0, sizeof(*t));
}

/* ---- questions ---- */

bool same_function(const char *streamed, const char *truth)
{
	static const char *const clones[] = { ".constprop.", ".isra.", ".part.", ".cold", ".lto_priv." };
	size_t n = strlen(truth);

	if (strncmp(streamed, truth, n))
		return false;
	/* parameters, or the tag of an ABI ("f[abi:cxx11](int)") */
	if (!streamed[n] || streamed[n] == '(' || streamed[n] == '[')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(clones); i++)
		if (!strncmp(streamed + n, clones[i], strlen(clones[i])))
			return true;
	return false;
}

uint64_t trace_count(const struct trace *t, const char *function, unsigned exit)
{
	AUTO_FREE bool *match = calloc(t->nnames + 1, sizeof(*match));
	uint64_t n = 0;

	for (size_t i = 0; i < t->nnames; i++)
		match[i] = !function || same_function(t->names[i], function);
	for (size_t i = 0; i < t->ncalls; i++)
		n += match[t->calls[i].fn] && (exit == E_MAX || t->calls[i].exit == exit);
	return n;
}

static bool is_record(json_t *o, const char *type, const char *function)
{
	const char *f = json_string_value(json_object_get(o, "function"));

	return !strcmp(json_string_value(json_object_get(o, "type")), type) &&
	       (!function || (f && same_function(f, function)));
}

int64_t trace_sum(const struct trace *t, const char *type, const char *function, const char *key)
{
	json_t *o;
	size_t i;
	int64_t n = 0;

	json_array_foreach(t->others, i, o)
		if (is_record(o, type, function))
			n += json_integer_value(json_object_get(o, key));
	return n;
}

json_t *trace_record(const struct trace *t, const char *type, const char *function)
{
	json_t *o;
	size_t i;

	json_array_foreach(t->others, i, o)
		if (is_record(o, type, function))
			return o;
	return NULL;
}

/* ---- the stream in itself ---- */

static int by_id(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static const struct call *call_by_id(const struct trace *t, uint64_t id)
{
	struct call key = { .id = id };

	return id ? bsearch(&key, t->calls, t->ncalls, sizeof(key), by_id) : NULL;
}

/* Sorts by id; expects unique ids, and children that are shallower and shorter than their parents. */
static void check_calls(const struct trace *t, const char *label)
{
	size_t twice = 0, shallow = 0, longer = 0, roots = 0;

	qsort(t->calls, t->ncalls, sizeof(*t->calls), by_id);
	for (size_t i = 0; i < t->ncalls; i++) {
		const struct call *c = &t->calls[i], *p = call_by_id(t, c->parent);

		twice += i && c->id == t->calls[i - 1].id;
		roots += !c->parent != !c->depth;
		shallow += p && c->depth != p->depth + 1;
		longer += p && c->duration > p->duration;
	}
	cr_expect_eq(twice, 0, "%s: %zu call ids are not unique", label, twice);
	cr_expect_eq(roots, 0, "%s: %zu calls have a parent at depth 0 or none below", label, roots);
	cr_expect_eq(shallow, 0, "%s: %zu calls are not one deeper than their parent", label, shallow);
	cr_expect_eq(longer, 0, "%s: %zu calls took longer than their parent", label, longer);
}

/* attempted = delivered + lost + filtered, of each function and in all. */
static void check_sums(const struct trace *t, const char *label)
{
	int64_t lost = trace_sum(t, "lost", NULL, "count"), end_lost, calls = 0, accounted = 0;
	size_t i;
	json_t *o;

	json_array_foreach(t->others, i, o)
	{
		json_t *returns = json_object_get(o, "returns"), *v;
		json_int_t n = json_integer_value(json_object_get(o, "calls")), ends = 0;
		json_int_t missed = json_integer_value(json_object_get(o, "lost"));
		const char *k;

		if (!is_record(o, "summary", NULL) || json_object_get(o, "interval"))
			continue;
		json_object_foreach(returns, k, v)
			ends += json_integer_value(v);
		cr_expect(ends <= n && n <= ends + missed,
			  "%s: %s: %lld calls, but %lld ends and %lld lost", label,
			  json_string_value(json_object_get(o, "function")), (long long)n,
			  (long long)ends, (long long)missed);
		calls += n;
		accounted += missed + json_integer_value(json_object_get(o, "filtered"));
	}
	end_lost = json_integer_value(json_object_get(t->last, "lost"));
	cr_expect_eq(lost, end_lost, "%s: lost records tell of %ld, the end record of %ld", label,
		     (long)lost, (long)end_lost);
	cr_expect_eq(json_integer_value(json_object_get(t->last, "events")), (json_int_t)t->ncalls,
		     "%s: the end record counts other than %zu events", label, t->ncalls);
	if (t->ncalls || accounted) /* else --summary: no call was to be streamed */
		cr_expect_eq(calls, (int64_t)t->ncalls + accounted,
			     "%s: %ld calls, %zu streamed, %ld lost or filtered", label, (long)calls,
			     t->ncalls, (long)accounted);
}

void trace_check(const struct trace *t, const char *label)
{
	static const char *const reasons[] = { "signal", "target_exit", "duration", "count", "error" };
	const char *reason = json_string_value(json_object_get(t->last, "reason"));
	bool known = false;

	cr_expect_eq(t->bad_lines, 0, "%s: %zu bad lines", label, t->bad_lines);
	cr_expect(t->first && is_record(t->first, "trace", NULL), "%s: does not begin with trace", label);
	cr_expect(t->last && is_record(t->last, "end", NULL), "%s: does not end with end", label);
	cr_expect_eq(json_integer_value(json_object_get(t->first, "schema")), 1, "%s: schema", label);
	cr_expect(is_time(json_string_value(json_object_get(t->first, "ts"))), "%s: ts", label);
	cr_expect_gt(json_array_size(json_object_get(t->first, "probes")), 0, "%s: no probes", label);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		known |= reason && !strcmp(reason, reasons[i]);
	cr_expect(known, "%s: ends for the reason '%s'", label, reason ? reason : "");
	check_calls(t, label);
	if (t->last)
		check_sums(t, label);
}

/* ---- against the truth ---- */

/* Calls of a function, and of those only the ones at this depth or with this parent. */
static uint64_t count_depth(const struct trace *t, const char *function, uint32_t depth)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->ncalls; i++)
		n += t->calls[i].depth == depth && same_function(t->names[t->calls[i].fn], function);
	return n;
}

static uint64_t count_parent(const struct trace *t, const char *function, const char *parent)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->ncalls; i++) {
		const struct call *c = &t->calls[i], *p = call_by_id(t, c->parent);

		if (same_function(t->names[c->fn], function))
			n += p ? same_function(t->names[p->fn], parent) : !c->parent && !*parent;
	}
	return n;
}

static int by_tid(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static uint64_t count_threads(const struct trace *t, const char *function)
{
	AUTO_FREE int *tids = calloc(t->ncalls + 1, sizeof(int));
	size_t n = 0;
	uint64_t distinct = 0;

	for (size_t i = 0; i < t->ncalls; i++)
		if (same_function(t->names[t->calls[i].fn], function))
			tids[n++] = t->calls[i].tid;
	qsort(tids, n, sizeof(*tids), by_tid);
	for (size_t i = 0; i < n; i++)
		distinct += !i || tids[i] != tids[i - 1];
	return distinct;
}

/* What the truth says of a function's ends: 0 for those that it does not name. */
static uint64_t expected(json_t *expect, const char *kind, const char *function, const char *what)
{
	json_t *e;
	size_t i;
	uint64_t n = 0;

	json_array_foreach(expect, i, e)
	{
		const char *k = json_string_value(json_array_get(e, 0));
		const char *f = json_string_value(json_array_get(e, 1));
		const char *w = json_string_value(json_array_get(e, 2));

		if (!strcmp(k, kind) && !strcmp(f, function) && (!what || !strcmp(w, what)))
			n += (uint64_t)json_integer_value(json_array_get(e, 3));
	}
	return n;
}

static void check_ends(const struct trace *t, json_t *expect, const char *kind, const char *f,
		       bool lossy, const char *label)
{
	json_t *returns = json_object_get(trace_record(t, "summary", f), "returns");
	uint64_t all = expected(expect, kind, f, NULL);
	int64_t calls = trace_sum(t, "summary", f, "calls");

	cr_expect_eq(calls, (int64_t)all, "%s: %s: %ld calls in the summary, truth %lu", label, f,
		     (long)calls, (unsigned long)all);
	for (unsigned x = 0; x < E_MAX; x++) {
		uint64_t want = expected(expect, kind, f, exit_names[x]), got = trace_count(t, f, x);
		int64_t sum = json_integer_value(json_object_get(returns, exit_names[x]));

		if (lossy)
			cr_expect_leq(got, want, "%s: %s: %s %lu times, truth %lu", label, f,
				      exit_names[x], (unsigned long)got, (unsigned long)want);
		else
			cr_expect_eq(got, want, "%s: %s: %s %lu times, truth %lu", label, f,
				     exit_names[x], (unsigned long)got, (unsigned long)want);
		cr_expect_eq(sum, (int64_t)want, "%s: %s: %s %ld times in the summary, truth %lu",
			     label, f, exit_names[x], (long)sum, (unsigned long)want);
	}
}

static void check_entry(const struct trace *t, json_t *e, const char *label)
{
	const char *kind = json_string_value(json_array_get(e, 0));
	const char *f = json_string_value(json_array_get(e, 1));
	const char *what = json_string_value(json_array_get(e, 2));
	uint64_t want = (uint64_t)json_integer_value(json_array_get(e, 3)), got = want;

	if (!strcmp(kind, "depth"))
		got = count_depth(t, f, (uint32_t)atoi(what));
	else if (!strcmp(kind, "parent"))
		got = count_parent(t, f, what);
	else if (!strcmp(kind, "threads"))
		got = count_threads(t, f);
	cr_expect_eq(got, want, "%s: %s: %s '%s' %lu times, truth %lu", label, f, kind, what,
		     (unsigned long)got, (unsigned long)want);
}

void trace_check_truth(const struct trace *t, json_t *truth, const char *kind, bool lossy,
		       const char *label)
{
	json_t *expect = json_object_get(truth, "expect"), *e;
	int64_t lost = trace_sum(t, "lost", NULL, "count");
	size_t i;

	cr_expect_not_null(truth, "%s: no truth", label);
	cr_expect(lossy || !lost, "%s: %ld lost", label, (long)lost);
	json_array_foreach(expect, i, e)
	{
		const char *k = json_string_value(json_array_get(e, 0));
		const char *f = json_string_value(json_array_get(e, 1));
		bool first = true;

		for (size_t j = 0; j < i && first; j++) {
			json_t *d = json_array_get(expect, j);

			first = strcmp(json_string_value(json_array_get(d, 0)), k) ||
				strcmp(json_string_value(json_array_get(d, 1)), f);
		}
		if (!strcmp(k, kind) && first)
			check_ends(t, expect, kind, f, lossy, label);
		else if (!lossy && strcmp(kind, "follow"))
			check_entry(t, e, label);
	}
}
