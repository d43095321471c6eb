/* SPDX-License-Identifier: MIT */
/* throw.cc: "throw N": throws N times through five frames and prints what CPU time a throw took. */
#include <cstdio>
#include <ctime>
#include <stdexcept>

static double now()
{
	timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

#define KEEP __asm__ volatile("" ::: "memory")
__attribute__((noinline)) static void five() { throw std::runtime_error("five frames up"); }
__attribute__((noinline)) static void four() { five(); KEEP; }
__attribute__((noinline)) static void three() { four(); KEEP; }
__attribute__((noinline)) static void two() { three(); KEEP; }
__attribute__((noinline)) static void one() { two(); KEEP; }

int main()
{
	char what[16], line[64];
	long n;

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%15s %ld", what, &n) == 2) {
		double t = now();

		for (long i = 0; i < n; i++) {
			try {
				one();
			} catch (const std::runtime_error &) {
				KEEP;
			}
		}
		printf("%.1f\n", (now() - t) / n);
		fflush(stdout);
	}
}
