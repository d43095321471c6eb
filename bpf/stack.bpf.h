/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* stack.bpf.h: which stack a stack pointer is on, and the walk outwards along frames that are not on the thread's own. */
#ifndef TPD_STACK_BPF_H
#define TPD_STACK_BPF_H

#include "far.bpf.h"

struct far_walk {
	struct far_key key; /* addr: the frame looked at */
	__u64 limit;        /* stop at the first frame above it */
	__u64 floor;        /* frames at or below it are passed, not closed */
	__u64 end;
	__u64 parent;       /* out: id of that frame */
	__u32 kill;         /* close the frames passed (a contiguous stack), or only pass them */
	__u16 depth;        /* out */
	__u8 flags;         /* out */
	__u8 found;         /* out */
	struct unwind unwind;
};

static __attribute__((unused)) long far_step(__u32 i, struct far_walk *w)
{
	struct far_frame *f;
	__u64 end = w->end, up;

	if (!w->key.addr)
		return 1;
	f = bpf_map_lookup_elem(&far, &w->key);
	if (!f) {
		w->key.addr = 0;
		return 1;
	}
	if (w->key.addr > w->limit) {
		w->parent = f->f.id;
		w->depth = f->f.depth;
		w->flags = f->f.flags;
		w->found = 1;
		return 1;
	}
	up = f->up;
	if (w->kill && w->key.addr > w->floor) {
		__u32 kind = death_kind(&w->unwind, &f->f, w->key.addr, &end);
		struct thread *t = thread_find();

		if (t && w->unwind.id)
			t->unwind.id = w->unwind.id;
		call_end(&f->f, f->parent, kind, end);
		bpf_map_delete_elem(&far, &w->key);
	}
	w->key.addr = up;
	return 0;
}

/* A new frame is called from the one that the walk has found, if it has. */
static __always_inline bool far_inherit(struct far_frame *f, const struct far_walk *w)
{
	if (!w->found)
		return false;
	f->parent = w->parent;
	f->f.depth = w->depth + 1;
	f->f.flags = w->flags & FRAME_SAMPLED;
	f->up = w->key.addr;
	return true;
}

struct own_find {
	__u64 lo, hi;
	__u64 start_stack, fsbase;
	__u64 guarded;
};

static long own_vma(struct task_struct *task, struct vm_area_struct *vma, struct own_find *o)
{
	if (o->fsbase > vma->vm_start && o->fsbase < vma->vm_end) {
		o->lo = vma->vm_start;
		o->hi = o->fsbase;
	}
	return 0;
}

static long is_guard(struct task_struct *task, struct vm_area_struct *vma, struct own_find *o)
{
	o->guarded = !(vma->vm_flags & 7); /* VM_READ, VM_WRITE, VM_EXEC */
	return 0;
}

/*
 * Proof without the mapping, whose lock a process that is just making threads often holds. The kernel keeps 128 MB below the
 * start stack free (arch/x86/mm/mmap.c, MIN_GAP); nptl puts a thread's control block on top of its stack, which is
 * PTHREAD_STACK_MIN bytes at least (allocate_stack.c).
 */
static __always_inline bool own_nearby(struct thread *t, const struct own_find *o, __u64 sp)
{
	if (sp < o->start_stack && o->start_stack - sp < (64ull << 20)) {
		t->lo = o->start_stack - (64ull << 20);
		t->hi = o->start_stack;
		return true;
	}
	if (sp < o->fsbase && o->fsbase - sp < 16384) {
		t->lo = o->fsbase - 16384;
		t->hi = o->fsbase;
		return true;
	}
	return false;
}

/*
 * Is sp on the thread's own stack? -1: it could not be found out now, but there is no sign of the contrary. The main
 * thread's control block lies in a mapping of the loader's, to which any memory may have been joined, so for it
 * only the start stack counts. Another's deeper stack must end at the guard that nptl puts below it.
 */
CHECKED_ONCE thread_owns(__u64 sp)
{
	struct thread *t = thread_find();
	struct task_struct *task = bpf_get_current_task_btf();
	struct own_find o = {};
	long err = 0;

	if (!t)
		return 0;
	o.start_stack = BPF_CORE_READ(task, mm, start_stack);
	if (task->pid != task->tgid)
		o.fsbase = BPF_CORE_READ(task, thread.fsbase);
	if (own_nearby(t, &o, sp))
		return 1;
	if (sp >= o.fsbase)
		return 0;
	for (int i = 0; i < 3; i++) {
		err = bpf_find_vma(task, sp, own_vma, &o, 0);
		if (!err && o.lo)
			err = bpf_find_vma(task, o.lo - 1, is_guard, &o, 0);
		if (err != -16 /* EBUSY */)
			break;
	}
	if (err == -16)
		return o.fsbase - sp < (8ull << 20) ? -1 : 0;
	if (err || !o.guarded || sp < o.lo || sp >= o.hi)
		return 0;
	t->lo = o.lo;
	t->hi = o.hi;
	return 1;
}

/* Is it on the thread's alternate signal stack? */
static __always_inline bool on_altstack(__u64 sp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 lo = BPF_CORE_READ(task, sas_ss_sp);

	return sp > lo && sp - lo <= BPF_CORE_READ(task, sas_ss_size);
}

#endif
