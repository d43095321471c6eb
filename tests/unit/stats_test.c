/* SPDX-License-Identifier: MIT */
/* stats_test.c: percentiles against sorted truth, sums, the summary record, what is printed. */
#include <criterion/criterion.h>
#include <math.h>
#include "base/human.h"
#include "pipeline/stats.h"

#define SHARDS 4

static uint64_t state = 88172645463325252u;

static uint64_t next(void) /* xorshift64, so that each run is the same */
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double uniform(void)
{
	return (double)(next() >> 11) / 9007199254740992.0;
}

static uint64_t log_uniform(void)
{
	return (uint64_t)exp(uniform() * log(1e12));
}

static uint64_t constant(void)
{
	return 123457;
}

static uint64_t bimodal(void)
{
	return next() % 10 < 7 ? 900 + next() % 200 : 40000000 + next() % 9000000;
}

static uint64_t tiny(void)
{
	return next() % 64;
}

static uint64_t powers(void)
{
	return (1ull << next() % 40) - (next() & 1);
}

static uint64_t narrow(void)
{
	return 1000000 + next() % 100;
}

static const struct {
	const char *name;
	uint64_t (*draw)(void);
	bool exact;
} shapes[] = {
	{ "log-uniform", log_uniform, false }, { "constant", constant, true },
	{ "bimodal", bimodal, false },	       { "tiny", tiny, true },
	{ "powers of two", powers, false },    { "narrow", narrow, false },
};

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Merged from shards, as the kernel keeps them. */
static void collect(struct fn_report *f, uint64_t *buckets, const uint64_t *v, size_t n)
{
	static uint64_t shard_buckets[SHARDS][HIST_BUCKETS];
	struct fn_stats shards[SHARDS] = { 0 };

	memset(shard_buckets, 0, sizeof(shard_buckets));
	memset(buckets, 0, HIST_BUCKETS * sizeof(*buckets));
	*f = (struct fn_report){ .function = "f", .module = "/m", .buckets = buckets };
	for (size_t i = 0; i < n; i++)
		stats_count(&shards[i % SHARDS], shard_buckets[i % SHARDS], EXIT_RETURN, v[i]);
	for (size_t i = 0; i < SHARDS; i++) {
		fn_stats_merge(&f->stats, &shards[i]);
		hist_merge(buckets, shard_buckets[i]);
	}
	stats_latency(&f->latency, &f->stats, buckets);
}

static void expect_near(const char *name, size_t n, unsigned p, uint64_t got, uint64_t truth, bool exact)
{
	double off = fabs((double)got - (double)truth) / (double)MAX(truth, (uint64_t)1);

	cr_expect_leq(off, exact ? 0 : 0.016, "%s, %zu values: p%u is %lu, not %lu", name, n, p,
		      (unsigned long)got, (unsigned long)truth);
}

static uint64_t nearest_rank(const uint64_t *sorted, size_t n, unsigned p)
{
	return sorted[(n * p + 99) / 100 - 1];
}

Test(stats, percentiles_are_near_the_truth)
{
	static const size_t sizes[] = { 1, 2, 3, 9, 10, 99, 100, 101, 1000, 20000 };
	static uint64_t v[20000], buckets[HIST_BUCKETS];

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			size_t n = sizes[k];
			struct fn_report f;
			uint64_t total = 0;

			for (size_t j = 0; j < n; j++)
				total += v[j] = shapes[i].draw();
			collect(&f, buckets, v, n);
			qsort(v, n, sizeof(*v), ascending);
			cr_expect_eq(f.latency.count, n);
			cr_expect_eq(f.latency.total, total);
			cr_expect_eq(f.latency.min, v[0]);
			cr_expect_eq(f.latency.max, v[n - 1]);
			expect_near(shapes[i].name, n, 50, f.latency.p50, nearest_rank(v, n, 50), shapes[i].exact);
			expect_near(shapes[i].name, n, 90, f.latency.p90, nearest_rank(v, n, 90), shapes[i].exact);
			expect_near(shapes[i].name, n, 99, f.latency.p99, nearest_rank(v, n, 99), shapes[i].exact);
		}
	}
}

Test(stats, buckets_cover_all_values_without_gap)
{
	for (uint32_t b = 0; b + 1 < HIST_BUCKETS; b++) {
		cr_assert_lt(hist_floor(b), hist_floor(b + 1));
		cr_assert_eq(hist_bucket(hist_floor(b)), b);
		cr_assert_eq(hist_bucket(hist_floor(b + 1) - 1), b);
	}
	cr_expect_eq(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

Test(stats, values_beyond_the_histogram)
{
	static uint64_t buckets[HIST_BUCKETS];
	const uint64_t v[] = { 1, UINT64_MAX / 4, UINT64_MAX / 4 };
	struct fn_report f;

	collect(&f, buckets, v, 3);
	cr_expect_eq(f.latency.min, 1);
	cr_expect_eq(f.latency.max, UINT64_MAX / 4);
	cr_expect_eq(f.latency.p50, UINT64_MAX / 4);
}

Test(stats, nothing_is_made_up_without_calls_or_histogram)
{
	struct fn_stats s = { .entered = 3, .exits[EXIT_OPEN] = 3 };
	uint64_t buckets[HIST_BUCKETS] = { 0 };
	struct latency l;

	stats_latency(&l, &s, buckets);
	cr_expect_eq(l.count, 0);
	stats_count(&s, NULL, EXIT_RETURN, 7);
	stats_latency(&l, &s, NULL);
	cr_expect(l.count == 1 && !l.ranked && l.min == 7 && l.max == 7 && l.total == 7);
	stats_latency(&l, &s, buckets);
	cr_expect(!l.ranked);
}

Test(stats, an_exit_that_is_none_does_not_count)
{
	struct fn_stats s = { 0 }, zero = { 0 };

	stats_count(&s, NULL, CALL_EXIT_MAX, 1);
	stats_count(&s, NULL, 255, 1);
	cr_expect_arr_eq(&s, &zero, sizeof(s));
	stats_count(&s, NULL, EXIT_OPEN, 1);
	cr_expect(s.entered == 1 && s.exits[EXIT_OPEN] == 1 && !s.total_ns && !s.min_inv);
}

Test(stats, open_calls)
{
	struct fn_stats s = { .entered = 20, .exits = { 5, 1, 1 } };

	cr_expect_eq(stats_open(&s), 13);
	s.lost[LOST_DEPTH] = 3;
	s.lost[LOST_MAP_FULL] = 2;
	s.lost[LOST_RING_FULL] = 4;
	cr_expect_eq(stats_open(&s), 8);
	cr_expect_eq(stats_lost(&s), 9);
	s.exits[EXIT_OPEN] = 8;
	cr_expect_eq(stats_open(&s), 8);
	s.entered = 0; /* read in the middle of an update */
	cr_expect_eq(stats_open(&s), 8);
}

static const enum record_key all[] = { K_FUNCTION, K_MODULE, K_CALLS, K_RETURNS, K_LOST, K_FILTERED,
				       K_TOTAL, K_MIN, K_P50, K_P90, K_P99, K_MAX };

Test(stats, summary_in_full)
{
	static uint64_t buckets[HIST_BUCKETS];
	const uint64_t v[] = { 10, 20, 30 };
	struct fn_report f;
	struct summary s;
	const struct field *r;

	collect(&f, buckets, v, 3);
	f.stats.filtered = 2;
	f.stats.entered += 3;
	f.stats.exits[EXIT_EXCEPTION]++;
	f.stats.lost[LOST_THROTTLED] = 1;
	stats_summary(&s, &f);
	cr_expect_str_eq(s.record.type, "summary");
	cr_expect_eq(s.record.rank, RANK_STREAM);
	cr_assert_eq(s.record.n, ARRAY_SIZE(all));
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		cr_expect_eq(s.record.f[i].key, all[i]);
	cr_expect_eq(record_find(&s.record, K_CALLS)->u, 6);
	cr_expect_eq(record_find(&s.record, K_LOST)->u, 1);
	cr_expect_eq(record_find(&s.record, K_TOTAL)->u, 60);
	cr_expect_eq(record_find(&s.record, K_P50)->u, 20);
	r = record_find(&s.record, K_RETURNS);
	cr_assert_eq(r->len, 3);
	cr_expect(r->list[0].key == K_EXIT_RETURN && r->list[0].u == 3);
	cr_expect(r->list[1].key == K_EXIT_EXCEPTION && r->list[1].u == 1);
	cr_expect(r->list[2].key == K_OPEN && r->list[2].u == 2);
}

Test(stats, summary_of_a_function_that_never_ran)
{
	struct fn_report f = { .function = "f", .module = "/m" };
	struct summary s;

	stats_latency(&f.latency, &f.stats, NULL);
	stats_summary(&s, &f);
	cr_expect_eq(s.record.n, 5);
	cr_expect_eq(record_find(&s.record, K_RETURNS)->len, 0);
	cr_expect_null(record_find(&s.record, K_TOTAL));
	cr_expect_null(record_find(&s.record, K_FILTERED));
}

static char *table(struct fn_report *v, size_t n)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	stats_table(f, v, n);
	fclose(f);
	return text;
}

Test(stats, table)
{
	static uint64_t b[2][HIST_BUCKETS];
	const uint64_t fast[] = { 100, 200, 300 }, slow[] = { 5000000, 7000000 };
	struct fn_report v[3];
	AUTO_FREE char *text = NULL;

	collect(&v[0], b[0], fast, 3);
	collect(&v[1], b[1], slow, 2);
	v[0].function = "fast";
	v[1].function = "a_function_whose_name_is_longer_than_forty_columns";
	v[1].stats.exits[EXIT_EXCEPTION] = 1;
	v[1].stats.entered++;
	v[2] = (struct fn_report){ .function = "never\033[2J", .module = "/m" };
	text = table(v, 3);
	cr_expect_str_eq(text,
		"function      calls  lost     total       min       p50       p90       p99       max  not returned\n"
		"a_function_whose_name_is_longer_than_forty_columns\n"
		"                  3     0  12.00 ms  5.000 ms  5.046 ms  7.000 ms  7.000 ms  7.000 ms  1 exception\n"
		"fast              3     0    600 ns    100 ns    201 ns    300 ns    300 ns    300 ns\n"
		"never\\x1b[2J      0     0         -         -         -         -         -         -\n",
		"%s", text);
	free(util_steal(&text));
	text = table(NULL, 0);
	cr_expect_str_eq(text, "function  calls  lost  total  min  p50  p90  p99  max\n");
}

static char *histogram(const struct fn_report *f, unsigned width)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	stats_histogram(out, f, width);
	fclose(out);
	return text;
}

Test(stats, histogram)
{
	static uint64_t b[HIST_BUCKETS];
	uint64_t v[100];
	struct fn_report f;
	AUTO_FREE char *text = NULL;

	for (size_t i = 0; i < 100; i++)
		v[i] = i < 60 ? 600 : i < 95 ? 1100 : 5000;
	collect(&f, b, v, 100);
	text = histogram(&f, 80);
	cr_expect_str_eq(text,
		"f: 100 calls ended\n"
		"      from        calls\n"
		"    512 ns           60 |##########################################| p50\n"
		"  1.024 us           35 |########################                  | p90\n"
		"  2.048 us            0 |                                          |\n"
		"  4.096 us            5 |###                                       | p99\n",
		"%s", text);
}

Test(stats, histogram_fits_its_width)
{
	static uint64_t buckets[HIST_BUCKETS], v[2000];
	static const unsigned widths[] = { 0, 60, 80, 200 };
	struct fn_report f;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(v); k++)
			v[k] = shapes[i].draw();
		collect(&f, buckets, v, ARRAY_SIZE(v));
		for (size_t k = 0; k < ARRAY_SIZE(widths); k++) {
			AUTO_FREE char *text = histogram(&f, widths[k]);

			for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
				cr_expect_leq(strlen(line), MAX(widths[k], 60u), "%s", line);
		}
	}
	stats_latency(&f.latency, &(struct fn_stats){ 0 }, NULL);
	free(histogram(&f, 80));
}
