// SPDX-License-Identifier: MIT
// sample.cc: what `make demo` traces: it reads files, recurses and throws, round after round, until its input ends.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace shop
{
#define CALLED __attribute__((noinline))

struct OutOfStock : std::runtime_error {
	using std::runtime_error::runtime_error;
};

CALLED size_t read_file(const char *path)
{
	std::ifstream in(path);
	std::string line;
	size_t n = 0;

	while (std::getline(in, line))
		n += line.size();
	return n;
}

// One call a level.
CALLED unsigned long discount(unsigned n)
{
	volatile unsigned long below = n > 1 ? discount(n - 1) : 0;

	return below * 31 + n;
}

CALLED void reserve(unsigned order)
{
	if (order % 5 == 0)
		throw OutOfStock("order " + std::to_string(order));
}

CALLED unsigned long check_out(unsigned order)
{
	reserve(order);
	return discount(order % 7 + 1) + read_file("/etc/passwd");
}

CALLED bool serve(unsigned order)
{
	try {
		return check_out(order) > 0;
	} catch (const OutOfStock &) {
		return false;
	}
}
} // namespace shop

int main()
{
	unsigned served = 0, refused = 0;
	pollfd input = { STDIN_FILENO, POLLIN, 0 };

	std::printf("sample: pid %d\n", getpid());
	std::fflush(stdout);
	for (unsigned order = 1; poll(&input, 1, 20) == 0; order++) {
		if (shop::serve(order))
			served++;
		else
			refused++;
	}
	std::printf("sample: %u orders served, %u refused\n", served, refused);
	return (served + refused) / 5 == refused ? 0 : 1;
}
