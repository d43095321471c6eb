/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * call.bpf.c: a call begins, a call ends. One program a kind of site; the site's cookie says the rest.
 *
 * The programs here are attached as plain uprobes (perf or uprobe_multi) and, call_session, as a session:
 * its entry decides call by call whether the kernel may divert the return address.
 */
#include "go.bpf.h"
#include "jump.bpf.h"

/*
 * A live frame at the very address of a new one: its function has made a tail call, if the kernel's
 * trampoline still waits in its return slot; then both will be seen to return.
 */
CHECKED_ONCE frame_waits(__u64 cfa)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 slot = 0, trampoline = BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);

	return trampoline && !bpf_probe_read_user(&slot, sizeof(slot), (void *)(cfa - 8)) &&
	       slot == trampoline;
}

/* Make room for a frame at cfa on the thread's own stack: close what is dead. */
CHECKED_ONCE own_prune(__u64 cfa, __u64 now)
{
	struct thread *t = thread_find();
	struct frame *f;

	if (!t)
		return 0;
	frames_reap(cfa - 1, now, KIND_FROM_UNWIND);
	if (!t->n)
		return 0;
	f = frame_at(t, t->n - 1);
	if (f->cfa != cfa || ((f->flags & FRAME_SESSION) && frame_waits(cfa)))
		return 0;
	/* Nothing threw or jumped since it began, so it fell through or jumped into its successor. */
	if (!t->unwind.kind && !t->unwind.forced && t->unwind.jump_ns <= f->start_ns)
		frames_reap(cfa, now, EXIT_TAIL);
	else
		frames_reap(cfa, now, KIND_FROM_UNWIND);
	return 0;
}

/* Code runs on the thread's own stack: a signal handler that is still open on the alternate one was jumped out of. */
CHECKED_ONCE alt_prune(__u64 now)
{
	struct thread *t = thread_find();
	struct far_walk w = {};

	if (!t || !on_altstack(t->far_top))
		return 0;
	w.key.tgid = bpf_get_current_pid_tgid() >> 32;
	w.key.addr = t->far_top;
	w.limit = BPF_CORE_READ(bpf_get_current_task_btf(), sas_ss_sp) +
		  BPF_CORE_READ(bpf_get_current_task_btf(), sas_ss_size);
	w.kill = 1;
	w.end = now;
	w.unwind = t->unwind;
	bpf_loop(DEPTH_MAX, far_step, &w, 0);
	t->far_top = w.key.addr;
	return 0;
}

#define CAPTURE_FAILED 8 /* beside CAPTURE_ENTRY: there is no memory for it */

/* Push a frame on the thread's own stack. 0, or 1: too deep. */
static __always_inline int own_enter(struct thread *t, __u32 fn, __u64 cfa, __u8 flags, __u32 capture)
{
	struct frame *f;

	if (t->n && frame_at(t, t->n - 1)->cfa <= cfa)
		own_prune(cfa, bpf_ktime_get_ns());
	if (t->far_top)
		alt_prune(bpf_ktime_get_ns());
	if (t->n >= DEPTH_MAX) {
		count_loss(fn, LOST_DEPTH);
		return 1;
	}
	if (t->n)
		flags |= frame_at(t, t->n - 1)->flags & FRAME_SAMPLED;
	else if (sampled_now())
		flags |= FRAME_SAMPLED;
	f = frame_at(t, t->n);
	f->cfa = cfa;
	f->id = thread_next_id(t);
	f->fn = fn;
	f->depth = t->n;
	f->flags = flags;
	f->slot = SLOT_NONE;
	if (capture && flags & FRAME_SAMPLED && t->n <= knob_max_depth) {
		if (capture != CAPTURE_FAILED)
			f->slot = capture_enter(fn, f->id, t->n);
		if (!f->slot)
			f->flags |= FRAME_MISSING;
	}
	t->n++;
	t->diverted += (flags & FRAME_SESSION) != 0;
	f->start_ns = bpf_ktime_get_ns();
	return 0;
}

/* A frame at the address of a new one is dead, of whatever happened since. By itself: BPF's stack is short. */
CHECKED_ONCE far_replace(__u64 cfa)
{
	struct far_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .addr = cfa };
	struct thread *t = thread_find();
	struct far_frame *old = bpf_map_lookup_elem(&far, &key);
	__u64 up, end = bpf_ktime_get_ns();
	__u32 kind;

	if (!t || !old)
		return 0;
	kind = death_kind(&t->unwind, &old->f, key.addr, &end);
	return far_close(&key, COOKIE_MAX_FN, kind, end, &up);
}

/* A call on a stack that is not the thread's own. */
CHECKED_ONCE far_enter(__u32 fn, __u64 cfa, __u32 slot)
{
	struct thread *t = thread_find();
	struct far_walk w = {};
	struct far_frame f = {};
	__u64 now = bpf_ktime_get_ns();
	bool inherited;

	if (!t)
		return 1;
	w.key.tgid = bpf_get_current_pid_tgid() >> 32;
	w.key.addr = t->far_top;
	w.limit = cfa;
	bpf_loop(DEPTH_MAX, far_step, &w, 0);
	inherited = far_inherit(&f, &w);
	if (!inherited && t->n) {
		struct frame *outer = frame_at(t, t->n - 1);

		f.parent = outer->id;
		f.f.depth = outer->depth + 1;
		f.f.flags = outer->flags & FRAME_SAMPLED;
	} else if (!inherited && sampled_now()) {
		f.f.flags = FRAME_SAMPLED;
	}
	f.f.cfa = cfa;
	f.tid = (__u32)bpf_get_current_pid_tgid();
	f.f.fn = fn;
	f.f.id = thread_next_id(t);
	slot_give(&f.f, slot);
	f.f.start_ns = now;
	w.key.addr = cfa;
	if (bpf_map_update_elem(&far, &w.key, &f, BPF_ANY)) {
		count_loss(fn, LOST_MAP_FULL);
		return 1;
	}
	t->far_top = cfa;
	return 0;
}

/* The kernel diverts no more than 64 nested returns (MAX_URETPROBE_DEPTH), others' probes included. */
#define DIVERTED_MAX 60

/* A session's return could not be trusted on this stack: the call goes unseen, and that is said. */
CHECKED_ONCE left_alone(__u32 fn, __u32 foreign)
{
	struct live *l = live_get();

	if (l && foreign)
		l->foreign = 1;
	count_loss(fn, LOST_MISSED);
	return 0;
}

/* --returns none: the entry is all there is. */
CHECKED_ONCE entry_only(__u32 fn, __u32 capture)
{
	struct frame f = { .fn = fn };
	struct fn_stats *s = stats_of(fn);
	struct live *l = live_get();

	if (!s || !l)
		return 0;
	__sync_fetch_and_add(&s->exits[EXIT_OPEN], 1);
	if (!knob_stream)
		return 0;
	if (!sampled_now()) {
		__sync_fetch_and_add(&s->filtered, 1);
		return 0;
	}
	f.id = __sync_fetch_and_add(&l->serial, 1) + 1;
	f.start_ns = bpf_ktime_get_ns();
	f.flags = FRAME_ENDLESS;
	if (capture) {
		f.slot = capture_enter(fn, f.id, 0); /* no call is followed, so the first slot is free */
		f.flags |= f.slot ? 0 : FRAME_MISSING;
	}
	call_emit(&f, 0, EXIT_OPEN, f.start_ns);
	return 0;
}

/* The capture of a call that will have a frame elsewhere is made beforehand, while BPF's stack is short. */
static __always_inline __u32 far_capture(__u32 fn, __u64 id, __u32 capture)
{
	if (!capture)
		return SLOT_NONE;
	if (capture == CAPTURE_FAILED)
		return SLOT_HERE;
	return capture_enter(fn, id, DEPTH_MAX) ?: SLOT_HERE;
}

/* With no frame nobody takes the capture out of the hash. */
static __always_inline void go_begin(struct thread *t, const struct far_key *place, __u32 fn, __u32 flags, __u32 capture)
{
	__u64 id = t->serial | (t->calls + 1);
	__u32 slot = far_capture(fn, id, capture);

	if (go_enter(place, fn, flags, slot) && slot == SLOT_FAR)
		slot_drop(id);
}

static __always_inline void far_begin(struct thread *t, __u32 fn, __u64 cfa, __u32 capture)
{
	__u64 id = t->serial | (t->calls + 1);
	__u32 slot = far_capture(fn, id, capture);

	if (far_enter(fn, cfa, slot) && slot == SLOT_FAR)
		slot_drop(id);
}

/*
 * A call begins. 0: it has a frame now; in a session the kernel may divert the return address.
 * 1: leave the thread alone.
 */
static __always_inline int enter(struct pt_regs *ctx, __u64 cookie, bool session)
{
	__u32 fn = COOKIE_FN(cookie), flags = COOKIE_FLAGS(cookie);
	__u64 sp = ctx->sp, cfa = sp + COOKIE_HEIGHT(cookie) + 8;
	__u32 capture = COOKIE_CAPTURE(cookie) & CAPTURE_ENTRY;
	struct live *l = live_get();
	struct thread *t;
	int own;

	if (!current_flags() || !l || l->shut)
		return 1;
	if ((flags & SITE_F_SKIP_CC) && cc_holds(ctx->flags, COOKIE_CC(cookie)))
		return 1;
	if (COOKIE_KIND(cookie) == SITE_ENTRY_ONLY) {
		entry_only(fn, capture && !regs_save(ctx, cfa));
		return 1;
	}
	t = thread_find();
	if (!t || !t->serial) {
		t = thread_new();
		if (!t) {
			count_loss(fn, LOST_MAP_FULL);
			return 1;
		}
	}
	/* Newer kernels get memory for a thread's storage only when they need not wait for it: the call counts without. */
	if (capture && regs_save(ctx, cfa))
		capture = CAPTURE_FAILED;
	if (flags & SITE_F_GO) {
		struct far_key place = {};

		if (go_place(ctx, cfa, &place))
			go_begin(t, &place, fn, flags, capture);
		else
			count_loss(fn, LOST_READ_FAULT);
		return 1;
	}
	if ((flags & SITE_F_REENTER) && t->n) {
		struct frame *f = frame_at(t, t->n - 1);

		if (f->cfa == cfa && f->fn == fn && t->unwind.jump_ns <= f->start_ns && !t->unwind.kind)
			return 1;
	}
	session = session && (flags & SITE_F_SESSION) && l->no_hijack != HIJACK_OVER;
	own = sp >= t->lo && sp < t->hi ? 1 : thread_owns(sp);
	if (session && (l->no_hijack || t->diverted >= DIVERTED_MAX)) {
		left_alone(fn, !l->no_hijack);
		return 1;
	}
	if (own > 0 || (own && !session))
		return own_enter(t, fn, cfa, session ? FRAME_SESSION : 0, capture) || !session;
	if (session) {
		left_alone(fn, own == 0);
		return 1;
	}
	far_replace(cfa);
	far_begin(t, fn, cfa, capture);
	return 1;
}

/* The slow half of leave(): the innermost frame is not the one that ends. */
CHECKED_ONCE leave_search(__u64 sp, __u32 fn, __u64 cfa, __u32 exit, __u64 now)
{
	struct thread *t = thread_find();
	struct far_key key = {};
	struct frame *f;
	__u64 up;

	if (t && sp >= t->lo && sp <= t->hi) {
		frames_reap(cfa - 1, now, KIND_FROM_UNWIND);
		f = frame_at(t, t->n - 1);
		if (t->n && f->cfa == cfa && f->fn == fn) {
			if (f->slot)
				frame_finish(f, exit, now);
			frames_reap(cfa, now, exit);
			return 0;
		}
		/* It may have begun when the stack could not be told. */
		if (!t->far_top)
			return 0;
	}
	key.tgid = bpf_get_current_pid_tgid() >> 32;
	key.addr = cfa;
	far_finish(&key, fn, exit, now);
	if (far_close(&key, fn, exit, now, &up) && t)
		t->far_top = up;
	return 0;
}

/* A call of fn whose frame is at cfa ends now, if there is one: it may have begun before tpd came. */
static __always_inline void leave(struct pt_regs *ctx, __u64 cookie, __u64 cfa, __u32 exit, __u64 now)
{
	__u32 fn = COOKIE_FN(cookie);
	struct thread *t;
	struct frame *f;
	__u64 parent = 0;

	if (COOKIE_KIND(cookie) == SITE_JMP_IND ? knob_stack != 0 : (COOKIE_CAPTURE(cookie) & CAPTURE_EXIT) != 0)
		regs_save(ctx, cfa);
	if (COOKIE_FLAGS(cookie) & SITE_F_GO) {
		struct far_key place = {};

		if (go_place(ctx, cfa, &place))
			go_leave(&place, fn, exit, now);
		return;
	}
	t = thread_find();
	if (t && t->n) {
		f = frame_at(t, t->n - 1);
		if (f->cfa == cfa && f->fn == fn) {
			if (f->slot)
				frame_finish(f, exit, now);
			t->diverted -= (f->flags & FRAME_SESSION) != 0;
			if (--t->n)
				parent = frame_at(t, t->n - 1)->id;
			call_end(f, parent, exit, now);
			return;
		}
	}
	leave_search(ctx->sp, fn, cfa, exit, now);
}

SEC("kprobe")
int call_entry(struct pt_regs *ctx)
{
	KEEP_OWN_STACK(ctx, nowhere);
	enter(ctx, bpf_get_attach_cookie(ctx), false);
	return 0;
}

/*
 * May this program execute the instruction? Not for a thread with a user shadow stack, whose processor compares the `ret`
 * (ARCH_SHSTK_SHSTK is bit 0); and not if another program at the same site, of another session, already has.
 */
static __always_inline bool may_execute(struct pt_regs *ctx, __u64 cookie)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u8 byte = 0;

	if (bpf_core_field_exists(task->thread.features) && (task->thread.features & 1))
		return false;
	return (ctx->ip & 0xfff) == COOKIE_PAGE_OFFSET(cookie) &&
	       !bpf_probe_read_user(&byte, 1, (void *)ctx->ip) && byte == 0xcc;
}

/* endbr64 does nothing to a thread without a shadow stack, so stepping over it executes it. */
SEC("kprobe")
int call_entry_emulate(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	KEEP_OWN_STACK(ctx, nowhere);
	enter(ctx, cookie & ~COOKIE_PLACE, false);
	if (may_execute(ctx, cookie))
		ctx->ip = ctx->ip + 4;
	return 0;
}

SEC("kprobe")
int call_exit(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns(), cookie = bpf_get_attach_cookie(ctx);

	KEEP_OWN_STACK(ctx, nowhere);
	if (site_leaves(ctx, cookie))
		leave(ctx, cookie, ctx->sp + 8,
		      COOKIE_KIND(cookie) == SITE_RET ? EXIT_RETURN : EXIT_TAIL, now);
	return 0;
}

/* A plain `ret`, executed here: the kernel sees that ip moved and does not single-step (since 6.18). */
SEC("kprobe")
int call_exit_emulate(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns(), cookie = bpf_get_attach_cookie(ctx), to = 0;

	KEEP_OWN_STACK(ctx, nowhere);
	/* If another session's program has executed it, sp is where the caller has it. */
	if (!may_execute(ctx, cookie)) {
		leave(ctx, cookie, (ctx->ip & 0xfff) == COOKIE_PAGE_OFFSET(cookie) ? ctx->sp + 8 : ctx->sp,
		      EXIT_RETURN, now);
		return 0;
	}
	leave(ctx, cookie, ctx->sp + 8, EXIT_RETURN, now);
	if (!bpf_probe_read_user(&to, sizeof(to), (void *)ctx->sp)) {
		ctx->ip = to;
		ctx->sp = ctx->sp + 8;
	}
	return 0;
}

/* Entry and return in one. At the return the kernel has already put the true address into ip. */
SEC("kprobe")
int call_session(struct pt_regs *ctx)
{
	__u64 now, cookie = bpf_get_attach_cookie(ctx);

	KEEP_OWN_STACK(ctx, nowhere_session);
	if (ctx->ip == bpf_get_func_ip(ctx))
		return enter(ctx, cookie, true);
	now = bpf_ktime_get_ns();
	leave(ctx, cookie, ctx->sp, EXIT_RETURN, now);
	return 0;
}
