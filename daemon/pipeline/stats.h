/* SPDX-License-Identifier: MIT */
/*
 * stats.h: exact counts and near percentiles of functions, from the blocks that the kernel keeps.
 */
#ifndef TPD_STATS_H
#define TPD_STATS_H

#include "base/util.h"
#include "record.h"
#include "spec.h"

/* Of calls that ended; min and all behind it mean nothing while count is 0. */
struct latency {
	uint64_t count, total, min, max;
	bool ranked; /* there is a histogram, so these are known: */
	uint64_t p50, p90, p99;
};

/* All that is known of one function. */
struct fn_report {
	const char *function, *module;
	struct fn_stats stats;
	const uint64_t *buckets; /* HIST_BUCKETS of them, or NULL */
	struct latency latency;  /* stats_latency() of the above */
};

/*
 * Add one call that ended, as the BPF programs do: for recorded streams. An exit that is none does
 * not count.
 */
void stats_count(struct fn_stats *s, uint64_t *buckets, enum call_exit exit, uint64_t ns);

/*
 * Percentiles by nearest rank, each the middle of its bucket within [min, max]: exact below 64 ns,
 * at most 1/64 off below 2^HIST_TOP ns; from there on the maximum is given.
 */
void stats_latency(struct latency *l, const struct fn_stats *s, const uint64_t *buckets);

/*
 * Calls that have begun and neither ended nor were lost track of (LOST_DEPTH, MAP_FULL,
 * READ_FAULT, MISSED).
 */
uint64_t stats_open(const struct fn_stats *s);
uint64_t stats_lost(const struct fn_stats *s);

/* A `summary` record; the strings stay the report's. */
struct summary {
	struct record record;
	struct field returns[CALL_EXIT_MAX];
};
void stats_summary(struct summary *out, const struct fn_report *f);

/* The table at the end; sorts v by total time, longest first. */
void stats_table(FILE *out, struct fn_report *v, size_t n);
/* One row an octave of latency, with bars and the percentiles; width in columns, at least 60. */
void stats_histogram(FILE *out, const struct fn_report *f, unsigned width);

#endif
