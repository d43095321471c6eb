/* SPDX-License-Identifier: MIT */
/* late_throw.cc: a C++ library that comes into a C program while it is traced, and throws through C frames. */
#include <stdexcept>
#include "target.h"

extern "C" {
int late_thrower(int (*back)(int), int x);
int late_catcher(int (*back)(int), int x);
}

struct Guard {
	int *v;
	~Guard()
	{
		++*v;
	}
};

TRACED int late_thrower(int (*back)(int), int x)
{
	int r = back(x);

	if (x % 3 == 0)
		throw std::runtime_error("late");
	return r;
}

/* Calls back into the program, which calls late_thrower again. */
TRACED int late_catcher(int (*back)(int), int x)
{
	int cleaned = 0;

	try {
		Guard g{ &cleaned };

		return back(x);
	} catch (const std::exception &) {
		return -cleaned;
	}
}
