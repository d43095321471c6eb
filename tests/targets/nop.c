/* SPDX-License-Identifier: MIT */
/*
 * nop.c: entries that were made to be patched, and leaf functions that keep live values in the red zone
 * below the stack pointer across a 5-byte nop: a probe there must not push anything.
 */
#include "target.h"

/* Five nops of one byte. */
TRACED __attribute__((patchable_function_entry(5, 0))) int patchable(int x)
{
	KEEP(x);
	return x + 1;
}

int nop5(int x);
int red_zone(int x);
int red_zone_framed(int x);

__asm__(".text\n"
	".globl nop5\n.type nop5, @function\n"
	"nop5:\n\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\tlea 2(%rdi), %eax\n\tret\n"
	".size nop5, . - nop5\n"
	".globl red_zone\n.type red_zone, @function\n"
	"red_zone:\n\tmov %edi, -8(%rsp)\n\tmovq $77, -16(%rsp)\n\t.byte 0x0f, 0x1f, 0x44, 0, 0\n"
	"\tmov -8(%rsp), %eax\n\tadd -16(%rsp), %eax\n\tret\n"
	".size red_zone, . - red_zone\n"
	/* the same behind endbr64, which tempts a tracer to move its probe on */
	".globl red_zone_framed\n.type red_zone_framed, @function\n"
	"red_zone_framed:\n\tendbr64\n\tmov %edi, -4(%rsp)\n\tmov %edi, %edi\n"
	"\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\tmov -4(%rsp), %eax\n\tnop\n\tadd $3, %eax\n\tret\n"
	".size red_zone_framed, . - red_zone_framed\n");

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++)
		sum += patchable(i) + nop5(i) + red_zone(i) + red_zone_framed(i);
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 1000);
	sum = target_work(work);
	n = (long)target.n * target.threads;
	truth_begin("nop", sum, 0);
	truth("calls", "patchable", "return", n);
	truth("calls", "nop5", "return", n);
	truth("calls", "red_zone", "return", n);
	truth("calls", "red_zone_framed", "return", n);
	truth_depth("nop5", 0, n);
	truth_depth("red_zone", 0, n);
	truth_end();
	return 0;
}
