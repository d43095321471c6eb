// SPDX-License-Identifier: MIT
// sample.cc: what `make demo` traces: it reads files, recurses and throws, round after round, until its input ends.
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace shop
{
#define CALLED __attribute__((noinline))

enum class Size { small, large };

struct Order {
	unsigned number;
	Size size;
	std::string item;
};

struct OutOfStock : std::runtime_error {
	using std::runtime_error::runtime_error;
};

// Not every file is there.
CALLED long read_file(const char *path)
{
	char buf[512];
	int fd = open(path, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return n;
}

// One call a level.
CALLED unsigned long discount(unsigned n)
{
	volatile unsigned long below = n > 1 ? discount(n - 1) : 0;

	return below * 31 + n;
}

CALLED void reserve(const Order &order)
{
	if (order.number % 5 == 0)
		throw OutOfStock("no " + order.item + " left");
}

CALLED unsigned long check_out(const Order &order)
{
	reserve(order);
	return discount(order.number % 3 + 1) + (read_file(order.number % 4 ? "/etc/hostname" : "/etc/vouchers") > 0);
}

CALLED bool serve(const Order &order)
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
	for (unsigned n = 1; poll(&input, 1, 20) == 0; n++) {
		if (shop::serve({ n, n % 2 ? shop::Size::small : shop::Size::large, n % 3 ? "teapot" : "green tea" }))
			served++;
		else
			refused++;
	}
	std::printf("sample: %u orders served, %u refused\n", served, refused);
	return (served + refused) / 5 == refused ? 0 : 1;
}
