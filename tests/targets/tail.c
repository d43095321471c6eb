/* SPDX-License-Identifier: MIT */
/*
 * tail.c: tail calls: direct, conditional (jcc), through a register, a table and a pointer in memory, in
 * chains, and two functions that hand over to each other. Those that no compiler emits reliably are assembly.
 */
#include "target.h"

#define PINGS 50

TRACED int last(int x)
{
	KEEP(x);
	return x * 3;
}

TRACED int direct(int x)
{
	return last(x + 1);
}

TRACED int chain(int x)
{
	return direct(x + 1);
}

typedef int (*op)(int);

int (*volatile pointer)(int) = last;

TRACED int through_memory(int x)
{
	return pointer(x + 2);
}

TRACED int through_register(op f, int x)
{
	KEEP(f);
	return f(x);
}

/* Pushes and pops around a real call before it leaves by a jump. */
TRACED int framed(int x)
{
	int r = last(x);

	KEEP(r);
	return last(r + x);
}

TRACED int pong(int n);

TRACED int ping(int n)
{
	KEEP(n);
	return n ? pong(n - 1) : 1;
}

TRACED int pong(int n)
{
	KEEP(n);
	return n ? ping(n - 1) : 2;
}

int conditional(int x);
int table_jump(int x);
int back_jump(int x);

op tail_table[] = { last, direct, last };

/*
 * conditional: leaves by jcc for odd numbers, else returns. back_jump: the same, to a function at a lower
 * address, and by a forward jcc within itself first. table_jump: jmp *table(,%rcx,8).
 */
__asm__(".text\n"
	".type low_end, @function\n"
	"low_end:\n\tlea (%rdi,%rdi), %eax\n\tret\n"
	".size low_end, . - low_end\n"
	".globl conditional\n.type conditional, @function\n"
	"conditional:\n\ttest $1, %edi\n\tjne high_end\n\tlea 1(%rdi), %eax\n\tret\n"
	".size conditional, . - conditional\n"
	".globl back_jump\n.type back_jump, @function\n"
	"back_jump:\n\ttest $1, %edi\n\tje 1f\n\tinc %edi\n1:\ttest $2, %edi\n\tje low_end\n"
	"\tmov %edi, %eax\n\tret\n"
	".size back_jump, . - back_jump\n"
	".globl table_jump\n.type table_jump, @function\n"
	"table_jump:\n\tlea tail_table(%rip), %rax\n\tmov %edi, %ecx\n\tand $1, %ecx\n"
	"\tjmp *(%rax,%rcx,8)\n"
	".size table_jump, . - table_jump\n"
	".type high_end, @function\n"
	"high_end:\n\tlea (%rdi,%rdi,2), %eax\n\tret\n"
	".size high_end, . - high_end\n");

static long work(int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++) {
		sum += chain(i) + direct(i) + through_memory(i) + framed(i);
		sum += through_register(i % 2 ? last : direct, i);
		sum += ping(PINGS) + conditional(i) + back_jump(i) + table_jump(i);
	}
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n, t, odd, leave;

	target_init(argc, argv, 400);
	sum = target_work(work);
	t = target.threads;
	n = target.n * t;
	odd = target.n / 2 * t;
	/* i of 0 mod 4 and 3 mod 4 (3 + 1 = 4) have bit 1 clear when it is tested */
	leave = ((target.n + 3) / 4 + target.n / 4) * t;
	truth_begin("tail", sum, 0);
	/* last: chain, direct, through_memory, through_register, table_jump once each, framed twice */
	truth("calls", "last", "return", 7 * n);
	truth("calls", "direct", "tail_call", 2 * n + (n - odd) + odd);
	truth("calls", "chain", "tail_call", n);
	truth("calls", "through_memory", "tail_call", n);
	truth("calls", "through_register", "tail_call", n);
	truth("calls", "framed", "tail_call", n);
	truth("calls", "table_jump", "tail_call", n);
	truth("calls", "ping", "tail_call", n * (PINGS / 2));
	truth("calls", "ping", "return", n);
	truth("calls", "pong", "tail_call", n * (PINGS / 2));
	truth("calls", "conditional", "tail_call", odd);
	truth("calls", "conditional", "return", n - odd);
	truth("calls", "high_end", "return", odd);
	truth("calls", "back_jump", "tail_call", leave);
	truth("calls", "back_jump", "return", n - leave);
	truth("calls", "low_end", "return", leave);
	truth_depth("ping", 0, n * (PINGS / 2 + 1));
	truth_depth("pong", 0, n * (PINGS / 2));
	truth_depth("last", 0, 6 * n);
	truth_depth("last", 1, n);
	truth("parent", "last", "framed", n);
	truth("parent", "last", "", 6 * n);
	truth("parent", "direct", "", 3 * n);
	truth_end();
	return 0;
}
