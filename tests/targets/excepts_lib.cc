// SPDX-License-Identifier: MIT
// excepts_lib.cc: the library side of exceptions that cross from one module into another; see excepts.cc.
#include <stdexcept>
#include <string>
#include "said.h"

namespace exlib
{
TRACED void raise(int n)
{
	KEEP(n);
	throw std::out_of_range("library " + std::to_string(n));
}

TRACED int pass(int (*f)(int), int n)
{
	int r = f(n);

	KEEP(r);
	return r;
}

TRACED int absorb(int (*f)(int), int n)
{
	try {
		n = f(n);
	} catch (const std::exception &) {
		n = -1;
	}
	KEEP(n);
	return n;
}
}
