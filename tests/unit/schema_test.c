/* SPDX-License-Identifier: MIT */
/*
 * schema_test.c: the schema describes what is written. A small validator, enough for the words that schema.c
 * uses, refuses any it does not know; here unknown fields are an error, so that a new one is described.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <regex.h>
#include "base/util.h"
#include "event.h"
#include "pipeline/exceptions.h"
#include "pipeline/stats.h"
#include "record.h"
#include "sink.h"
#include "sink/schema.h"

static json_t *schema;

static void init(void)
{
	json_error_t error;

	schema = json_loads(schema_text, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(schema, "line %d: %s", error.line, error.text);
}

static void fini(void)
{
	json_decref(schema);
}

TestSuite(schema, .init = init, .fini = fini);

static json_t *definition(const char *ref)
{
	json_t *d;

	cr_assert_eq(strncmp(ref, "#/$defs/", 8), 0);
	d = json_object_get(json_object_get(schema, "$defs"), ref + 8);
	cr_assert_not_null(d, "%s", ref);
	return d;
}

static bool valid(json_t *s, json_t *v);

static bool has_type(const char *type, json_t *v)
{
	return !strcmp(type, "string") ? json_is_string(v) : !strcmp(type, "integer") ? json_is_integer(v) :
	       !strcmp(type, "boolean") ? json_is_boolean(v) : !strcmp(type, "array") ? json_is_array(v) :
	       !strcmp(type, "object") && json_is_object(v);
}

static bool matches(const char *pattern, const char *text)
{
	bool ok;
	regex_t re;

	cr_assert_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0, "%s", pattern);
	ok = text && !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return ok;
}

static bool one_of(json_t *list, json_t *v)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (json_equal(item, v))
			return true;
	return false;
}

static size_t count_valid(json_t *list, json_t *v)
{
	size_t i, n = 0;
	json_t *item;

	json_array_foreach(list, i, item)
		n += valid(item, v);
	return n;
}

static bool valid_members(json_t *properties, json_t *v)
{
	const char *key;
	json_t *item;

	json_object_foreach(v, key, item) {
		json_t *p = json_object_get(properties, key);

		if (!p || !valid(p, item))
			return false;
	}
	return true;
}

static bool valid_items(json_t *items, json_t *v)
{
	json_t *item;
	size_t i;

	json_array_foreach(v, i, item)
		if (!valid(items, item))
			return false;
	return true;
}

static bool has_all(json_t *required, json_t *v)
{
	json_t *item;
	size_t i;

	json_array_foreach(required, i, item)
		if (!json_object_get(v, json_string_value(item)))
			return false;
	return true;
}

static bool valid_word(const char *word, json_t *arg, json_t *v)
{
	static const char *const notes[] = { "$schema", "$defs", "title", "description" };

	for (size_t i = 0; i < ARRAY_SIZE(notes); i++)
		if (!strcmp(word, notes[i]))
			return true;
	if (!strcmp(word, "$ref"))
		return valid(definition(json_string_value(arg)), v);
	if (!strcmp(word, "type"))
		return has_type(json_string_value(arg), v);
	if (!strcmp(word, "const"))
		return json_equal(arg, v);
	if (!strcmp(word, "enum"))
		return one_of(arg, v);
	if (!strcmp(word, "minimum"))
		return json_integer_value(v) >= json_integer_value(arg);
	if (!strcmp(word, "pattern"))
		return matches(json_string_value(arg), json_string_value(v));
	if (!strcmp(word, "anyOf"))
		return count_valid(arg, v) > 0;
	if (!strcmp(word, "oneOf"))
		return count_valid(arg, v) == 1;
	if (!strcmp(word, "properties"))
		return valid_members(arg, v);
	if (!strcmp(word, "items"))
		return valid_items(arg, v);
	if (!strcmp(word, "required"))
		return has_all(arg, v);
	cr_assert_fail("the schema uses a word that is not checked here: %s", word);
	return false;
}

static bool valid(json_t *s, json_t *v)
{
	const char *word;
	json_t *arg;

	json_object_foreach(s, word, arg)
		if (!valid_word(word, arg, v))
			return false;
	return true;
}

static bool valid_text(const char *text)
{
	json_error_t error;
	json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	bool ok;

	cr_assert_not_null(v, "%s: %s", error.text, text);
	ok = valid(schema, v);
	json_decref(v);
	return ok;
}

static bool mentions(json_t *v, const char *key)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_object_get(json_object_get(v, "properties"), key))
		return true;
	json_object_foreach(v, name, item)
		if (mentions(item, key))
			return true;
	json_array_foreach(v, i, item)
		if (mentions(item, key))
			return true;
	return false;
}

Test(schema, describes_every_key)
{
	cr_expect(schema_text[strlen(schema_text) - 1] == '\n');
	for (unsigned i = 0; i < RECORD_KEY_MAX; i++)
		cr_expect(mentions(schema, record_key_name(i)), "%s", record_key_name(i));
	cr_expect(!mentions(schema, "no_such_key"));
}

Test(schema, golden_lines_are_valid)
{
	FILE *f = fopen("tests/golden/all.ndjson", "r");
	char line[4096];
	size_t n = 0;

	cr_assert_not_null(f);
	for (; fgets(line, sizeof(line), f); n++)
		cr_expect(valid_text(line), "%s", line);
	fclose(f);
	cr_expect_eq(n, 14);
}

#define CALL(exit, id, more)                                                                      \
	"{\"type\":\"call\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"duration_ns\":1,\"pid\":1,"  \
	"\"tid\":1,\"function\":\"f\",\"module\":\"/m\",\"exit\":\"" exit "\",\"id\":\"" id "\",\"depth\":0" more "}"

#define EXCEPTION(outcome, more)                                                                  \
	"{\"type\":\"exception\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"pid\":1,\"tid\":1,"          \
	"\"id\":\"0123456789abcdef\",\"language\":\"c++\",\"exception_type\":\"std::bad_alloc\","        \
	"\"outcome\":\"" outcome "\",\"stack\":[]" more "}"

Test(schema, tells_right_from_wrong)
{
	static const struct { bool ok; const char *text; } cases[] = {
		{ true, CALL("return", "0123456789abcdef", "") },
		{ true, CALL("return", "0123456789abcdef", ",\"parent\":\"0123456789abcdef\"") },
		{ false, CALL("returned", "0123456789abcdef", "") },
		{ false, CALL("return", "0123456789ABCDEF", "") },
		{ false, CALL("return", "0123456789abcdef", ",\"parent\":5") },
		{ false, CALL("return", "0123456789abcdef", ",\"cpu\":5") },
		{ true, CALL("return", "0123456789abcdef", ",\"args\":{\"n\":5,\"p\":null},\"return\":[1,\"x\"]") },
		{ true, CALL("return", "0123456789abcdef", ",\"args\":{\"unavailable\":\"map_full\"},\"return\":-1,"
			     "\"error\":\"ENOENT\",\"stack\":[{\"function\":\"f\",\"offset\":1,\"inlined\":true}],\"whole\":false") },
		{ false, CALL("return", "0123456789abcdef", ",\"args\":[]") },
		{ false, CALL("return", "0123456789abcdef", ",\"stack\":[{\"function\":\"f\"}]") },
		{ false, CALL("return", "0123456789abcdef", ",\"exception\":7") },
		{ true, EXCEPTION("caught", ",\"message\":\"m\",\"thrown\":{\"offset\":1,\"file\":\"f\",\"line\":3}") },
		{ true, EXCEPTION("unknown", ",\"message\":{\"value\":\"m\",\"truncated\":true,\"length\":99}") },
		{ true, EXCEPTION("uncaught", ",\"message\":{\"unavailable\":\"read_fault\"},\"signal\":11,\"address\":\"0x0\"") },
		{ false, EXCEPTION("uncaught", ",\"message\":{\"value\":\"m\"}") },
		{ false, EXCEPTION("uncaught", ",\"address\":\"0\"") },
		{ false, EXCEPTION("lost", "") },
		{ true, "{\"type\":\"exceptions\",\"exception_type\":\"t\",\"count\":2,\"outcomes\":{\"caught\":2}}" },
		{ false, "{\"type\":\"exceptions\",\"count\":2,\"outcomes\":{\"fled\":2}}" },
		{ false, "{\"type\":\"call\"}" },
		{ false, "{\"type\":\"other\"}" },
		{ false, "{}" },
		{ true, "{\"type\":\"lost\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"probe\":1,"
			"\"reason\":\"ring_full\",\"count\":\"18446744073709551615\"}" },
		{ false, "{\"type\":\"lost\",\"ts\":\"2026-01-02T03:04:05Z\",\"reason\":\"depth\",\"count\":1}" },
		{ false, "{\"type\":\"lost\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"reason\":\"depth\",\"count\":-1}" },
		{ true, "{\"type\":\"trace\",\"schema\":1,\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"tpd\":\"0.1.0\","
			"\"host\":\"h\",\"kernel\":\"6\",\"pid\":1,\"exe\":\"/x\",\"build_id\":\"ab\",\"probes\":[{\"id\":0,"
			"\"function\":\"f\",\"module\":\"/m\",\"offset\":4096,\"returns\":\"ret\",\"emulated\":true}]}" },
		{ true, "{\"type\":\"process\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"pid\":1,"
			"\"event\":\"library\",\"path\":\"/x\",\"probes\":[{\"id\":0,\"function\":\"f\",\"module\":\"/m\"}]}" },
		{ false, "{\"type\":\"process\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"pid\":1,\"event\":\"x\"}" },
		{ true, "{\"type\":\"end\",\"ts\":\"2026-01-02T03:04:05.123456789Z\",\"reason\":\"signal\","
			"\"events\":1,\"lost\":0}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(valid_text(cases[i].text), cases[i].ok, "%s", cases[i].text);
}

Test(schema, knows_every_exit_and_reason)
{
	static const char *const exits[] = {
#define X(id, num, name) name,
		CALL_EXITS(X)
#undef X
	}, *const reasons[] = {
#define X(id, num, name) name,
		LOST_REASONS(X)
#undef X
	}, *const outcomes[] = {
#define X(id, name) name,
		EXCEPTION_OUTCOMES(X)
#undef X
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(exits); i++) {
		snprintf(text, sizeof(text), CALL("%s", "0123456789abcdef", ""), exits[i]);
		cr_expect(valid_text(text), "%s", exits[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		snprintf(text, sizeof(text), EXCEPTION("%s", ""), outcomes[i]);
		cr_expect(valid_text(text), "%s", outcomes[i]);
		snprintf(text, sizeof(text), "{\"type\":\"exceptions\",\"count\":1,\"outcomes\":{\"%s\":1}}", outcomes[i]);
		cr_expect(valid_text(text), "%s", outcomes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		snprintf(text, sizeof(text), "{\"type\":\"lost\",\"ts\":\"2026-01-02T03:04:05.123456789Z\","
			 "\"reason\":\"%s\",\"count\":1}", reasons[i]);
		cr_expect(valid_text(text), "%s", reasons[i]);
	}
}

Test(schema, summaries_are_valid)
{
	struct sink_conf conf = { .path = NULL, .truncate = true };
	char path[] = "/tmp/schema_test.XXXXXX", line[4096];
	struct fn_report f = { .function = "f", .module = "/m", .stats = { .filtered = 1 } };
	static uint64_t buckets[HIST_BUCKETS];
	struct summary s;
	struct sink *sink;
	FILE *in;

	cr_assert_geq(mkstemp(path), 0);
	conf.path = path;
	cr_assert_eq(sink_ndjson.open(&sink, &conf), 0);
	for (int round = 0; round < 2; round++) {
		stats_latency(&f.latency, &f.stats, buckets);
		stats_summary(&s, &f);
		cr_assert_eq(sink->ops->write(sink, &s.record), 0);
		for (int exit = 0; exit < CALL_EXIT_MAX; exit++)
			stats_count(&f.stats, buckets, exit, 1000);
	}
	sink->ops->close(sink);
	in = fopen(path, "r");
	for (int round = 0; round < 2; round++)
		cr_expect(fgets(line, sizeof(line), in) && valid_text(line), "%s", line);
	fclose(in);
	unlink(path);
}
