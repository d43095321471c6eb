/* SPDX-License-Identifier: MIT */
/* accounting_test.c: no event goes missing unseen. */
#include <criterion/criterion.h>
#include "pipeline/accounting.h"

Test(accounting, sums_are_exact_on_many_cpus)
{
	struct cpu_stats *stats = calloc(ACCOUNTING_MAX_CPUS, sizeof(*stats));
	struct accounting a = { 0 };
	struct accounting_sum sum;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t cpu = i * 7 % ACCOUNTING_MAX_CPUS;

		if (i % 3)
			cr_assert_eq(accounting_event(&a, cpu, stats[cpu].seq), 0);
		else
			stats[cpu].lost_ring++;
		stats[cpu].seq++;
	}
	accounting_finish(&a, stats, ACCOUNTING_MAX_CPUS, &sum);
	cr_expect_eq(sum.attempted, 20000);
	cr_expect_eq(sum.lost, 6667);
	cr_expect_eq(sum.received, 13333);
	cr_expect_eq(sum.unexplained, 0);
	cr_expect_leq(accounting_missing(&a), 6667);
	/* One hole and one surplus do not cancel out. */
	stats[0].lost_ring--;
	stats[1].lost_ring++;
	accounting_finish(&a, stats, ACCOUNTING_MAX_CPUS, &sum);
	cr_expect_eq(sum.unexplained, 2);
	accounting_free(&a);
	free(stats);
}

Test(accounting, what_cannot_be_is_unexplained)
{
	struct accounting a = { 0 };
	struct cpu_stats stats[2] = { { .seq = 2 }, { .seq = 0 } };
	struct accounting_sum sum;

	cr_expect_eq(accounting_event(&a, ACCOUNTING_MAX_CPUS, 0), -ERANGE);
	cr_expect_eq(accounting_event(&a, 0, UINT64_MAX), -ERANGE);
	accounting_finish(&a, stats, 2, &sum);
	cr_expect_eq(sum.unexplained, 2, "two events never came");
	cr_assert_eq(accounting_event(&a, 0, 1), 0);
	cr_expect_eq(accounting_missing(&a), 1);
	cr_assert_eq(accounting_event(&a, 0, 0), 0);
	cr_expect_eq(accounting_missing(&a), 0, "a late one fills its hole");
	accounting_finish(&a, stats, 2, &sum);
	cr_expect_eq(sum.unexplained, 0);
	cr_assert_eq(accounting_event(&a, 5, 0), 0);
	accounting_finish(&a, stats, 2, &sum);
	cr_expect_eq(sum.unexplained, 1, "a CPU of which the kernel knows nothing");
	stats[0].lost_ring = 1;
	stats[0].seq = 3;
	cr_assert_eq(accounting_event(&a, 0, 7), 0);
	accounting_finish(&a, stats, 2, &sum);
	cr_expect_eq(sum.unexplained, 6, "a number that was never given out, and a surplus");
	accounting_free(&a);
}
