/* SPDX-License-Identifier: MIT */
/* clock_test.c: the way from monotonic time to the wall clock. */
#include <criterion/criterion.h>
#include "base/clock.h"

Test(clock, monotonic_times_become_wall_clock)
{
	struct clock_map m;
	uint64_t wall, mapped, wall2;

	clock_map_sample(&m);
	wall = clock_wall();
	mapped = clock_map_wall(&m, clock_mono());
	wall2 = clock_wall();
	cr_expect_geq(mapped + 100000, wall);
	cr_expect_leq(mapped, wall2 + 100000);
}
