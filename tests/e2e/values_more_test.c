/* SPDX-License-Identifier: MIT */
/*
 * values_more_test.c: arguments of calls that overlap: from many threads, on fibers, of goroutines that move, deep inside each
 * other; depths, conditions on values, and recordings of all that.
 */
#include <criterion/criterion.h>
#include "carried.h"

TestSuite(values_more, .timeout = 300);

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define C_TARGET "values_more_gcc_O2"

static int64_t number(json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static bool is_function(json_t *call, const char *function)
{
	const char *s = json_string_value(json_object_get(call, "function"));

	return s && same_function(s, function);
}

static bool run(const char *target, const char *mode, const char *threads, const char *depth, const char *const *functions,
		const char *const *options, struct carried *c)
{
	struct plan p = { .target = target, .functions = functions, .args = { "1", threads, mode, depth } };

	need_root();
	for (size_t i = 0; options[i]; i++)
		p.tpd[i] = options[i];
	if (!carried_built(target))
		return false;
	carried_run(&p, c);
	return true;
}

/* ---- pairs: each result is the sum of the arguments ---- */

struct pairs_row {
	const char *target, *mode, *threads;
	const char *outer, *inner; /* outer calls inner, with its own arguments */
	bool stays;                /* each thread has its own number */
};

/* clang-format off */
static const struct pairs_row pairs_rows[] = {
	{ "values_more_gcc_O2",   "threads", "8", "more_pairs", "more_pair", true },
	{ "values_more_gcc_O0",   "threads", "8", "more_pairs", "more_pair", true },
	{ "values_more_clang_O2", "threads", "8", "more_pairs", "more_pair", true },
	{ "values_more_gcc_O2",   "fibers",  "1", "more_fiber", "more_pair", false },
	{ "values_more_clang_O2", "fibers",  "1", "more_fiber", "more_pair", false },
	{ "values_more_go_O2",    "",        "1", "main.Moved", "main.Pair", false },
};
/* clang-format on */

static size_t check_sums(const struct carried *c)
{
	size_t at = 0, n = 0, wrong = 0;
	json_t *call;

	for (; (call = carried_next(c, "call", &at)); n++) {
		json_t *args = json_object_get(call, "args"), *sum = json_object_get(call, "return");

		if (json_object_size(args) == 2 && json_is_integer(sum) &&
		    number(args, "who") + number(args, "count") == json_integer_value(sum))
			continue;
		cr_expect(++wrong > 5, "%s: %s", c->label, json_shown(call));
	}
	cr_expect_eq(wrong, 0, "%s: %zu of %zu calls have another's arguments or result", c->label, wrong, n);
	return n;
}

/* Every pair that was called is there, once; and the calls inside of it are those that it made. */
static void check_outer(const struct carried *c, const struct pairs_row *row)
{
	json_t *truth = json_array_get(c->said, 0), *seen = json_object(), *by_id = json_object(), *tids = json_object(), *call;
	int64_t pairs = number(truth, "pairs"), threads = number(truth, "threads"), step = number(truth, "step");
	size_t at = 0, inside = 0, alien = 0;
	char key[64];

	while ((call = carried_next(c, "call", &at))) {
		json_t *args = json_object_get(call, "args");

		if (!is_function(call, row->outer))
			continue;
		snprintf(key, sizeof(key), "%lld %lld", (long long)number(args, "who"), (long long)number(args, "count"));
		cr_expect(!json_object_get(seen, key), "%s: twice: %s", c->label, key);
		json_object_set(seen, key, call);
		json_object_set(by_id, json_string_value(json_object_get(call, "id")), args);
		snprintf(key, sizeof(key), "%lld", (long long)number(call, "tid"));
		if (row->stays && json_object_get(tids, key))
			cr_expect_eq(number(tids, key), number(args, "who"), "%s: another thread's: %s", c->label, json_shown(call));
		json_object_set(tids, key, json_object_get(args, "who"));
	}
	cr_expect_eq((int64_t)json_object_size(seen), pairs * threads, "%s: %zu pairs", c->label, json_object_size(seen));
	for (int64_t i = 0; i < pairs * threads; i++) {
		snprintf(key, sizeof(key), "%lld %lld", (long long)(i / pairs * step), (long long)(i % pairs));
		cr_expect(json_object_get(seen, key), "%s: not there: %s", c->label, key);
	}
	for (at = 0; (call = carried_next(c, "call", &at));) {
		json_t *args = json_object_get(call, "args"), *outer;
		const char *parent = json_string_value(json_object_get(call, "parent"));

		if (!is_function(call, row->inner) || (!number(args, "who") && !number(args, "count")))
			continue;
		inside++;
		outer = parent ? json_object_get(by_id, parent) : NULL;
		alien += !outer || number(outer, "who") != number(args, "who") ||
			 llabs(number(outer, "count")) != llabs(number(args, "count"));
	}
	cr_expect(inside >= json_object_size(seen) - 1, "%s: %zu calls inside", c->label, inside);
	cr_expect_eq(alien, 0, "%s: %zu calls of %zu are inside of a call that did not make them", c->label, alien, inside);
	json_decref(seen);
	json_decref(by_id);
	json_decref(tids);
}

Test(values_more, pairs)
{
	for (size_t i = 0; i < ARRAY_SIZE(pairs_rows); i++) {
		const struct pairs_row *row = &pairs_rows[i];
		struct carried c;
		size_t n;

		if (!run(row->target, row->mode, row->threads, "1", LIST(row->outer, row->inner),
			 LIST("--ring-size", "64M"), &c))
			continue;
		n = check_sums(&c);
		check_outer(&c, row);
		cr_log_info("%s: %zu calls", c.label, n);
		carried_free(&c);
	}
}

/* ---- recursion ---- */

/* Deeper than there are slots in a thread. */
Test(values_more, deep)
{
	static const char *const targets[] = { "values_more_gcc_O0", "values_more_gcc_O2", "values_more_clang_O2" };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(targets); i++) {
		int64_t most = i & 1 ? 230 : 100;
		struct carried c;
		size_t at = 0;
		json_t *call;

		if (!run(targets[i / 2], "deep", "1", i & 1 ? "230" : "100", LIST("more_deep"), LIST(NULL), &c))
			continue;
		/* the innermost ends first */
		for (int64_t level = most; level >= 0; level--) {
			int64_t sum = (most + level) * (most - level + 1) / 2;
			json_t *args;

			call = carried_next(&c, "call", &at);
			args = json_object_get(call, "args");
			cr_expect(call && number(call, "depth") == level && json_object_size(args) == 2 &&
				  number(args, "level") == level && number(args, "most") == most && number(call, "return") == sum,
				  "%s: level %d: %s", c.label, (int)level, json_shown(call));
		}
		cr_expect_null(carried_next(&c, "call", &at));
		carried_free(&c);
	}
}

/* ---- depths ---- */

/* @t, @branch ...: their addresses */
static const char *const depth_rows[] = {
	"{\"t\":\"@t\"}",
	"{\"t\":{\"branch\":\"@branch\",\"first\":{\"value\":1}}}",
	"{\"t\":{\"branch\":{\"twig\":\"@twig\",\"n\":2},\"first\":{\"value\":1}}}",
	"{\"t\":{\"branch\":{\"twig\":{\"leaf\":\"@leaf\",\"name\":\"the twig\"},\"n\":2},\"first\":{\"value\":1}}}",
	"{\"t\":{\"branch\":{\"twig\":{\"leaf\":{\"value\":4},\"name\":\"the twig\"},\"n\":2},\"first\":{\"value\":1}}}",
};

static json_t *with_addresses(const char *want, json_t *said)
{
	const char *at = strchr(want, '@');
	char name[16] = "", text[512];

	if (!at)
		return json_loads(want, 0, NULL);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "\""), at + 1);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - want), want, json_string_value(json_object_get(said, name)),
		 at + 1 + strlen(name));
	return json_loads(text, 0, NULL);
}

Test(values_more, depths)
{
	for (size_t i = 0; i < ARRAY_SIZE(depth_rows); i++) {
		char depth[4], why[1024] = "";
		json_t *want, *call;
		struct carried c;
		size_t at = 0;

		snprintf(depth, sizeof(depth), "%zu", i);
		if (!run(C_TARGET, "depths", "1", "1", LIST("more_depth"), LIST("--depth", depth), &c))
			continue;
		want = with_addresses(depth_rows[i], json_array_get(c.said, 0));
		call = carried_next(&c, "call", &at);
		cr_expect(want && json_same(want, json_object_get(call, "args"), why, sizeof(why)), "%s: args%s", c.label, why);
		json_decref(want);
		carried_free(&c);
	}
}

/* ---- conditions ---- */

/* Which n pass; the target calls with -4 ... 7. */
static const struct {
	const char *where, *want;
} where_rows[] = {
	{ "n < 0", "[-4,-3,-2,-1]" },
	{ "text == \"blue\"", "[-2,2,6]" },
	{ "text != \"blue\"", "[-4,-3,-1,0,1,3,4,5,7]" },
	{ "text ~ \"blue*\"", "[-2,-1,2,3,6]" },
	{ "text == null", "[7]" },
	{ "len(text) == 3", "[-4,0,4]" },
	{ "len(text) > 4 || n == -4", "[-4,-3,-1,1,3,5]" },
	{ "colour == GREEN", "[-3,0,3,6]" },
	{ "colour == BLUE && n > 0", "[1,4,7]" },
	{ "colour != RED && colour != 7", "[-3,0,3,6]" },
	{ "small >= 200", "[-3,-2,-1]" },
	{ "small & 64", "[-4,-3,-2,-1,4,5,6,7]" },
	{ "return == 30", "[3]" },
	{ "return <= -30 && text == \"red\"", "[-4]" },
	{ "n == 3 && text == \"x\"", "[]" },
	{ "duration > 1h", "[]" },
};

Test(values_more, where)
{
	for (size_t i = 0; i < ARRAY_SIZE(where_rows); i++) {
		json_t *got = json_array(), *want = json_loads(where_rows[i].want, 0, NULL), *call;
		char why[1024] = "";
		struct carried c;
		size_t at = 0;

		cr_assert_not_null(want);
		if (run(C_TARGET, "filters", "1", "1", LIST("more_filter"), LIST("--where", where_rows[i].where), &c)) {
			while ((call = carried_next(&c, "call", &at)))
				json_array_append(got, json_object_get(json_object_get(call, "args"), "n"));
			cr_expect(json_same(want, got, why, sizeof(why)), "%s: n%s", c.label, why);
			carried_free(&c);
		}
		json_decref(got);
		json_decref(want);
	}
}

/* ---- recordings ---- */

struct replay_row {
	const char *target, *mode, *function;
	const char *where; /* one that the kernel cannot tell */
};

/* clang-format off */
static const struct replay_row replay_rows[] = {
	{ "values_c_gcc_O2",    "",        "v_*",             NULL },
	{ "values_cc_gcc_O2",   "",        "values::*",       NULL },
	{ "values_rs_O2",       "",        "values_rs::v::*", NULL },
	{ "values_go_O2",       "",        "main.V*",         NULL },
	{ "values_more_gcc_O2", "texts",   "more_text",       NULL },
	{ "values_more_gcc_O2", "filters", "more_filter",     "text ~ \"b*\"" },
};
/* clang-format on */

/* The next record of this type in text from *at on, or NULL. */
static json_t *next_record(const char **at, const char *type)
{
	const char *nl;

	for (; (nl = strchr(*at, '\n')); *at = nl + 1) {
		json_t *o = json_loadb(*at, (size_t)(nl - *at), JSON_ALLOW_NUL, NULL);
		const char *s = json_string_value(json_object_get(o, "type"));

		if (s && !strcmp(s, type)) {
			*at = nl + 1;
			return o;
		}
		json_decref(o);
	}
	return NULL;
}

/* All records of one type. */
static size_t same_again(const struct carried *c, const char *replayed, const char *type)
{
	const char *text = replayed;
	json_t *was, *is;
	size_t at = 0, n = 0;

	for (; (was = carried_next(c, type, &at)); n++) {
		is = next_record(&text, type);
		cr_expect(json_equal(was, is), "%s: was %s, replayed it is %s", c->label, json_shown(was), json_shown(is));
		json_decref(is);
	}
	is = next_record(&text, type);
	cr_expect_null(is, "%s: only in the replay: %s", c->label, json_shown(is));
	json_decref(is);
	return n;
}

Test(values_more, replay)
{
	char path[] = "/tmp/tpd-replay-XXXXXX";

	need_root();
	close(mkstemp(path));
	for (size_t i = 0; i < ARRAY_SIZE(replay_rows); i++) {
		const struct replay_row *row = &replay_rows[i];
		struct carried c;
		char *out, *err;
		int status;

		if (!run(row->target, row->mode, "1", "1", LIST(row->function),
			 row->where ? LIST("--record", path, "--where", row->where) : LIST("--record", path), &c))
			continue;
		status = run_tpd(LIST("--replay", path, "-o", "-"), &out, &err);
		cr_expect_eq(status, 0, "%s: --replay ended with %#x: %s", c.label, status, err);
		cr_expect(same_again(&c, out, "call") >= 5, "%s: hardly any calls", c.label);
		same_again(&c, out, "summary");
		free(out);
		free(err);
		carried_free(&c);
	}
	unlink(path);
}
