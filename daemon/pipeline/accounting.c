/* SPDX-License-Identifier: MIT */
/* accounting.c: see accounting.h. */
#include "pipeline/accounting.h"

static int grow(struct accounting *a, size_t cpu)
{
	while (a->ncpus <= cpu) {
		int err = util_grow(&a->cpus, a->ncpus, &a->cap, sizeof(*a->cpus));

		if (err)
			return err;
		a->cpus[a->ncpus++] = (struct accounting_cpu){ 0 };
	}
	return 0;
}

int accounting_event(struct accounting *a, uint32_t cpu, uint64_t seq)
{
	int err;

	if (cpu >= ACCOUNTING_MAX_CPUS || seq == UINT64_MAX)
		return -ERANGE;
	err = grow(a, cpu);
	if (err)
		return err;
	a->cpus[cpu].received++;
	a->cpus[cpu].end = MAX(a->cpus[cpu].end, seq + 1);
	return 0;
}

uint64_t accounting_missing(const struct accounting *a)
{
	uint64_t n = 0;

	for (size_t i = 0; i < a->ncpus; i++)
		if (a->cpus[i].end > a->cpus[i].received)
			n += a->cpus[i].end - a->cpus[i].received;
	return n;
}

/* A surplus on one CPU must not hide a hole on another: each difference counts by its size. */
static uint64_t unexplained(const struct accounting_cpu *c, const struct cpu_stats *s)
{
	uint64_t known = c->received + s->lost_ring;
	uint64_t gap = s->seq > known ? s->seq - known : known - s->seq;

	return c->end > s->seq ? MAX(gap, c->end - s->seq) : gap;
}

void accounting_finish(const struct accounting *a, const struct cpu_stats *stats, size_t nstats,
		       struct accounting_sum *sum)
{
	*sum = (struct accounting_sum){ 0 };
	for (size_t i = 0; i < MAX(a->ncpus, nstats); i++) {
		struct accounting_cpu c = { 0 };
		struct cpu_stats s = { 0 };

		if (i < a->ncpus)
			c = a->cpus[i];
		if (i < nstats)
			s = stats[i];
		sum->attempted += s.seq;
		sum->received += c.received;
		sum->lost += s.lost_ring;
		sum->unexplained += unexplained(&c, &s);
	}
}

void accounting_free(struct accounting *a)
{
	free(a->cpus);
	*a = (struct accounting){ 0 };
}
