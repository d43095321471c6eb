/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * frame.bpf.h: the shadow stack of a thread, and how a call ends: statistics first, then the event.
 *
 * Frames are keyed by their canonical frame address. On a thread's own stack, which is contiguous, a
 * frame below the stack pointer of a later event is dead: it was thrown over, jumped over, or its
 * thread ended. That is found at the next event (frames_reap) and told with its true kind.
 */
#ifndef TPD_FRAME_BPF_H
#define TPD_FRAME_BPF_H

#include "place.bpf.h"

static __noinline __attribute__((unused)) struct thread *thread_new(void)
{
	struct thread *t = bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL,
						BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct live *l = live_get();

	if (t && l && !t->serial)
		t->serial = (__sync_fetch_and_add(&l->serial, 1) + 1) << 40;
	return t;
}

static __always_inline void hist_add(__u32 fn, __u32 i, __u64 ns)
{
	__u32 bucket = hist_bucket(ns);

	if (knob_hist_hash) {
		struct hist_key key = { .fn = fn, .bucket = bucket };
		__u64 zero = 0, *n = bpf_map_lookup_elem(&hist_hash, &key);

		if (!n) {
			bpf_map_update_elem(&hist_hash, &key, &zero, BPF_NOEXIST);
			n = bpf_map_lookup_elem(&hist_hash, &key);
		}
		if (n)
			__sync_fetch_and_add(n, 1);
		return;
	}
	struct hist *h = bpf_map_lookup_elem(&hists, &i);

	if (h && bucket < HIST_BUCKETS)
		__sync_fetch_and_add(&h->bucket[bucket], 1);
}

/* Token bucket of a tenth of a second's burst; a lost race lets one event more pass or waits one longer. */
CHECKED_ONCE rate_allows(__u32 fn, __u64 now)
{
	struct rate *r = bpf_map_lookup_elem(&rates, &fn);
	__u64 step, from;

	if (!r || !knob_rate)
		return 1;
	step = 1000000000ull / knob_rate;
	from = r->ns;
	if (from + 100000000ull + step < now)
		from = now - 100000000ull - step;
	if (from + step > now)
		return 0;
	r->ns = from + step;
	return 1;
}

/*
 * Waking the reader is the main cost of streaming (T27): an event wakes it only when it sleeps for good
 * (not quiet) or when the ring is half full, which is looked at once in 32 events.
 */
static __always_inline __u64 wake_flags(__u64 seq)
{
	struct live *l = live_get();

	if (!l)
		return 0;
	if (!l->quiet) {
		l->quiet = 1;
		return BPF_RB_FORCE_WAKEUP;
	}
	if ((seq & 31) == 0 && bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > knob_ring_half)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* What it would have told must be found out in another way. */
static __always_inline void process_lost(void)
{
	struct live *l = live_get();

	if (l) {
		__sync_fetch_and_add(&l->look_again, 1);
		__sync_fetch_and_add(&l->lost, 1);
	}
}

/* Of those that go with calls. */
static __always_inline void more_lost(void)
{
	struct live *l = live_get();

	if (l) {
		__sync_fetch_and_add(&l->more_lost, 1);
		__sync_fetch_and_add(&l->lost, 1);
	}
}

/* seq: this CPU's next one, whatever becomes of the event. pid_tgid: whose it is. */
static __always_inline void event_head(struct ev_hdr *h, enum ev_kind kind, __u32 len, __u32 cpu, __u64 seq, __u64 now,
				       __u64 pid_tgid)
{
	h->kind = kind;
	h->len = len;
	h->cpu = cpu;
	h->seq = seq;
	h->ts_ns = now;
	h->pid = pid_tgid >> 32;
	h->tid = (__u32)pid_tgid;
}

/* Sends an event that was made elsewhere, its head included. false: it is lost, and counted for this CPU. */
static __always_inline bool event_send(struct ev_hdr *h, enum ev_kind kind, __u64 len, __u64 now, __u64 pid_tgid)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpu_stats *c = bpf_map_lookup_elem(&cpus, &cpu);
	__u64 seq;

	if (!c)
		return true;
	seq = __sync_fetch_and_add(&c->seq, 1);
	event_head(h, kind, len, cpu, seq, now, pid_tgid);
	if (!bpf_ringbuf_output(&ring, h, len, wake_flags(seq)))
		return true;
	__sync_fetch_and_add(&c->lost_ring, 1);
	return false;
}

/* Space in the ring and a sequence number; NULL is counted as a loss of this CPU. */
static __always_inline void *event_reserve(enum ev_kind kind, __u32 size, __u64 now, __u64 *seq)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct cpu_stats *c = bpf_map_lookup_elem(&cpus, &cpu);
	struct ev_hdr *h;

	if (!c)
		return NULL;
	*seq = __sync_fetch_and_add(&c->seq, 1);
	h = bpf_ringbuf_reserve(&ring, size, 0);
	if (!h) {
		__sync_fetch_and_add(&c->lost_ring, 1);
		if (kind == EV_PROCESS)
			process_lost();
		else if (kind != EV_CALL)
			more_lost();
		return NULL;
	}
	event_head(h, kind, size, cpu, *seq, now, bpf_get_current_pid_tgid());
	return h;
}

/* The exception that a call died of. */
static __always_inline __u64 call_exception(__u32 exit)
{
	struct thread *t = exit == EXIT_EXCEPTION || exit == EXIT_PANIC ? thread_find() : NULL;

	return t ? t->unwind.id : 0;
}

static __always_inline void call_fill(struct ev_call *e, const struct frame *f, __u64 parent, __u32 exit)
{
	e->start_ns = f->start_ns;
	e->id = f->id;
	e->parent = parent;
	e->exception = call_exception(exit);
	e->fn = f->fn;
	e->depth = f->depth;
	e->exit = exit;
	e->flags = f->flags & FRAME_ENDLESS ? CALL_F_ENDLESS : 0;
	if (f->flags & FRAME_MISSING)
		e->flags |= CALL_F_MISSING;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

/* Whose call it is, where that is not the thread that runs. */
struct owner {
	__u64 pid_tgid;
	char comm[EV_COMM];
};

/* The event of a captured call is made in its slot, where the capture already is. who: NULL, it is this thread's. */
CHECKED_ONCE slot_emit(struct frame *f, __u64 parent, __u32 exit, __u64 end, const struct owner *who)
{
	struct stash *s = stash_find();
	struct capture_head *h;
	struct ev_call *e;
	__u32 len;

	if (!f || !s)
		return 0;
	e = (void *)(s->slots + at_most(slot_base(f->slot), STASH_AREA - knob_slot));
	h = (void *)(e + 1);
	len = at_most(sizeof(*e) + h->bytes, knob_slot);
	call_fill(e, f, parent, exit);
	if (who)
		__builtin_memcpy(e->comm, who->comm, sizeof(e->comm));
	e->flags |= CALL_F_CAPTURE;
	if (f->flags & FRAME_STACK)
		e->flags |= CALL_F_STACK;
	if (!event_send(&e->h, EV_CALL, len, end, who ? who->pid_tgid : bpf_get_current_pid_tgid()))
		count_loss(f->fn, LOST_RING_FULL);
	return 0;
}

CHECKED_ONCE call_emit(struct frame *f, __u64 parent, __u32 exit, __u64 end)
{
	struct ev_call *e;
	__u64 seq = 0;
	bool captured;

	if (!f)
		return 0;
	captured = f->slot && !slot_fetch(f->slot, f->id);
	if (captured && knob_where && !tests_hold(f->fn, f->slot, exit)) {
		struct fn_stats *s = stats_of(f->fn);

		if (s)
			__sync_fetch_and_add(&s->filtered, 1);
		return 0;
	}
	if (knob_rate && !rate_allows(f->fn, end)) {
		count_loss(f->fn, LOST_THROTTLED);
		return 0;
	}
	if (captured)
		return slot_emit(f, parent, exit, end, NULL);
	e = event_reserve(EV_CALL, sizeof(*e), end, &seq);
	if (!e) {
		count_loss(f->fn, LOST_RING_FULL);
		return 0;
	}
	call_fill(e, f, parent, exit);
	if (f->slot)
		e->flags |= CALL_F_MISSING;
	bpf_ringbuf_submit(e, wake_flags(seq));
	return 0;
}

/* A call ended: count it, then stream it if it was asked for. */
CHECKED_ONCE call_end(struct frame *f, __u64 parent, __u32 exit, __u64 end)
{
	struct fn_stats *s;
	__u64 ns;
	__u32 i;

	if (!f)
		return 0;
	i = f->fn * knob_shards + (bpf_get_smp_processor_id() & (knob_shards - 1));
	ns = end > f->start_ns ? end - f->start_ns : 0;
	s = bpf_map_lookup_elem(&stats, &i);
	if (!s || exit >= CALL_EXIT_MAX)
		return 0;
	__sync_fetch_and_add(&s->exits[exit], 1);
	if (exit != EXIT_OPEN) {
		__sync_fetch_and_add(&s->total_ns, ns);
		stat_raise(&s->min_inv, ~ns);
		stat_raise(&s->max_ns, ns);
		hist_add(f->fn, i, ns);
	}
	if (!knob_stream)
		return 0;
	if (!(f->flags & FRAME_SAMPLED) || ns < knob_min_ns || f->depth > knob_max_depth) {
		__sync_fetch_and_add(&s->filtered, 1);
		if (f->slot == SLOT_FAR)
			slot_drop(f->id);
		return 0;
	}
	return call_emit(f, parent, exit, end);
}

/* --stack: where the call was made from, as seen at its end: sent before its event. The registers have been saved. */
CHECKED_ONCE stack_emit(struct frame *f, __u64 now)
{
	struct stash *s = stash_find();
	struct ev_stack *e;
	__u64 seq = 0, ns;

	if (!s || !f || !f->slot)
		return 0;
	ns = now > f->start_ns ? now - f->start_ns : 0;
	if (ns < knob_min_ns)
		return 0;
	e = event_reserve(EV_STACK, sizeof(*e) + knob_stack, now, &seq);
	if (!e)
		return 0;
	e->id = f->id;
	e->fn = f->fn;
	e->pad = 0;
	place_regs(&e->at, s);
	e->at.len = place_stack((__u8 *)(e + 1), knob_stack, s->reg[4]);
	e->at.pad = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	f->flags |= FRAME_STACK;
	return 0;
}

/* What is to be had of a call at its very end, where the registers still are. */
static __always_inline void frame_finish(struct frame *f, __u32 exit, __u64 now)
{
	if (exit == EXIT_RETURN || knob_stack)
		capture_return(f, exit == EXIT_RETURN);
	if (knob_stack && f->slot && (!knob_where || tests_hold(f->fn, f->slot, exit)))
		stack_emit(f, now);
}

/* --sample: decided once for a whole tree of calls. */
static __always_inline bool sampled_now(void)
{
	return knob_sample == 0xffffffff || bpf_get_prandom_u32() <= knob_sample;
}

/* What a frame found dead died of, and when. */
static __always_inline __u32 death_kind(const struct unwind *u, const struct frame *f, __u64 addr,
					__u64 *end)
{
	if (u->forced)
		return EXIT_THREAD;
	if (u->kind && f->start_ns <= u->raise_ns && addr > u->raise_sp) {
		if (u->jump_ns > u->raise_ns) /* Go: recovered then */
			*end = u->jump_ns;
		return u->kind;
	}
	if (u->jump_ns > f->start_ns)
		*end = u->jump_ns;
	return EXIT_UNWOUND;
}

struct reap {
	__u64 upto;  /* frames with cfa <= upto are dead ... */
	__u64 since; /* ... but of those at upto only the ones that began by then */
	__u64 end;
	__u32 kind;  /* what they died of; KIND_FROM_UNWIND: what death_kind() says */
	__u32 pad;
};

#define KIND_FROM_UNWIND CALL_EXIT_MAX

static long reap_one(__u32 i, struct reap *r)
{
	struct thread *t = thread_find();
	__u64 end = r->end, parent = 0;
	struct frame *f;
	__u32 n, kind;

	if (!t)
		return 1;
	n = t->n - 1;
	if (n >= DEPTH_MAX)
		return 1;
	f = frame_at(t, n);
	if (f->cfa > r->upto || (f->cfa == r->upto && f->start_ns > r->since))
		return 1;
	kind = r->kind;
	if (kind >= CALL_EXIT_MAX)
		kind = death_kind(&t->unwind, f, f->cfa, &end);
	if (n > 0)
		parent = frame_at(t, n - 1)->id;
	t->n = n;
	t->diverted -= (f->flags & FRAME_SESSION) != 0;
	call_end(f, parent, kind, end);
	return 0;
}

CHECKED_ONCE frames_reap_since(__u64 upto, __u64 since, __u64 end, __u32 kind)
{
	struct reap r = { .upto = upto, .since = since, .end = end, .kind = kind };

	bpf_loop(DEPTH_MAX, reap_one, &r, 0);
	return 0;
}

/* Close the frames of the current thread's own stack whose cfa is at or below upto. */
static __always_inline void frames_reap(__u64 upto, __u64 end, __u32 kind)
{
	frames_reap_since(upto, ~0ull, end, kind);
}

#endif
