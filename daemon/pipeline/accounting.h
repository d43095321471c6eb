/* SPDX-License-Identifier: MIT */
/*
 * accounting.h: proof that no event went missing unseen: attempted = received + lost, on every
 * CPU.
 */
#ifndef TPD_ACCOUNTING_H
#define TPD_ACCOUNTING_H

#include "base/util.h"
#include "spec.h"

#define ACCOUNTING_MAX_CPUS 4096

struct accounting_cpu {
	uint64_t received;
	uint64_t end; /* one above the highest sequence number seen */
};

/* Zero is a valid start. */
struct accounting {
	struct accounting_cpu *cpus;
	size_t ncpus, cap;
};

struct accounting_sum {
	uint64_t attempted;   /* by the kernel's count */
	uint64_t received;
	uint64_t lost;        /* the ring was full, by the kernel's count */
	uint64_t unexplained; /* neither, or received without having been sent; must be 0 */
};

/* An event arrived. Order does not matter: a preempted program sends late. 0, -ENOMEM, -ERANGE. */
int accounting_event(struct accounting *a, uint32_t cpu, uint64_t seq);
/* Holes so far: lost, or still to come. */
uint64_t accounting_missing(const struct accounting *a);
/* Once nothing more will come; stats[i] is the kernel's block of CPU i. */
void accounting_finish(const struct accounting *a, const struct cpu_stats *stats, size_t nstats,
		       struct accounting_sum *sum);
void accounting_free(struct accounting *a);

#endif
