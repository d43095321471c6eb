/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * far.bpf.h: frames that do not lie on the thread's own stack: fibers, alternate signal stacks, goroutines.
 *
 * They live in a hash by their address, so that a return finds its call whatever happened to the stacks in
 * between, also on another thread. A native foreign frame is found dead only by proof (another call
 * at its address, a catch or landing within the same throw, process exit), never by address order alone: a suspended
 * fiber may lie below. A goroutine's stack is contiguous, so there order does prove it.
 */
#ifndef TPD_FAR_BPF_H
#define TPD_FAR_BPF_H

#include "frame.bpf.h"

#define PANICS_MAX 4

/*
 * The part of a goroutine that outlives a call: the chain of its frames, and its panics. What is deferred while one is under way can
 * panic and recover by itself, or panic for good.
 */
struct strand {
	__u64 top; /* addr of the innermost frame, 0: none */
	struct unwind unwind;
	struct {
		__u64 id;   /* 0: it is not told */
		__u64 addr; /* of its frame */
	} panic[PANICS_MAX]; /* under way, oldest first; of more the oldest are forgotten */
	__u64 panics;
};

struct strand_key {
	__u32 tgid;
	__u32 pad;
	__u64 g;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct strand_key);
	__type(value, struct strand);
} strands SEC(".maps") __weak;

/* ucontext fibers that are switched away: context pointer -> top of its chain. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct strand_key);
	__type(value, __u64);
} parked SEC(".maps") __weak;

/* The capture that was made for a frame, before it was known whether the call is told. SLOT_HERE: it failed. */
static __always_inline void slot_give(struct frame *f, __u32 slot)
{
	if (slot == SLOT_HERE)
		f->flags |= FRAME_MISSING;
	else if (slot && (!(f->flags & FRAME_SAMPLED) || f->depth > knob_max_depth))
		slot_drop(f->id);
	else
		f->slot = slot;
}

/* The last of a call that is about to return. */
CHECKED_ONCE far_finish(const struct far_key *at, __u32 fn, __u32 exit, __u64 now)
{
	struct far_frame *p;
	struct far_key key;

	if (!at)
		return 0;
	key = *at;
	p = bpf_map_lookup_elem(&far, &key);
	if (p && p->f.fn == fn && p->f.slot)
		frame_finish(&p->f, exit, now);
	return 0;
}

/* Take a frame out and end its call. 0: there was none of this function (fn COOKIE_MAX_FN: any). */
CHECKED_ONCE far_close(const struct far_key *at, __u32 fn, __u32 exit, __u64 end, __u64 *up)
{
	struct far_frame *p, copy;
	struct far_key key; /* on the stack: 6.1 takes no other memory for a key */

	if (!at || !up)
		return 0;
	key = *at;
	p = bpf_map_lookup_elem(&far, &key);
	if (!p || (fn != COOKIE_MAX_FN && p->f.fn != fn))
		return 0;
	copy = *p;
	if (bpf_map_delete_elem(&far, &key))
		return 0;
	*up = copy.up;
	call_end(&copy.f, copy.parent, exit, end);
	return 1;
}

#endif
