/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* place.bpf.h: where a thread is: its registers and a copy of the piece of stack above it. */
#ifndef TPD_PLACE_BPF_H
#define TPD_PLACE_BPF_H

#include "where.bpf.h"

#define PLACE_MAX 32768 /* bytes; --stack-size at most */

/* x86's numbers of the registers, in DWARF's order. */
static __always_inline void place_regs(struct ev_place *p, const struct stash *s)
{
	p->regs[0] = s->reg[0];
	p->regs[1] = s->reg[2];
	p->regs[2] = s->reg[1];
	p->regs[3] = s->reg[3];
	p->regs[4] = s->reg[6];
	p->regs[5] = s->reg[7];
	p->regs[6] = s->reg[5];
	p->regs[7] = s->reg[4];
	for (int i = 8; i < 16; i++)
		p->regs[i] = s->reg[i];
	p->regs[16] = s->ip;
}

struct stack_end {
	__u64 sp;
	__u64 len; /* bytes at sp that can be read, as far as is known */
};

/* Page by page: one that nobody has touched yet, of a large array on the stack, is like its end. */
static long stack_probe(__u32 i, struct stack_end *e)
{
	__u64 end = (e->sp & ~0xfffull) + 4096 * ((__u64)i + 1);
	__u8 byte;

	if (bpf_probe_read_user(&byte, 1, (void *)(end - 1)))
		return 1;
	e->len = end - e->sp;
	return 0;
}

/* How many bytes of stack can be read; of more than PLACE_MAX not all are told. By itself, since the verifier would follow every
 * outcome of every step. */
CHECKED_ONCE stack_room(__u64 sp)
{
	struct stack_end e = { .sp = sp };

	bpf_loop(PLACE_MAX / 4096 + 1, stack_probe, &e, 0);
	return e.len;
}

/* In assembly: compilers compare one copy of a number and use another, of which the verifier then knows nothing. */
static __always_inline __u64 at_most(__u64 n, __u64 max)
{
	asm volatile("if %0 <= %1 goto +1\n\t%0 = %1" : "+r"(n) : "r"(max));
	return n;
}

/* Copies the stack at sp into size bytes, as far as there is any. A stack that has overflowed begins only behind its guard. */
static __always_inline __u32 place_stack(__u8 *to, __u32 size, __u64 sp)
{
	__u64 skip = -sp & 0xfff, n;
	__u8 byte;

	if (!bpf_probe_read_user(&byte, 1, (void *)sp)) {
		n = at_most(stack_room(sp), size);
		return bpf_probe_read_user(to, n, (void *)sp) ? 0 : n;
	}
	if (size <= 4096)
		return 0;
	bpf_probe_read_user(to, skip, (void *)sp); /* which fails, and so leaves zeroes */
	n = at_most(stack_room(sp + skip), size - 4096);
	return bpf_probe_read_user(to + skip, n, (void *)(sp + skip)) ? 0 : skip + n;
}

#endif
