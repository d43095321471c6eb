/* SPDX-License-Identifier: MIT */
/* clock.h: time in ns, and the way from the kernel's monotonic time stamps to the wall clock. */
#ifndef TPD_CLOCK_H
#define TPD_CLOCK_H

#include <stdint.h>

uint64_t clock_mono(void); /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() counts */
uint64_t clock_wall(void); /* CLOCK_REALTIME, ns since 1970 */

struct clock_map {
	uint64_t offset; /* wall - monotonic, modulo 2^64 */
};

/* Measures the offset; again whenever the wall clock may have been set. */
void clock_map_sample(struct clock_map *m);

static inline uint64_t clock_map_wall(const struct clock_map *m, uint64_t mono_ns)
{
	return mono_ns + m->offset;
}

#endif
