/* SPDX-License-Identifier: MIT */
/* stats.c: counting, percentiles and the summary record; see stats.h. */
#include "pipeline/stats.h"

void stats_count(struct fn_stats *s, uint64_t *buckets, enum call_exit exit, uint64_t ns)
{
	if ((unsigned)exit >= CALL_EXIT_MAX)
		return;
	s->entered++;
	s->exits[exit]++;
	if (exit == EXIT_OPEN)
		return;
	s->total_ns += ns;
	s->min_inv = MAX(s->min_inv, ~ns);
	s->max_ns = MAX(s->max_ns, ns);
	if (buckets)
		buckets[hist_bucket(ns)]++;
}

static uint64_t ended(const struct fn_stats *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < CALL_EXIT_MAX; i++)
		n += i == EXIT_OPEN ? 0 : s->exits[i];
	return n;
}

static uint64_t bucket_middle(uint32_t bucket, uint64_t max)
{
	uint64_t floor = hist_floor(bucket);

	if (bucket == HIST_BUCKETS - 1)
		return max >> HIST_TOP ? max : floor + ((1ull << HIST_TOP) - floor - 1) / 2;
	return floor + (hist_floor(bucket + 1) - floor - 1) / 2;
}

static uint64_t percentile(const struct latency *l, const uint64_t *buckets, uint64_t n, unsigned p)
{
	uint64_t rank = (uint64_t)(((unsigned __int128)n * p + 99) / 100), seen = 0;
	uint32_t bucket = 0;

	if (rank == n)
		return l->max;
	for (; bucket < HIST_BUCKETS - 1; bucket++) {
		seen += buckets[bucket];
		if (seen >= rank)
			break;
	}
	return MIN(MAX(bucket_middle(bucket, l->max), l->min), l->max);
}

void stats_latency(struct latency *l, const struct fn_stats *s, const uint64_t *buckets)
{
	uint64_t n = 0;

	*l = (struct latency){ .count = ended(s) };
	if (!l->count)
		return;
	l->total = s->total_ns;
	l->max = s->max_ns;
	l->min = MIN(~s->min_inv, l->max); /* a shard may be read between its two updates */
	for (size_t i = 0; buckets && i < HIST_BUCKETS; i++)
		n += buckets[i];
	l->ranked = n > 0;
	if (!l->ranked)
		return;
	l->p50 = percentile(l, buckets, n, 50);
	l->p90 = percentile(l, buckets, n, 90);
	l->p99 = percentile(l, buckets, n, 99);
}

uint64_t stats_open(const struct fn_stats *s)
{
	uint64_t known = ended(s) + s->lost[LOST_DEPTH] + s->lost[LOST_MAP_FULL] +
			 s->lost[LOST_READ_FAULT] + s->lost[LOST_MISSED];

	return MAX(s->exits[EXIT_OPEN], s->entered > known ? s->entered - known : 0);
}

uint64_t stats_lost(const struct fn_stats *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LOST_MAX; i++)
		n += s->lost[i];
	return n;
}

void stats_summary(struct summary *out, const struct fn_report *f)
{
	static const enum record_key keys[CALL_EXIT_MAX] = {
		[EXIT_RETURN] = K_EXIT_RETURN,	     [EXIT_TAIL] = K_EXIT_TAIL,
		[EXIT_EXCEPTION] = K_EXIT_EXCEPTION, [EXIT_PANIC] = K_EXIT_PANIC,
		[EXIT_UNWOUND] = K_EXIT_UNWOUND,     [EXIT_THREAD] = K_EXIT_THREAD,
		[EXIT_OPEN] = K_OPEN,
	};
	const struct latency *l = &f->latency;
	struct record *r = &out->record;
	size_t n = 0;

	*r = (struct record){ .type = "summary", .rank = RANK_STREAM };
	for (size_t i = 0; i < CALL_EXIT_MAX; i++) {
		uint64_t v = i == EXIT_OPEN ? stats_open(&f->stats) : f->stats.exits[i];

		if (v)
			out->returns[n++] =
				(struct field){ .key = keys[i], .type = VAL_U64, .u = v };
	}
	record_str(r, K_FUNCTION, f->function, strlen(f->function));
	record_str(r, K_MODULE, f->module, strlen(f->module));
	record_u64(r, K_CALLS, f->stats.entered);
	record_list(r, K_RETURNS, VAL_OBJECT, out->returns, n);
	record_u64(r, K_LOST, stats_lost(&f->stats));
	if (f->stats.filtered)
		record_u64(r, K_FILTERED, f->stats.filtered);
	if (!l->count)
		return;
	record_val(r, K_TOTAL, VAL_NS, l->total);
	record_val(r, K_MIN, VAL_NS, l->min);
	if (l->ranked) {
		record_val(r, K_P50, VAL_NS, l->p50);
		record_val(r, K_P90, VAL_NS, l->p90);
		record_val(r, K_P99, VAL_NS, l->p99);
	}
	record_val(r, K_MAX, VAL_NS, l->max);
}
