/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * spec.h: what the user side tells the BPF programs (the user -> kernel ABI), and the statistics that
 * both sides share: the cookie of a site, the statistics block of a function, the histogram.
 */
#ifndef TPD_SPEC_H
#define TPD_SPEC_H

#ifndef __bpf__
#include <stdint.h>
#include <linux/types.h>
#endif
#include "event.h"

/*
 * A site's attach cookie holds all that its program must know, so that the fast path looks nothing up:
 *
 *   bits  0-23  fn, index of the function
 *   bits 24-35  height / 8: bytes from the stack pointer at the site up to the return address slot.
 *               At an entry it makes the canonical frame address: cfa = sp + height + 8.
 *               Where the program executes the instruction itself, height is 0 and these bits hold the
 *               site's offset in its page instead (COOKIE_PAGE_OFFSET).
 *   bits 36-39  enum site_kind
 *   bits 40-43  x86 condition code (SITE_JCC, SITE_GO_ENTRY), 0..15 as in the opcode
 *   bits 44-49  SITE_F_* flags
 *   bits 50-63  index into the `jumps` map (SITE_JMP_IND, HOOK_LIBRARY), else CAPTURE_*
 */
enum site_kind {
	SITE_ENTRY = 0,    /* a call begins */
	SITE_RET = 1,      /* a return instruction */
	SITE_JMP = 2,      /* an unconditional direct jump out of the function: a tail call */
	SITE_JCC = 3,      /* a conditional one: leaves only if the condition holds */
	SITE_JMP_IND = 4,  /* an indirect jump: leaves only if its target lies outside */
	SITE_HOOK = 5,     /* a function of a language runtime; fn holds enum hook */
	SITE_ENTRY_ONLY = 6, /* a call begins, and nobody looks for its end */
};

#define SITE_F_GO        1u /* frames are keyed by goroutine (r14), see bpf/strand.bpf.h */
#define SITE_F_SESSION   2u /* the return is seen by a session link where the stack allows */
#define SITE_F_EMULATE   4u /* BPF executes the probed instruction itself (kernel 6.18+) */
#define SITE_F_SKIP_CC   8u /* entry: no call begins if the condition holds (Go's stack check) */
#define SITE_F_REENTER   16u /* entry: a jump inside the function can hit the site again */
#define SITE_F_ENDBR     32u /* SITE_F_EMULATE at an entry: step over a 4 byte endbr64 */

#define COOKIE_FN(c)     ((__u32)((c) & 0xffffff))
#define COOKIE_HEIGHT(c) ((((c) >> 24) & 0xfff) * 8)
#define COOKIE_PLACE     (0xfffull << 24)
#define COOKIE_PAGE_OFFSET(c) (((c) >> 24) & 0xfff)
#define COOKIE_KIND(c)   ((__u32)(((c) >> 36) & 0xf))
#define COOKIE_CC(c)     ((__u32)(((c) >> 40) & 0xf))
#define COOKIE_FLAGS(c)  ((__u32)(((c) >> 44) & 0x3f))
#define COOKIE_JUMP(c)   ((__u32)(((c) >> 50) & 0x3fff))
#define COOKIE(fn, height, kind, cc, flags, jump)                                             \
	((__u64)(fn) | ((__u64)((height) / 8) << 24) | ((__u64)(kind) << 36) |                \
	 ((__u64)(cc) << 40) | ((__u64)(flags) << 44) | ((__u64)(jump) << 50))
#define CAPTURE_ENTRY 1u /* the fetch program of the entry is to be run here */
#define CAPTURE_EXIT  2u /* registers are wanted at the end: for the return's program, or for the stack */
#define COOKIE_CAPTURE(c) (COOKIE_JUMP(c) & 3)
#define COOKIE_MAX_FN     (1u << 24)
#define COOKIE_MAX_HEIGHT (0xfff * 8)
#define COOKIE_MAX_JUMP   (1u << 14)

/*
 * Functions of the language runtimes that tell how frames die. One hit says that the thread
 * began to unwind, landed, or jumped; what that means for its frames is in bpf/unwind.bpf.c.
 */
enum hook {
	HOOK_RAISE = 0,   /* _Unwind_RaiseException and friends: an exception is under way */
	HOOK_LAND = 1,    /* _Unwind_Resume: a landing pad ran; frames below are gone */
	HOOK_CATCH = 2,   /* __cxa_begin_catch, Rust's cleanup: frames below are gone, it is over */
	HOOK_FORCED = 3,  /* _Unwind_ForcedUnwind: pthread_exit or cancellation */
	HOOK_LONGJMP = 4, /* longjmp: frames below the target die now */
	HOOK_SWAP = 5,    /* swapcontext(from, to), setcontext(to): the thread changes stacks */
	HOOK_SET = 6,
	HOOK_PANIC = 7,   /* Rust: the exception under way is a panic */
	HOOK_GO_PANIC = 8,   /* runtime.gopanic */
	HOOK_GO_RECOVER = 9, /* runtime.recovery: frames below the deferring one are gone */
	HOOK_GO_EXIT = 10,   /* runtime.goexit1, goexit0: the goroutine ends */
	HOOK_LIBRARY = 11,   /* _dl_debug_state: the loader mapped or unmapped something */
	HOOK_SETIP = 12,     /* _Unwind_SetIP(context, ip): a landing pad is about to run in that context */
	HOOK_ABORT = 13,     /* rust_panic in a program whose panics abort: nothing unwinds */
	HOOK_GO_RESUME = 14, /* runtime.recovery's call of runtime.gogo: what HOOK_GO_RECOVER says, and where it goes on */
	HOOK_PANIC_INFO = 15, /* rust_begin_unwind(&PanicInfo): the panic that follows has a message and a place */
	HOOK_MAX = 16,
};

/* An indirect jump, told so that BPF can compute its target. Registers are numbered as x86 encodes
 * them (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp, 5 rbp, 6 rsi, 7 rdi, 8..15), JUMP_NO_REG: none. */
#define JUMP_NO_REG 0xff
struct jump_spec {
	__u8 base, index, scale, mem; /* mem 0: the target is register base itself */
	__u8 len;                     /* bytes of the instruction, for rip-relative operands */
	__u8 rip;                     /* 1: displacement counts from the next instruction */
	__u8 pad[2];
	__s64 disp;
	__s64 lo, hi;           /* the function: [ip + lo, ip + hi), relative to this instruction */
	__s64 cold_lo, cold_hi; /* its .cold piece, empty if there is none */
};

/*
 * Latency histogram: log-linear, HIST_SUB buckets an octave, values below HIST_SUB are exact. A bucket
 * is at most 1/32 of its value wide, so its midpoint is off by at most 1/64 (1.6 %).
 * Durations of 2^HIST_TOP ns (18 minutes) and more share the last bucket.
 */
#define HIST_SUB_BITS 5
#define HIST_SUB      (1u << HIST_SUB_BITS)
#define HIST_TOP      40
#define HIST_BUCKETS  ((HIST_TOP - HIST_SUB_BITS + 1) * HIST_SUB)
#define HIST_ARRAY_FNS 256 /* up to here every function has an array; above a shared hash */

/* One function on one shard of CPUs; all counters are only ever added to, atomically, since a probed
 * task can be preempted in the middle of a program. Zero is a valid start for each. */
struct fn_stats {
	__u64 entered;            /* calls that began: not kept by the kernel, the sum of what became of them */
	__u64 exits[CALL_EXIT_MAX]; /* calls that ended, by enum call_exit */
	__u64 total_ns;
	__u64 min_inv;            /* ~min_ns, so that zero means none yet */
	__u64 max_ns;
	__u64 lost[LOST_MAX];     /* by enum lost_reason, in events (or calls: LOST_DEPTH, LOST_MAP_FULL) */
	__u64 filtered;           /* calls whose event was not asked for (sampling, min-duration, depth) */
};

struct hist_key {
	__u32 fn;
	__u32 bucket;
};

/* Per CPU: attempted events = seq = delivered + lost[LOST_RING_FULL], exactly. */
struct cpu_stats {
	__u64 seq;
	__u64 lost_ring;
	__u64 pad[6]; /* one cache line a CPU */
};

#define HIJACK_FREE   0 /* they may divert them */
#define HIJACK_PAUSED 1 /* a library was just loaded: not before user space has looked at it; calls go unseen */
#define HIJACK_OVER   2 /* never again: returns are probed at their instructions */

/* Knobs that change while the programs run; a one-element mmapable array. */
struct live {
	__u32 quiet;     /* the reader is awake and will look again: do not wake it for a first event */
	__u32 no_hijack; /* HIJACK_*: what session links do with return addresses */
	__u32 foreign;   /* a session call was left alone because of its stack (set by BPF) */
	__u32 shut;      /* no call begins: probes are going in, or away */
	__u64 lost;      /* losses of any kind so far, so that the reader looks only when it moved */
	__u64 serial;    /* threads and goroutines seen so far: the upper half of call ids */
	__u64 events;    /* CALL events delivered, for --count */
	__u64 look_again; /* process events lost: user space must look at every target anew */
	__u64 more_lost;  /* stacks, throws, catches and signals lost */
};

/*
 * What the kernel side must know of a system call, by its number (x86-64); zero: not a call on files. Arguments are counted from 1, 0: none.
 */
#define SYS_MAX     512
#define SYS_F_TRACK 1u  /* descriptors, paths or the working directory change by it: sent in any case if it succeeded */
#define SYS_F_SHOW  2u  /* asked for by the user */
#define SYS_F_COUNT 4u  /* --files=summary: added up in the kernel, by descriptor */
struct sys_spec {
	__u8 flags;     /* SYS_F_* */
	__u8 path;      /* argument that points to a path */
	__u8 path2;
	__u8 fd;        /* argument that is a descriptor: with SYS_F_COUNT */
	__u8 aux;       /* argument that points to aux_len (<= 16) bytes, read at the end */
	__u8 aux_len;
	__u8 bytes;     /* 1: the result counts bytes */
	__u8 pad;
};

/*
 * --files=summary: what one descriptor of one process saw while no descriptor of it changed what it stands for: since the last call
 * that was sent because of SYS_F_TRACK, whose end that is.
 */
struct file_key {
	__u32 tgid;
	__s32 fd;
	__u32 nr;
	__u32 pad;
	__u64 since;
};
#define FILE_BUCKETS 40 /* latency: powers of two of ns */
struct file_stats {
	__u64 ops, errors, bytes, total_ns, max_ns;
	__u64 bucket[FILE_BUCKETS];
};

/* A traced process: the value of the `targets` map, keyed by tgid. */
#define TARGET_ON       1u
#define TARGET_FOLLOW   2u /* its children become targets as they are born */
#define TARGET_STARTING 4u /* it has just executed the same file again, and its loader has not finished */

struct target_info {
	__u32 flags;
	__u32 dev; /* of its executable, as the kernel encodes it; 0: not known */
	__u64 ino;
};

/* Where the C library of a process keeps things: the value of the `places` map, keyed by tgid. From an exec on there is none until user
 * space has looked again. Not part of the above, whose flags BPF changes meanwhile. */
struct target_places {
	__s64 errno_off; /* of errno from the thread pointer; 0: not known */
	__u64 abort_msg; /* address of glibc's __abort_msg; 0: not known */
};

/*
 * Frames a thread's shadow stack holds; deeper calls count as LOST_DEPTH. Newer kernels allocate task storage by
 * kmalloc_nolock(), which gives no more than two pages: 240 frames of 32 bytes and their head fit.
 */
#define DEPTH_MAX 240

_Static_assert(sizeof(struct jump_spec) == 48, "map layout");
_Static_assert(sizeof(struct cpu_stats) == 64, "map layout");
_Static_assert(HIST_BUCKETS == 1152, "histogram layout");

/* Bucket of a duration, and the lowest value of a bucket; both sides and the tests use these. */
static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 ns)
{
	__u32 msb = 0;
	__u64 v = ns;

	if (ns < HIST_SUB)
		return (__u32)ns;
	if (v >> 32) {
		v >>= 32;
		msb += 32;
	}
	if (v >> 16) {
		v >>= 16;
		msb += 16;
	}
	if (v >> 8) {
		v >>= 8;
		msb += 8;
	}
	if (v >> 4) {
		v >>= 4;
		msb += 4;
	}
	if (v >> 2) {
		v >>= 2;
		msb += 2;
	}
	msb += v >> 1;
	if (msb >= HIST_TOP)
		return HIST_BUCKETS - 1;
	return ((msb - HIST_SUB_BITS + 1) << HIST_SUB_BITS) |
	       (__u32)((ns >> (msb - HIST_SUB_BITS)) & (HIST_SUB - 1));
}

static inline __attribute__((always_inline)) __u64 hist_floor(__u32 bucket)
{
	__u32 octave = bucket >> HIST_SUB_BITS;

	if (!octave)
		return bucket;
	return (__u64)(HIST_SUB | (bucket & (HIST_SUB - 1))) << (octave - 1);
}

#ifndef __bpf__
/* Add what one shard of CPUs saw. */
static inline void fn_stats_merge(struct fn_stats *into, const struct fn_stats *shard)
{
	into->entered += shard->entered;
	for (int i = 0; i < CALL_EXIT_MAX; i++)
		into->exits[i] += shard->exits[i];
	into->total_ns += shard->total_ns;
	if (into->min_inv < shard->min_inv)
		into->min_inv = shard->min_inv;
	if (into->max_ns < shard->max_ns)
		into->max_ns = shard->max_ns;
	for (int i = 0; i < LOST_MAX; i++)
		into->lost[i] += shard->lost[i];
	into->filtered += shard->filtered;
}

static inline void hist_merge(uint64_t *into, const uint64_t *from)
{
	for (__u32 i = 0; i < HIST_BUCKETS; i++)
		into[i] += from[i];
}
#endif

#endif
