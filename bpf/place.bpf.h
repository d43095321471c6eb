/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* place.bpf.h: where a thread is: its registers and a copy of the piece of stack above it. */
#ifndef TPD_PLACE_BPF_H
#define TPD_PLACE_BPF_H

#include "where.bpf.h"

#define PLACE_MIN 512   /* bytes; --stack-size is a power of two from here on */
#define PLACE_MAX 32768

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

/*
 * Copies the stack at sp into size bytes (a power of two), as far as there is any: a read that fails is tried in halves, so
 * that at most 63 bytes below the stack's end are left out. A stack that has overflowed begins only behind its guard.
 */
static __always_inline __u32 place_stack(__u8 *to, __u32 size, __u64 sp)
{
	__u32 done = 0;
	__u8 byte;

	if (bpf_probe_read_user(&byte, 1, (void *)sp))
		done = -sp & 0xfff;
	if (!done && !bpf_probe_read_user(to, size, (void *)sp))
		return size;
	for (__u32 n = PLACE_MAX / 2; n >= 64; n /= 2)
		if (done <= size - n && n < size && !bpf_probe_read_user(to + done, n, (void *)(sp + done)))
			done += n;
	return done;
}

#endif
