/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * process.bpf.c: threads and processes are born, change their image and die; and the last sweep at detach.
 */
#include "stack.bpf.h"

static __always_inline void process_event(__u32 event, __u32 child, int status)
{
	struct ev_process *e;
	__u64 seq;

	e = event_reserve(EV_PROCESS, sizeof(*e), bpf_ktime_get_ns(), &seq);
	if (!e)
		return;
	e->event = event;
	e->child = child;
	e->status = status;
	e->pad = 0;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
}

struct far_sweep {
	__u64 now;
	__u32 tgid; /* 0: all */
	__u32 exit;
};

static long far_sweep_one(void *map, struct far_key *key, struct far_frame *f, struct far_sweep *s)
{
	struct frame copy = f->f;
	__u64 parent = f->parent;

	if (s->tgid && key->tgid != s->tgid)
		return 0;
	if (!bpf_map_delete_elem(&far, key))
		call_end(&copy, parent, s->exit, s->now);
	return 0;
}

static long strand_sweep_one(void *map, struct strand_key *key, struct strand *v, struct far_sweep *s)
{
	if (key->tgid == s->tgid)
		bpf_map_delete_elem(&strands, key);
	return 0;
}

/* Traced calls do not outlive their thread or their image. */
CHECKED_ONCE thread_gone(__u32 tgid, __u32 whole)
{
	struct far_sweep s = { .now = bpf_ktime_get_ns(), .tgid = tgid, .exit = EXIT_THREAD };
	struct thread *t = thread_find();

	if (t) {
		struct far_walk w = { .key.tgid = tgid, .key.addr = t->far_top, .limit = ~0ull,
				      .kill = 1, .end = s.now, .unwind.forced = 1 };

		frames_reap(~0ull, s.now, EXIT_THREAD);
		bpf_loop(DEPTH_MAX, far_step, &w, 0);
		t->far_top = 0;
		t->lo = t->hi = 0;
		__builtin_memset(&t->unwind, 0, sizeof(t->unwind));
	}
	if (whole) {
		bpf_for_each_map_elem(&far, far_sweep_one, &s, 0);
		bpf_for_each_map_elem(&strands, strand_sweep_one, &s, 0);
	}
	return 0;
}

SEC("tp_btf/sched_process_exit")
int thread_exit(__u64 *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	bool last;
	int code;

	if (!target_flags(tgid) && !thread_find())
		return 0;
	/* do_exit() has counted this thread off by now; several may find that they were the last. */
	last = BPF_CORE_READ(p, signal, live.counter) == 0;
	thread_gone(tgid, last);
	if (last)
		bpf_map_delete_elem(&places, &tgid);
	if (last && !bpf_map_delete_elem(&targets, &tgid)) {
		code = BPF_CORE_READ(p, signal, group_exit_code);
		process_event(PROC_EXIT, 0, code ?: BPF_CORE_READ(p, exit_code));
	}
	return 0;
}

SEC("tp_btf/sched_process_fork")
int process_fork(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1];
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, born = BPF_CORE_READ(child, tgid);
	struct target_info *t = bpf_map_lookup_elem(&targets, &tgid), copy;
	struct target_places *at = bpf_map_lookup_elem(&places, &tgid), same;

	if (!t || !(t->flags & TARGET_FOLLOW) || born == tgid)
		return 0;
	if (at) {
		same = *at;
		bpf_map_update_elem(&places, &born, &same, BPF_ANY);
	}
	copy = *t;
	bpf_map_update_elem(&targets, &born, &copy, BPF_ANY);
	process_event(PROC_FORK, born, 0);
	return 0;
}

/* --exe and --comm: does the image that begins now make its process a target? */
static __always_inline bool wanted(struct task_struct *p)
{
	if (knob_exe_ino) {
		struct inode *i = BPF_CORE_READ(p, mm, exe_file, f_inode);

		return BPF_CORE_READ(i, i_ino) == knob_exe_ino &&
		       (!knob_exe_dev || BPF_CORE_READ(i, i_sb, s_dev) == knob_exe_dev);
	}
	if (knob_comm[0]) {
		char comm[EV_COMM];

		bpf_get_current_comm(comm, sizeof(comm));
		for (int i = 0; i < EV_COMM; i++) {
			if (comm[i] != knob_comm[i])
				return false;
			if (!comm[i])
				break;
		}
		return true;
	}
	return false;
}

/*
 * A target runs another image. The same file brings the libraries that user space has looked at before; with any other,
 * no return address is diverted until it has looked.
 */
static __always_inline void image_changed(struct task_struct *p, struct target_info *t)
{
	struct inode *i = BPF_CORE_READ(p, mm, exe_file, f_inode);
	__u64 ino = BPF_CORE_READ(i, i_ino);
	__u32 dev = BPF_CORE_READ(i, i_sb, s_dev);
	struct live *l = live_get();

	if (t->ino == ino && (t->dev == dev || !t->dev)) {
		t->flags |= TARGET_STARTING;
		return;
	}
	t->ino = ino;
	t->dev = t->dev ? dev : 0;
	if (l && l->no_hijack == HIJACK_FREE)
		l->no_hijack = HIJACK_PAUSED;
}

SEC("tp_btf/sched_process_exec")
int process_exec(__u64 *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct target_info *t = bpf_map_lookup_elem(&targets, &tgid);
	struct target_info fresh = { .flags = knob_target_flags };

	if (t) {
		thread_gone(tgid, 1);
		bpf_map_delete_elem(&places, &tgid);
		image_changed(p, t);
	} else {
		if (!wanted(p))
			return 0;
		bpf_map_delete_elem(&places, &tgid);
		bpf_map_update_elem(&targets, &tgid, &fresh, BPF_ANY);
	}
	/* A thread that execs takes its leader's place: links that hold the old leader are dead. */
	process_event(PROC_EXEC, 0, (int)ctx[1] != p->pid);
	return 0;
}

/* Brings what a frame of another thread has captured to where capture_return() brings what lies in the hash. */
static __always_inline void open_fetch(struct frame *f, struct stash *from)
{
	struct stash *to = stash_make();
	__u32 base = slot_base(f->slot);

	if (!f->slot || f->slot > knob_slots)
		return;
	f->slot = SLOT_HERE;
	if (to && from && !bpf_probe_read_kernel(slot_at(to, knob_slots * knob_slot, 0), knob_slot,
						 from->slots + at_most(base, STASH_AREA - knob_slot)))
		return;
	f->slot = SLOT_NONE;
	f->flags |= FRAME_MISSING;
}

/* At detach no program runs any more; what still has a frame is an open call. */
CHECKED_ONCE open_emit(struct frame *f, __u64 parent, const struct owner *who)
{
	__u64 seq = 0, now = bpf_ktime_get_ns();
	struct fn_stats *s;
	struct ev_call *e;

	if (!f || !who)
		return 0;
	s = stats_of(f->fn);
	if (!s)
		return 0;
	__sync_fetch_and_add(&s->exits[EXIT_OPEN], 1);
	if (!knob_stream)
		return 0;
	if (!(f->flags & FRAME_SAMPLED) || f->depth > knob_max_depth ||
	    now - f->start_ns < knob_min_ns) {
		__sync_fetch_and_add(&s->filtered, 1);
		return 0;
	}
	capture_return(f, 0);
	if (f->slot && knob_where && !tests_hold(f->fn, f->slot, EXIT_OPEN)) {
		__sync_fetch_and_add(&s->filtered, 1);
		return 0;
	}
	if (f->slot)
		return slot_emit(f, parent, EXIT_OPEN, now, who);
	e = event_reserve(EV_CALL, sizeof(*e), now, &seq);
	if (!e) {
		count_loss(f->fn, LOST_RING_FULL);
		return 0;
	}
	e->h.pid = who->pid_tgid >> 32;
	e->h.tid = (__u32)who->pid_tgid;
	call_fill(e, f, parent, EXIT_OPEN);
	__builtin_memcpy(e->comm, who->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static long open_far(void *map, struct far_key *key, struct far_frame *f, void *arg)
{
	struct frame copy = f->f;
	struct owner who = { .pid_tgid = (__u64)key->tgid << 32 | f->tid };
	__u64 parent = f->parent;

	if (!bpf_map_delete_elem(&far, key))
		open_emit(&copy, parent, &who);
	return 0;
}

/* One task a call; the last call has none. */
SEC("iter/task")
int sweep_open(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct owner who = {};
	struct stash *from;
	struct thread *t;
	__u32 n;

	if (!task) {
		bpf_for_each_map_elem(&far, open_far, NULL, 0);
		return 0;
	}
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	if (!t || !t->n)
		return 0;
	who.pid_tgid = (__u64)task->tgid << 32 | (__u32)task->pid;
	bpf_core_read_str(who.comm, sizeof(who.comm), &task->comm);
	from = bpf_task_storage_get(&stashes, task, NULL, 0);
	n = t->n;
	for (__u32 i = 0; i < DEPTH_MAX; i++) {
		if (i >= n)
			break;
		open_fetch(frame_at(t, i), from);
		open_emit(frame_at(t, i), i ? frame_at(t, i - 1)->id : 0, &who);
	}
	t->n = 0;
	return 0;
}
