/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* go.bpf.h: which goroutine runs, and where on its stack, which moves. */
#ifndef TPD_GO_BPF_H
#define TPD_GO_BPF_H

#include "stack.bpf.h"

/* The goroutine of a Go function and the frame's place on its stack. g is in r14 (Go ABIInternal); in
 * assembly functions it may not be, then it is in thread-local storage (runtime.tlsg, fs:-8). */
static __noinline __attribute__((unused)) bool go_place(struct pt_regs *ctx, __u64 cfa, struct far_key *key)
{
	__u64 g = ctx->r14, stack[2] = {};

	if (!key)
		return false;
	if (bpf_probe_read_user(stack, sizeof(stack), (void *)g) || cfa < stack[0] || cfa > stack[1]) {
		struct task_struct *task = bpf_get_current_task_btf();
		__u64 fs = BPF_CORE_READ(task, thread.fsbase);

		if (bpf_probe_read_user(&g, sizeof(g), (void *)(fs - 8)) ||
		    bpf_probe_read_user(stack, sizeof(stack), (void *)g) || cfa < stack[0] ||
		    cfa > stack[1])
			return false;
	}
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	key->strand = g;
	key->addr = ~(stack[1] - cfa);
	return true;
}

/* goroutine.bpf.c: a call begins at place: 0, 1 lost, 2 it had begun before; and one ends. slot: of its
 * capture, see slot_give(). */
int go_enter(const struct far_key *place, __u32 fn, __u32 flags, __u32 slot);
int go_leave(const struct far_key *place, __u32 fn, __u32 exit, __u64 now);

#endif
