/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * event.h: what the BPF programs send up (the kernel -> user ABI).
 *
 * Every event is one fixed header and one struct of its kind. A recorded stream is these bytes, each
 * event preceded by nothing: hdr.len gives the step. All integers are little endian. Times are
 * CLOCK_MONOTONIC in ns. Numbers are explicit and never reused; gaps are room for each family.
 */
#ifndef TPD_EVENT_H
#define TPD_EVENT_H

#ifndef __bpf__
#include <stdint.h>
#include <linux/types.h>
#endif

#define EV_ABI 1
#define EV_COMM 16

#define EV_KINDS(X)                                 \
	X(EV_CALL, 1, "call", struct ev_call)       \
	X(EV_PROCESS, 8, "process", struct ev_process)

enum ev_kind {
#define X(id, num, name, type) id = num,
	EV_KINDS(X)
#undef X
};

struct ev_hdr {
	__u16 kind;  /* enum ev_kind */
	__u16 len;   /* bytes of the whole event, this header included; a multiple of 8 */
	__u32 cpu;   /* CPU whose counter gave seq */
	__u64 seq;   /* per CPU, from 0, consumed by lost events too: a hole is a loss */
	__u64 ts_ns; /* when the event was made; for EV_CALL the end of the call */
	__u32 pid;   /* tgid and tid as the initial PID namespace numbers them */
	__u32 tid;
};

/* How a call ended. The names are those of the record schema ("exit"). */
#define CALL_EXITS(X)                 \
	X(EXIT_RETURN, 0, "return")   \
	X(EXIT_TAIL, 1, "tail_call")  \
	X(EXIT_EXCEPTION, 2, "exception") \
	X(EXIT_PANIC, 3, "panic")     \
	X(EXIT_UNWOUND, 4, "unwound") \
	X(EXIT_THREAD, 5, "thread_exit") \
	X(EXIT_OPEN, 6, "open")

enum call_exit {
#define X(id, num, name) id = num,
	CALL_EXITS(X)
#undef X
	CALL_EXIT_MAX = 7,
};

#define CALL_F_ENDLESS 1 /* its end is not looked for: neither exit nor duration */

struct ev_call {
	struct ev_hdr h;
	__u64 start_ns;
	__u64 id;     /* unique in this session; the user side XORs a salt before it prints it */
	__u64 parent; /* id of the innermost enclosing traced call, 0: none */
	__u32 fn;     /* index into the plan's functions */
	__u16 depth;  /* traced calls around this one; 0: outermost */
	__u8 exit;    /* enum call_exit */
	__u8 flags;
	char comm[EV_COMM];
};

enum process_event { PROC_FORK = 0, PROC_EXEC = 1, PROC_EXIT = 2, PROC_LIBRARY = 3, PROC_FOREIGN_STACK = 4 };

struct ev_process {
	struct ev_hdr h;
	__u32 event;  /* enum process_event */
	__u32 child;  /* PROC_FORK: tgid of the child */
	__s32 status; /* PROC_EXIT: as wait(2) gives it */
	__u32 pad;
	char comm[EV_COMM];
};

/* Why something did not reach the stream. Names are those of the schema ("reason"). */
#define LOST_REASONS(X)                   \
	X(LOST_RING_FULL, 0, "ring_full") \
	X(LOST_MAP_FULL, 1, "map_full")   \
	X(LOST_DEPTH, 2, "depth")         \
	X(LOST_THROTTLED, 3, "throttled") \
	X(LOST_READ_FAULT, 4, "read_fault") \
	X(LOST_MISSED, 5, "missed")       \
	X(LOST_OUTPUT, 6, "output_full")

enum lost_reason {
#define X(id, num, name) id = num,
	LOST_REASONS(X)
#undef X
	LOST_MAX = 7,
};

_Static_assert(sizeof(struct ev_hdr) == 32, "wire layout");
_Static_assert(sizeof(struct ev_call) == 80, "wire layout");
_Static_assert(sizeof(struct ev_process) == 64, "wire layout");

#endif
