/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * hook.bpf.c: functions of the language runtimes by which frames die without a return: throws and landings,
 * forced unwinding, longjmp, context switches, Go's panics. Also the dynamic loader's own notice.
 */
#include "go.bpf.h"
#include "jump.bpf.h"
#include "throw.bpf.h"

CHECKED_ONCE far_land(__u64 cfa, __u64 now)
{
	struct thread *t = thread_find();
	struct far_walk w = {};

	if (!t)
		return 0;
	w.key.tgid = bpf_get_current_pid_tgid() >> 32;
	w.key.addr = t->far_top;
	w.limit = cfa;
	w.floor = t->unwind.raise_sp;
	w.kill = 1;
	w.end = now;
	w.unwind.kind = t->unwind.kind ?: EXIT_EXCEPTION;
	w.unwind.forced = t->unwind.forced;
	w.unwind.raise_ns = t->unwind.raise_ns;
	w.unwind.id = t->unwind.id;
	bpf_loop(DEPTH_MAX, far_step, &w, 0);
	t->far_top = w.key.addr;
	return 0;
}

/* A landing pad or handler runs at cfa: what lies below was thrown over. */
static __always_inline void land(struct thread *t, __u64 cfa, bool own, __u64 now)
{
	__u32 kind = t->unwind.forced ? EXIT_THREAD : t->unwind.kind ?: EXIT_EXCEPTION;

	if (own)
		frames_reap_since(cfa, t->unwind.raise_ns, now, kind);
	else if (t->far_top)
		far_land(cfa, now);
}

/* swapcontext(from, to), setcontext(to): each context has its own chain of frames. */
CHECKED_ONCE swap(__u64 from, __u64 to)
{
	struct thread *t = thread_find();
	struct strand_key key = {};
	__u64 *top;

	if (!t)
		return 0;
	key.tgid = bpf_get_current_pid_tgid() >> 32;
	if (from) {
		key.g = from;
		bpf_map_update_elem(&parked, &key, &t->far_top, BPF_ANY);
	}
	key.g = to;
	top = bpf_map_lookup_elem(&parked, &key);
	t->far_top = top ? *top : 0;
	return 0;
}

/* A goroutine panics. Its exception's id, 0: it is not told. */
static __always_inline __u64 go_throw(struct pt_regs *ctx, const struct strand_key *sk, __u64 top, __u64 now)
{
	struct far_key key = { .tgid = sk->tgid, .strand = sk->g, .addr = top };
	struct far_frame *f;

	if (!knob_throw || !(top || knob_throw_all) || !(thread_find() ?: thread_new()) || regs_save(ctx, 0))
		return 0;
	f = bpf_map_lookup_elem(&far, &key);
	return throw_emit(CTX_READ(ctx, ax), CTX_READ(ctx, bx), THROW_GO, f ? f->f.id : 0, now);
}

/* It is under way until its frame is gone. */
static __always_inline void panic_push(struct strand *s, __u64 id, __u64 addr)
{
	__u64 n = s->panics;

	if (n >= PANICS_MAX) {
		for (int i = 1; i < PANICS_MAX; i++)
			s->panic[i - 1] = s->panic[i];
		n = PANICS_MAX - 1;
	}
	s->panic[n].id = id;
	s->panic[n].addr = addr;
	s->panics = n + 1;
}

/* Panics with frames below addr are over: the newest one is caught at ip, what it came upon has been replaced. how: of the newest. */
CHECKED_ONCE panics_end(__u64 g, __u64 addr, __u64 ip, __u32 how, __u64 now)
{
	struct strand_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .g = g };
	struct strand *s = bpf_map_lookup_elem(&strands, &key);

	if (!s)
		return 0;
	for (int i = PANICS_MAX - 1; i >= 0; i--) {
		if ((__u64)i >= s->panics)
			continue;
		if (s->panic[i].addr >= addr)
			break;
		s->panics = i;
		if (how == CATCH_RECOVER)
			s->unwind.id = s->panic[i].id;
		if (s->panic[i].id)
			catch_emit(s->panic[i].id, ip, how, now);
		how = CATCH_REPLACED;
		ip = 0;
	}
	return 0;
}

static __always_inline void go_exit(struct far_walk *w, struct strand_key *sk, __u64 now)
{
	w->limit = ~0ull;
	w->kill = 1;
	w->end = now;
	w->unwind.forced = 1;
	bpf_loop(DEPTH_MAX, far_step, w, 0);
	bpf_map_delete_elem(&strands, sk);
}

static __noinline int go_hook(struct pt_regs *ctx, __u32 hook, __u64 now)
{
	struct far_walk w = {};
	struct strand_key sk = {};
	struct strand *s;
	__u64 ip = 0, buf;

	if (!ctx)
		return 0;
	sk.tgid = bpf_get_current_pid_tgid() >> 32;
	if (hook == HOOK_GO_RECOVER) { /* recovery(gp) runs on g0 */
		sk.g = CTX_READ(ctx, ax);
	} else if (hook == HOOK_GO_RESUME) { /* gogo(&gp.sched), whose argument is on the stack: sp, pc, g */
		buf = user_word(ctx->sp);
		sk.g = user_word(buf + 16);
		ip = user_word(buf + 8);
		w.limit = ~(user_word(sk.g + 8) - user_word(buf));
	} else {
		if (!go_place(ctx, ctx->sp + 8, &w.key))
			return 0;
		sk.g = w.key.strand;
	}
	s = bpf_map_lookup_elem(&strands, &sk);
	if (!s && hook == HOOK_GO_PANIC && knob_throw_all) {
		static const struct strand fresh = {};

		bpf_map_update_elem(&strands, &sk, &fresh, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&strands, &sk);
	}
	if (!s)
		return 0;
	switch (hook) {
	case HOOK_GO_PANIC:
		s->unwind.kind = EXIT_PANIC;
		s->unwind.raise_ns = now;
		s->unwind.raise_sp = w.key.addr;
		s->unwind.id = go_throw(ctx, &sk, s->top, now);
		if (knob_throw)
			panic_push(s, s->unwind.id, w.key.addr);
		break;
	case HOOK_GO_RECOVER:
	case HOOK_GO_RESUME:
		s->unwind.jump_ns = now;
		/* Without the place only of the newest it is known that it is over. */
		if (!w.limit && s->panics)
			w.limit = s->panic[(s->panics - 1) & (PANICS_MAX - 1)].addr + 1;
		panics_end(sk.g, w.limit, ip, CATCH_RECOVER, now);
		break;
	case HOOK_GO_EXIT:
		panics_end(sk.g, ~0ull, 0, CATCH_REPLACED, now);
		w.key.addr = s->top;
		go_exit(&w, &sk, now);
		break;
	}
	return 0;
}

/* state: address of the loader's r_debug.r_state, 0: unknown. Only a finished change (RT_CONSISTENT, 0) is told. */
CHECKED_ONCE library_changed(__u64 now, __u64 state)
{
	struct live *l = live_get();
	__u32 changing = 0, tgid = bpf_get_current_pid_tgid() >> 32;
	struct target_info *t = bpf_map_lookup_elem(&targets, &tgid);
	struct ev_process *e;
	__u64 seq;

	if (state && bpf_probe_read_user(&changing, sizeof(changing), (void *)state))
		changing = 0;
	/* It may bring exceptions: no return address is diverted until tpd has seen what was loaded. */
	if (l && t && !(t->flags & TARGET_STARTING) && l->no_hijack == HIJACK_FREE)
		l->no_hijack = HIJACK_PAUSED;
	if (changing)
		return 0;
	if (t)
		t->flags &= ~TARGET_STARTING;
	e = event_reserve(EV_PROCESS, sizeof(*e), now, &seq);
	if (!e)
		return 0;
	e->event = PROC_LIBRARY;
	e->child = 0;
	e->status = 0;
	e->pad = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/*
 * exc: what __cxa_begin_catch and __rust_panic_cleanup are called with. The former, called from where the unwinder was entered
 * or from within it: nothing has been left, the runtime takes the exception over in order to terminate.
 */
CHECKED_ONCE native_catch(__u64 exc, __u64 ip, __u64 sp, __u64 now)
{
	struct throw_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .exc = exc };
	struct under_way *u = bpf_map_lookup_elem(&thrown, &key);

	if (!u)
		return 0;
	catch_emit(u->id, ip, sp > u->sp || user_word(exc) == CLASS_RUST ? CATCH_HANDLER : CATCH_NOBODY, now);
	bpf_map_delete_elem(&thrown, &key);
	return 0;
}

/* A landing pad is done and the unwinder goes on: _Unwind_Resume(exc). */
CHECKED_ONCE native_resume(__u64 exc, __u64 sp)
{
	struct throw_key key = { .tgid = bpf_get_current_pid_tgid() >> 32, .exc = exc };
	struct under_way *u = knob_throw ? bpf_map_lookup_elem(&thrown, &key) : NULL;

	if (u)
		u->sp = sp;
	return 0;
}

CHECKED_ONCE native_hook(__u64 sp, __u32 hook, __u64 now, __u64 arg0, __u64 arg1)
{
	struct thread *t = thread_find();
	__u64 cfa = sp + 8;
	bool own;

	if (!t)
		return 0;
	own = (sp >= t->lo && sp < t->hi) || thread_owns(sp) != 0;
	/* Whatever lies below this stack pointer died earlier, of something else. */
	if (own && hook != HOOK_LAND && hook != HOOK_CATCH && hook != HOOK_SETIP)
		frames_reap(cfa - 1, now, KIND_FROM_UNWIND);
	switch (hook) {
	case HOOK_RAISE:
		if (t->unwind.kind != EXIT_PANIC || sp > t->unwind.raise_sp)
			t->unwind.kind = EXIT_EXCEPTION;
		t->unwind.raise_ns = now;
		t->unwind.raise_sp = sp;
		break;
	case HOOK_PANIC:
		t->unwind.kind = EXIT_PANIC;
		t->unwind.raise_ns = now;
		t->unwind.raise_sp = sp;
		break;
	case HOOK_LAND:
		land(t, cfa, own, now);
		native_resume(arg0, sp);
		break;
	case HOOK_SETIP:
		/* libgcc's struct _Unwind_Context: 18 registers, then the stack pointer of the frame
		 * whose landing pad runs next. Another unwinder's context fails the comparison. */
		if (!bpf_probe_read_user(&cfa, sizeof(cfa), (void *)(arg0 + 18 * 8)) &&
		    cfa > t->unwind.raise_sp && cfa - t->unwind.raise_sp < (64ull << 20) &&
		    t->unwind.raise_sp)
			land(t, cfa, own, now);
		break;
	case HOOK_CATCH:
		land(t, cfa, own, now);
		t->unwind.kind = 0;
		if (knob_throw)
			native_catch(arg0, user_word(sp), sp, now);
		t->unwind.id = t->outer;
		t->outer = 0;
		t->thrown = 0;
		break;
	case HOOK_FORCED:
		t->unwind.forced = 1;
		break;
	case HOOK_LONGJMP:
		t->unwind.jump_ns = now;
		break;
	case HOOK_SWAP:
		swap(arg0, arg1);
		break;
	case HOOK_SET:
		swap(0, arg0);
		break;
	}
	return 0;
}

/* After frames that had died before have been seen to: the innermost call is that which throws. */
static __always_inline void native_throw(struct pt_regs *ctx, struct thread *t, __u32 hook, __u64 now)
{
	struct throw_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	__u64 exc = CTX_READ(ctx, di);
	struct under_way u = { .sp = ctx->sp };

	/* libgcc's _Unwind_Resume_or_Rethrow goes on to _Unwind_RaiseException: one throw. */
	if (t->unwind.id && t->thrown == exc)
		return;
	if (!(knob_throw_all || t->n || t->far_top) || regs_save(ctx, 0))
		return;
	t->thrown = exc;
	t->outer = t->unwind.id;
	u.id = throw_emit(exc, CTX_READ(ctx, si), hook == HOOK_ABORT ? THROW_ABORT : 0, 0, now);
	t->unwind.id = u.id;
	key.exc = exc;
	if (u.id)
		bpf_map_update_elem(&thrown, &key, &u, BPF_ANY);
}

SEC("kprobe")
int runtime_hook(struct pt_regs *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u32 hook = COOKIE_FN(cookie);
	struct thread *t;

	KEEP_OWN_STACK(ctx, nowhere);
	if (!current_flags() ||
	    ((COOKIE_FLAGS(cookie) & SITE_F_SKIP_CC) && cc_holds(ctx->flags, COOKIE_CC(cookie))))
		return 0;
	if (hook == HOOK_LIBRARY) {
		__u32 i = COOKIE_JUMP(cookie);
		struct jump_spec *j = i ? bpf_map_lookup_elem(&jumps, &i) : NULL;

		library_changed(now, j ? ctx->ip + j->disp : 0);
	} else if (hook == HOOK_GO_PANIC || hook == HOOK_GO_RECOVER || hook == HOOK_GO_EXIT ||
		   hook == HOOK_GO_RESUME) {
		go_hook(ctx, hook, now);
	} else {
		t = thread_find();
		if ((!t || !t->serial) && knob_throw_all)
			t = thread_new();
		if (t && hook == HOOK_PANIC_INFO)
			t->panic = ctx->di;
		else if (t && t->serial)
			native_hook(ctx->sp, hook, now, ctx->di, ctx->si);
		if (t && t->serial && (hook == HOOK_RAISE || hook == HOOK_ABORT) && knob_throw)
			native_throw(ctx, t, hook, now);
	}
	return 0;
}
