/* SPDX-License-Identifier: MIT */
/* stats_print.c: the statistics for people: the table at the end and the histogram; see stats.h. */
#include "base/human.h"
#include "pipeline/stats.h"

#define NAME_MAX_COLUMNS 40 /* longer names get a line of their own */
#define ENDS_MAX         160

enum { COL_CALLS, COL_LOST, COL_TOTAL, COL_MIN, COL_P50, COL_P90, COL_P99, COL_MAX, COLS };

static const char *const heads[COLS] = { "calls", "lost", "total", "min",
					 "p50",   "p90",  "p99",   "max" };

struct row {
	char cell[COLS][HUMAN_MAX];
	char ends[ENDS_MAX]; /* how calls ended that did not return */
};

static void make_ends(char out[ENDS_MAX], const struct fn_stats *s)
{
	static const char *const names[] = {
#define X(id, num, name) [num] = name,
		CALL_EXITS(X)
#undef X
	};
	char n[HUMAN_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = EXIT_RETURN + 1; i < CALL_EXIT_MAX; i++) {
		uint64_t v = i == EXIT_OPEN ? stats_open(s) : s->exits[i];

		if (v && len < ENDS_MAX)
			len += (size_t)snprintf(out + len, ENDS_MAX - len, "%s%s %s",
						len ? ", " : "", human_count(n, v), names[i]);
	}
}

static void make_row(struct row *row, const struct fn_report *f)
{
	const struct latency *l = &f->latency;

	*row = (struct row){ 0 };
	human_count(row->cell[COL_CALLS], f->stats.entered);
	human_count(row->cell[COL_LOST], stats_lost(&f->stats));
	if (l->count) {
		human_ns(row->cell[COL_TOTAL], l->total);
		human_ns(row->cell[COL_MIN], l->min);
		human_ns(row->cell[COL_MAX], l->max);
	}
	if (l->count && l->ranked) {
		human_ns(row->cell[COL_P50], l->p50);
		human_ns(row->cell[COL_P90], l->p90);
		human_ns(row->cell[COL_P99], l->p99);
	}
	make_ends(row->ends, &f->stats);
}

static void pad(FILE *out, size_t from, size_t to)
{
	if (from < to)
		fprintf(out, "%*s", (int)(to - from), "");
}

static void print_row(FILE *out, const struct fn_report *f, const struct row *row, size_t name,
		      const size_t *width)
{
	size_t columns = human_text(out, f->function, strlen(f->function));

	if (columns > name) {
		fputc('\n', out);
		columns = 0;
	}
	pad(out, columns, name);
	for (size_t i = 0; i < COLS; i++)
		fprintf(out, "  %*s", (int)width[i], *row->cell[i] ? row->cell[i] : "-");
	fprintf(out, "%s%s\n", *row->ends ? "  " : "", row->ends);
}

static int by_total(const void *a, const void *b)
{
	const struct fn_report *x = a, *y = b;
	uint64_t tx = x->latency.total, ty = y->latency.total; /* 0 while no call has ended */

	if (tx != ty)
		return tx > ty ? -1 : 1;
	if (x->stats.entered != y->stats.entered)
		return x->stats.entered > y->stats.entered ? -1 : 1;
	return strcmp(x->function, y->function);
}

void stats_table(FILE *out, struct fn_report *v, size_t n)
{
	size_t width[COLS], name = strlen("function");
	bool ends = false;
	struct row row;

	if (n)
		qsort(v, n, sizeof(*v), by_total);
	for (size_t i = 0; i < COLS; i++)
		width[i] = strlen(heads[i]);
	for (size_t i = 0; i < n; i++) {
		size_t columns = human_text(NULL, v[i].function, strlen(v[i].function));

		if (columns <= NAME_MAX_COLUMNS)
			name = MAX(name, columns);
		make_row(&row, &v[i]);
		ends = ends || *row.ends;
		for (size_t k = 0; k < COLS; k++)
			width[k] = MAX(width[k], strlen(row.cell[k]));
	}
	fprintf(out, "%-*s", (int)name, "function");
	for (size_t i = 0; i < COLS; i++)
		fprintf(out, "  %*s", (int)width[i], heads[i]);
	fprintf(out, "%s\n", ends ? "  not returned" : "");
	for (size_t i = 0; i < n; i++) {
		make_row(&row, &v[i]);
		print_row(out, &v[i], &row, name, width);
	}
}

#define OCTAVES (HIST_TOP + 1) /* 0 ns, then [2^(i-1), 2^i); the last one is open upwards */

static unsigned octave_of(uint64_t ns)
{
	unsigned o = ns ? 64 - (unsigned)__builtin_clzll(ns) : 0;

	return MIN(o, OCTAVES - 1u);
}

static uint64_t octave_floor(unsigned o)
{
	return o ? 1ull << (o - 1) : 0;
}

static void print_octave(FILE *out, const struct fn_report *f, unsigned o, uint64_t n,
			 uint64_t most, unsigned width)
{
	const struct { const char *name; uint64_t ns; } marks[] = {
		{ " p50", f->latency.p50 }, { " p90", f->latency.p90 }, { " p99", f->latency.p99 },
	};
	char from[HUMAN_MAX], count[HUMAN_MAX];
	unsigned bar = (unsigned)((unsigned __int128)n * width / most);

	bar = n && !bar ? 1 : bar;
	fprintf(out, "%10s %12s |", human_ns(from, octave_floor(o)), human_count(count, n));
	for (unsigned i = 0; i < bar; i++)
		fputc('#', out);
	pad(out, bar, width);
	fputc('|', out);
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (octave_of(marks[i].ns) == o)
			fputs(marks[i].name, out);
	fputc('\n', out);
}

void stats_histogram(FILE *out, const struct fn_report *f, unsigned width)
{
	const unsigned other = 10 + 1 + 12 + 2 + 1 + 12; /* columns beside the bar */
	unsigned first = OCTAVES, last = 0;
	uint64_t octaves[OCTAVES] = { 0 }, most = 0;
	char count[HUMAN_MAX];

	human_text(out, f->function, strlen(f->function));
	fprintf(out, ": %s calls ended\n", human_count(count, f->latency.count));
	if (!f->latency.ranked || !f->buckets)
		return;
	for (uint32_t b = 0; b < HIST_BUCKETS; b++) {
		unsigned o = octave_of(hist_floor(b));

		if (!f->buckets[b])
			continue;
		octaves[o] += f->buckets[b];
		most = MAX(most, octaves[o]);
		first = MIN(first, o);
		last = MAX(last, o);
	}
	fprintf(out, "%10s %12s\n", "from", "calls");
	for (unsigned o = first; o <= last; o++)
		print_octave(out, f, o, octaves[o], most, MAX(width, 60u) - other);
}
