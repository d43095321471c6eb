/* SPDX-License-Identifier: MIT */
/*
 * handmade.c: fibers on mapped stacks right below the main thread's own thread-local storage, switched by a few
 * instructions that no symbol or import gives away: only the check at each call can tell these stacks.
 */
#include <stdint.h>
#include <sys/mman.h>
#include "target.h"

#define STACK 16384

void turn(void **from, void *to);
__asm__(".text\n.globl turn\n.type turn,@function\nturn:\n"
	"push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov %rsp,(%rdi)\n mov %rsi,%rsp\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n.size turn,.-turn\n");

static void *home, *fiber[2];
static int current;
static long left, total, ended;

/* Called on one fiber; the other runs before it returns. */
TRACED int hand_over(int x)
{
	int me = current;

	current = !me;
	turn(&fiber[me], fiber[!me]);
	ended++;
	return x + 1;
}

static void body(int a, int b)
{
	for (;;) {
		total += hand_over(a);
		total += 2 * hand_over(b);
		if (--left <= 0)
			turn(&fiber[current], home);
	}
}

static void first(void)
{
	body(1, 2);
}

static void second(void)
{
	body(5, 9);
}

static void *make(char *stack, void (*run)(void))
{
	uint64_t *p = (uint64_t *)(stack + STACK);

	*--p = 0;
	*--p = (uintptr_t)run;
	for (int i = 0; i < 6; i++)
		*--p = 0;
	return p;
}

/* Memory below the thread pointer, where it joins the mapping of the thread-local storage. */
static char *map_below_tls(void)
{
	uintptr_t fs;
	char *m;

	__asm__("mov %%fs:0,%0" : "=r"(fs));
	do
		m = mmap(NULL, 2 * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (m != MAP_FAILED && (uintptr_t)m > fs);
	if (m == MAP_FAILED)
		exit(9);
	return m;
}

int main(int argc, char **argv)
{
	char *m;

	target_init(argc, argv, 1000);
	m = map_below_tls();
	target_wait("ready");
	fiber[0] = make(m + STACK, first);
	fiber[1] = make(m, second);
	left = target.n;
	turn(&home, fiber[0]);
	truth_begin("handmade", total, 0);
	truth("calls", "hand_over", "return", ended);
	truth_end();
	return 0;
}
