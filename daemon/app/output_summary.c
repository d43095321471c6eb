/* SPDX-License-Identifier: MIT */
/* output_summary.c: statistics as records, and as people read them. */
#include "app/output.h"

static bool complete(const uint64_t *buckets, const struct fn_stats *s)
{
	uint64_t ended = 0;

	for (int i = 0; i < CALL_EXIT_MAX; i++)
		ended += i == EXIT_OPEN ? 0 : s->exits[i];
	for (size_t i = 0; i < HIST_BUCKETS && ended; i++)
		ended -= MIN(buckets[i], ended);
	return !ended;
}

/* Reports of all functions that were called, or all; *buckets holds their histograms. */
static struct fn_report *make_reports(struct output *o, const struct stats_source *src, uint64_t **buckets,
				      size_t *n)
{
	size_t nfns = o->decoder.nfns, called = 0;
	struct fn_report *v = calloc(nfns ? nfns : 1, sizeof(*v));
	uint64_t *b = NULL;

	*n = 0;
	*buckets = NULL;
	if (!v)
		return NULL;
	for (size_t fn = 0; fn < nfns; fn++) {
		v[fn].function = o->names[fn].function;
		v[fn].module = o->names[fn].module;
		src->stats(src->arg, fn, &v[fn].stats);
		v[fn].stats.lost[LOST_OUTPUT] += o->fn_told[fn].shed;
		v[fn].stats.filtered += o->fn_told[fn].unwanted;
		called += v[fn].stats.entered != 0;
	}
	b = calloc(called ? called : 1, HIST_BUCKETS * sizeof(*b));
	*buckets = b;
	for (size_t fn = 0; fn < nfns; fn++) {
		if (v[fn].stats.entered && b && !src->histogram(src->arg, fn, b)) {
			/* The shared table of ten thousand histograms can be full; part of one says nothing. */
			v[fn].buckets = complete(b, &v[fn].stats) ? b : NULL;
			b += HIST_BUCKETS;
		}
		stats_latency(&v[fn].latency, &v[fn].stats, v[fn].buckets);
	}
	*n = nfns;
	return v;
}

/* The table stays readable with ten thousand probes: functions that were called, or all if they are few. */
static size_t keep_called(struct fn_report *v, size_t n)
{
	size_t kept = 0;

	if (n <= 20)
		return n;
	for (size_t i = 0; i < n; i++)
		if (v[i].stats.entered)
			v[kept++] = v[i];
	return kept;
}

static FILE *people(const struct output *o)
{
	bool ndjson_on_stdout = o->conf->output && !strcmp(o->conf->output, "-");

	if (!ndjson_on_stdout)
		return stdout;
	return isatty(STDERR_FILENO) ? stderr : NULL;
}

void output_summary(struct output *o, const struct stats_source *src, bool interval)
{
	uint64_t *buckets;
	size_t n;
	struct fn_report *v = make_reports(o, src, &buckets, &n);
	FILE *out = people(o);

	for (size_t i = 0; v && !o->human && i < n; i++) {
		struct summary s;

		stats_summary(&s, &v[i]);
		if (interval)
			record_val(&s.record, K_INTERVAL, VAL_BOOL, 1);
		o->sink->ops->write(o->sink, &s.record);
	}
	if (!o->human)
		exceptions_summary(o->exceptions, interval);
	if (o->files && !o->human)
		files_summary(o->files, interval);
	output_flush(o);
	if (v && out) {
		output_status_clear(o, true);
		n = keep_called(v, n);
		if (n)
			stats_table(out, v, n);
		for (size_t i = 0; o->conf->histogram && i < n; i++)
			if (v[i].latency.count)
				stats_histogram(out, &v[i], 80);
		exceptions_table(o->exceptions, out);
		if (o->files)
			files_table(o->files, out);
		fflush(out);
	}
	free(v);
	free(buckets);
}
