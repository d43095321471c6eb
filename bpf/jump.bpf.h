/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* jump.bpf.h: does a jump leave its function? */
#ifndef TPD_JUMP_BPF_H
#define TPD_JUMP_BPF_H

#include "tpd.bpf.h"

/* Does a conditional jump with this condition code jump? Intel SDM, Jcc. */
static __always_inline bool cc_holds(__u64 flags, __u32 cc)
{
	bool cf = flags & 1, pf = flags & 4, zf = flags & 0x40, sf = flags & 0x80, of = flags & 0x800;
	bool v = false;

	switch (cc >> 1) {
	case 0: v = of; break;
	case 1: v = cf; break;
	case 2: v = zf; break;
	case 3: v = cf || zf; break;
	case 4: v = sf; break;
	case 5: v = pf; break;
	case 6: v = sf != of; break;
	case 7: v = zf || sf != of; break;
	}
	return v != (cc & 1);
}

static __noinline __u64 reg_get(struct pt_regs *ctx, __u32 n)
{
	switch (n) {
	case 0:
		return CTX_READ(ctx, ax);
	case 1:
		return CTX_READ(ctx, cx);
	case 2:
		return CTX_READ(ctx, dx);
	case 3:
		return CTX_READ(ctx, bx);
	case 4:
		return CTX_READ(ctx, sp);
	case 5:
		return CTX_READ(ctx, bp);
	case 6:
		return CTX_READ(ctx, si);
	case 7:
		return CTX_READ(ctx, di);
	case 8:
		return CTX_READ(ctx, r8);
	case 9:
		return CTX_READ(ctx, r9);
	case 10:
		return CTX_READ(ctx, r10);
	case 11:
		return CTX_READ(ctx, r11);
	case 12:
		return CTX_READ(ctx, r12);
	case 13:
		return CTX_READ(ctx, r13);
	case 14:
		return CTX_READ(ctx, r14);
	case 15:
		return CTX_READ(ctx, r15);
	}
	return 0;
}

/* Does this indirect jump leave its function? A target that cannot be read is no exit: the jump will fault. */
static __noinline bool jump_leaves(struct pt_regs *ctx, __u32 i)
{
	struct jump_spec *j = bpf_map_lookup_elem(&jumps, &i);
	__u64 target, addr;
	__s64 rel;

	if (!j)
		return false;
	target = reg_get(ctx, j->base);
	if (j->mem) {
		addr = j->disp;
		if (j->rip)
			addr += ctx->ip + j->len;
		else if (j->base != JUMP_NO_REG)
			addr += target;
		if (j->index != JUMP_NO_REG)
			addr += reg_get(ctx, j->index) * j->scale;
		if (bpf_probe_read_user(&target, sizeof(target), (void *)addr))
			return false;
	}
	rel = target - ctx->ip;
	return !(rel > j->lo && rel < j->hi) && !(rel >= j->cold_lo && rel < j->cold_hi);
}

static __always_inline bool site_leaves(struct pt_regs *ctx, __u64 cookie)
{
	switch (COOKIE_KIND(cookie)) {
	case SITE_JCC:
		return cc_holds(ctx->flags, COOKIE_CC(cookie));
	case SITE_JMP_IND:
		return jump_leaves(ctx, COOKIE_JUMP(cookie));
	}
	return true;
}

#endif
