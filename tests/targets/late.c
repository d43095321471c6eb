/* SPDX-License-Identifier: MIT */
/* late.c: a library that dlopen.c loads while it is traced. */
#include "target.h"

int late_inner(int x);
int late_outer(int x);

TRACED int late_inner(int x)
{
	KEEP(x);
	return x + 1;
}

TRACED int late_outer(int x)
{
	int r = late_inner(x) + late_inner(x + 1);

	KEEP(r);
	return r;
}
