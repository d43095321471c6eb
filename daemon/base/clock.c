/* SPDX-License-Identifier: MIT */
/* clock.c: see clock.h. */
#include <time.h>
#include "base/clock.h"

#define READINGS 16

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_mono(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

/*
 * The two clocks cannot be read at once: the wall clock is read between two monotonic readings, and
 * of several tries the one with the smallest gap counts, since we may be preempted in any other.
 */
void clock_map_sample(struct clock_map *m)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t before = clock_mono(), wall = clock_wall(), gap = clock_mono() - before;

		if (gap < best) {
			best = gap;
			m->offset = wall - (before + gap / 2);
		}
	}
}
