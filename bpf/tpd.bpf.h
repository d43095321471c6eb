/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * tpd.bpf.h: what the BPF programs share: knobs, maps, the state of a thread, and how a call ends.
 *
 * Programs on user probes can be preempted and can run on two CPUs at once for one function, so every
 * shared counter is added to atomically, per-CPU or not. A thread's state is touched only by
 * programs that run in that thread.
 */
#ifndef TPD_BPF_H
#define TPD_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "spec.h"

/* Knobs, set before load (skel->rodata). Defined in core.bpf.c. */
extern const volatile __u32 knob_tgid;        /* the only target, or 0: ask the `targets` map */
extern const volatile __u32 knob_trust_pid;   /* the kernel runs programs for knob_tgid's threads only (6.10) */
extern const volatile __u32 knob_stream;      /* 1: an event for each call */
extern const volatile __u32 knob_shards;      /* power of two; statistics are spread over so many */
extern const volatile __u32 knob_hist_hash;   /* 1: histograms live in the shared hash */
extern const volatile __u32 knob_sample;      /* a tree is streamed if random u32 <= this */
extern const volatile __u32 knob_max_depth;   /* calls deeper than this are not streamed */
extern const volatile __u64 knob_min_ns;      /* shorter calls are not streamed */
extern const volatile __u64 knob_rate;        /* events a second and function, 0: no limit */
extern const volatile __u64 knob_ring_half;   /* fill level in bytes that wakes the reader */
extern const volatile __u64 knob_exe_ino;     /* --exe: processes that execute this inode are targets */
extern const volatile __u32 knob_exe_dev;     /* its device as the kernel encodes it */
extern const volatile __u32 knob_target_flags; /* TARGET_* of processes found by --exe or --comm */
extern const volatile __u32 knob_where;       /* 1: calls are wanted only if tests hold */
extern const volatile __u32 knob_stack;       /* bytes of stack sent with a call, 0: none */
extern const volatile __u32 knob_signal;      /* bytes of stack sent with a fatal signal */
extern const volatile __u32 knob_throw;       /* bytes of stack sent with a throw, 0: throws are not told */
extern const volatile __u32 knob_throw_all;   /* also where no traced call is open */
extern const volatile char knob_comm[EV_COMM]; /* --comm */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct live);
} live_map SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu_stats);
} cpus SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fn_stats);
} stats SEC(".maps") __weak;

struct hist {
	__u64 bucket[HIST_BUCKETS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist);
} hists SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct hist_key);
	__type(value, __u64);
} hist_hash SEC(".maps") __weak;

struct rate {
	__u64 ns; /* the token bucket was filled up to this time */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rate);
} rates SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct target_info);
} targets SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct target_places);
} places SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct jump_spec);
} jumps SEC(".maps") __weak;

#define FRAME_SAMPLED 1
#define FRAME_SESSION 2
#define FRAME_ENDLESS 4
#define FRAME_MISSING 8 /* its capture could not be kept */
#define FRAME_STACK 16  /* its stack has been sent */

struct frame {
	__u64 cfa;      /* canonical frame address: where the caller's stack pointer is after the return */
	__u64 start_ns;
	__u64 id;
	__u32 fn;
	__u16 depth;
	__u8 flags;
	__u8 slot;      /* of its capture, see capture.bpf.h; 0: none */
};

/* How a stack is being unwound; pending until the frames that it kills have been found dead. */
struct unwind {
	__u64 raise_ns, raise_sp; /* the throw: frames above raise_sp that are older can die of it */
	__u64 jump_ns;            /* last longjmp */
	__u64 id;                 /* of the exception under way, 0: not known */
	__u8 kind;                /* enum call_exit that the throw means, 0: none under way */
	__u8 forced;              /* the thread is being unwound to its end */
	__u8 pad[6];
};

/* A thread: its own stack's frames, oldest first, and the top of the chain of frames on other stacks. */
struct thread {
	__u64 serial;    /* number of this thread, << 40 */
	__u64 calls;     /* ids given out */
	__u64 lo, hi;    /* bounds of its own stack, as far as known */
	__u64 thrown;    /* the unwinder's exception that was thrown last and not caught yet, 0: none that was told */
	__u64 panic;     /* Rust: address of the PanicInfo of the panic that is about to be thrown, 0: none */
	__u64 outer;     /* id of the one under way when that was thrown, by a destructor that catches it */
	__u64 far_top;   /* cfa of the innermost frame on a foreign stack, 0: none */
	struct unwind unwind;
	__u32 n;
	__u32 diverted;  /* frames whose return address the kernel has diverted */
	struct frame f[DEPTH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps") __weak;

/* Frames on stacks that are not a thread's own: fibers, signal stacks, goroutines. */
struct far_key {
	__u32 tgid;
	__u32 pad;
	__u64 strand; /* goroutine (its g), 0: native */
	__u64 addr;   /* native: cfa; goroutine: ~(distance from the stack's top), since stacks move */
};

struct far_frame {
	struct frame f;
	__u64 parent; /* id */
	__u64 up;     /* addr of the next frame outwards on this strand, 0: none */
	__u64 tid;    /* thread that began it */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct far_key);
	__type(value, struct far_frame);
} far SEC(".maps") __weak;

/* A register read in assembly: a compiler that merges two reads makes a variable context offset, which the
 * verifier refuses ("dereference of modified ctx ptr"). */
#define CTX_READ(ctx, reg)                                                          \
	({                                                                          \
		__u64 v_;                                                           \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                               \
			     : "=r"(v_)                                             \
			     : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, reg))); \
		v_;                                                                 \
	})

/*
 * A function that the verifier checks once, by itself, instead of again at each call in each state (T28: without
 * these, Linux 7.3 takes seconds). Weak, since every object has a copy and the linker keeps one. Arguments are scalars or
 * pointers to memory, which may be NULL as far as the verifier knows.
 */
#define CHECKED_ONCE __weak __attribute__((noinline)) int

/*
 * Since 6.13 the kernel may give such a program one stack a CPU (bpf_enable_priv_stack), on the ground that it does not run
 * twice on one. A program on a uprobe does: it can be preempted, and then another thread writes over its locals, which
 * with register writes is the end of the target (seen on 6.18 with PREEMPT_LAZY). A tail call, even one that is
 * never made, keeps the program on the thread's own stack. One array for each attach type, since an array takes only one.
 */
extern const volatile __u32 knob_never;

#define NOWHERE(name)                                \
	struct {                                     \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, 1);              \
		__type(key, __u32);                  \
		__type(value, __u32);                \
	} name SEC(".maps") __weak

NOWHERE(nowhere);
NOWHERE(nowhere_session);

#define KEEP_OWN_STACK(ctx, array)                 \
	do {                                       \
		if (knob_never)                    \
			bpf_tail_call(ctx, &array, 0); \
	} while (0)

static __always_inline struct live *live_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&live_map, &zero);
}

static __always_inline __u32 target_flags(__u32 tgid)
{
	struct target_info *t;

	if (knob_tgid)
		return tgid == knob_tgid ? TARGET_ON : 0;
	t = bpf_map_lookup_elem(&targets, &tgid);
	return t ? t->flags : 0;
}

/* The same for the running process, on a user probe. */
static __always_inline __u32 current_flags(void)
{
	if (knob_trust_pid)
		return TARGET_ON;
	return target_flags(bpf_get_current_pid_tgid() >> 32);
}

static __always_inline struct fn_stats *stats_of(__u32 fn)
{
	__u32 i = fn * knob_shards + (bpf_get_smp_processor_id() & (knob_shards - 1));

	return bpf_map_lookup_elem(&stats, &i);
}

static __always_inline void count_loss(__u32 fn, enum lost_reason why)
{
	struct fn_stats *s = stats_of(fn);
	struct live *l = live_get();

	if (s)
		__sync_fetch_and_add(&s->lost[why], 1);
	if (l)
		__sync_fetch_and_add(&l->lost, 1);
}

/* Raise *p to v. Each failed exchange means that another CPU raised it, so eight are plenty. */
static __always_inline void stat_raise(__u64 *p, __u64 v)
{
	for (int i = 0; i < 8; i++) {
		__u64 old = *p;

		if (v <= old || __sync_val_compare_and_swap(p, old, v) == old)
			return;
	}
}

static __always_inline struct thread *thread_find(void)
{
	return bpf_task_storage_get(&threads, bpf_get_current_task_btf(), NULL, 0);
}

/* Frame i; the bound is for the verifier, and in assembly so that the compiler does not prove it needless. */
static __always_inline struct frame *frame_at(struct thread *t, __u32 i)
{
	__u64 at = i;

	asm volatile("if %0 < %1 goto +1\n\t%0 = 0" : "+r"(at) : "i"(DEPTH_MAX));
	return &t->f[at];
}

static __always_inline __u64 thread_next_id(struct thread *t)
{
	return t->serial | ++t->calls;
}


#endif
