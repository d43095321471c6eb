/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* goroutine.bpf.c: calls of Go functions, kept by goroutine and place on its stack, whatever thread runs it. */
#include "go.bpf.h"

/* A new goroutine's; in read-only data, since the stack of BPF is short. */
static const struct strand fresh = {};

int go_enter(const struct far_key *place, __u32 fn, __u32 flags, __u32 slot)
{
	struct thread *t = thread_find();
	struct far_walk w = {};
	struct strand_key sk = {};
	struct strand *s;
	struct far_frame f = {}, *old;
	__u64 now = bpf_ktime_get_ns();

	if (!t || !place)
		return 1;
	w.key = *place;
	sk.tgid = w.key.tgid;
	sk.g = w.key.strand;
	s = bpf_map_lookup_elem(&strands, &sk);
	if (!s) {
		bpf_map_update_elem(&strands, &sk, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&strands, &sk);
		if (!s) {
			count_loss(fn, LOST_MAP_FULL);
			return 1;
		}
	}
	/* Deferred functions run after a recovery while the frames that it passed still look alive from below: those
	 * end when they are found dead, not before what seems to run inside of them. */
	s->unwind.jump_ns = 0;
	if (flags & SITE_F_REENTER) {
		old = bpf_map_lookup_elem(&far, &w.key);
		if (old && old->f.fn == fn && s->top == w.key.addr)
			return 2;
	}
	f.f.cfa = w.key.addr;
	f.tid = (__u32)bpf_get_current_pid_tgid();
	w.limit = w.key.addr;
	w.key.addr = s->top;
	w.kill = 1;
	w.end = now;
	w.unwind = s->unwind;
	bpf_loop(DEPTH_MAX, far_step, &w, 0);
	if (!far_inherit(&f, &w) && sampled_now())
		f.f.flags = FRAME_SAMPLED;
	f.f.fn = fn;
	f.f.id = thread_next_id(t);
	slot_give(&f.f, slot);
	f.f.start_ns = now;
	w.key.addr = w.limit;
	if (bpf_map_update_elem(&far, &w.key, &f, BPF_ANY)) {
		count_loss(fn, LOST_MAP_FULL);
		return 1;
	}
	s->top = w.limit;
	return 0;
}

int go_leave(const struct far_key *place, __u32 fn, __u32 exit, __u64 now)
{
	struct far_walk w = {};
	struct strand_key sk = {};
	struct strand *s;
	__u64 addr, up;

	if (!place)
		return 0;
	w.key = *place;
	sk.tgid = w.key.tgid;
	sk.g = w.key.strand;
	s = bpf_map_lookup_elem(&strands, &sk);
	if (!s || !s->top)
		return 0;
	addr = w.key.addr;
	if (s->top < addr) {
		w.limit = addr - 1;
		w.key.addr = s->top;
		w.kill = 1;
		w.end = now;
		w.unwind = s->unwind;
		bpf_loop(DEPTH_MAX, far_step, &w, 0);
		s->top = w.key.addr;
		w.key.addr = addr;
	}
	far_finish(&w.key, fn, exit, now);
	if (far_close(&w.key, fn, exit, now, &up))
		s->top = up;
	return 0;
}
