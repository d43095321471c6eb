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

#define EV_ABI 2
#define EV_COMM 16

#define EV_KINDS(X)                                 \
	X(EV_CALL, 1, "call", struct ev_call)       \
	X(EV_STACK, 2, "stack", struct ev_stack)    \
	X(EV_THROW, 3, "throw", struct ev_throw)    \
	X(EV_CATCH, 4, "catch", struct ev_catch)    \
	X(EV_SIGNAL, 5, "signal", struct ev_signal) \
	X(EV_PROCESS, 8, "process", struct ev_process) \
	X(EV_FILE, 16, "file", struct ev_file)

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
#define CALL_F_CAPTURE 2 /* a capture (fetch.h) stands behind the event */
#define CALL_F_MISSING 4 /* one was wanted, but there was no memory for it */
#define CALL_F_STACK   8 /* an EV_STACK of the same id went before it */
#define CALL_F_UNWANTED 16 /* in recorded streams alone: user space left it out, by conditions or a count */

/* A call; what was captured of it follows, if flags say so. */

struct ev_call {
	struct ev_hdr h;
	__u64 start_ns;
	__u64 id;     /* unique in this session; the user side XORs a salt before it prints it */
	__u64 parent; /* id of the innermost enclosing traced call, 0: none */
	__u64 exception; /* id of the EV_THROW that ended it, 0: none */
	__u32 fn;     /* index into the plan's functions */
	__u16 depth;  /* traced calls around this one; 0: outermost */
	__u8 exit;    /* enum call_exit */
	__u8 flags;
	char comm[EV_COMM];
};

/* Registers in DWARF's order on x86-64 (psABI figure 3.36): rax rdx rcx rbx rsi rdi rbp rsp r8..r15, then rip. */
#define EV_REGS 17

/* Where a thread was: its registers, and the bytes of its stack from the stack pointer up. */
struct ev_place {
	__u64 regs[EV_REGS];
	__u32 len;   /* bytes of stack that follow the event */
	__u32 pad;
};

/* The stack at the end of a call, sent before it. */
struct ev_stack {
	struct ev_hdr h;
	__u64 id;    /* of the call */
	__u32 fn;
	__u32 pad;
	struct ev_place at;
};

/* Whose function, or exception, it is. */
enum proto_lang { LANG_C, LANG_CXX, LANG_RUST, LANG_GO };

#define THROW_F_DEPENDENT 2 /* of another exception's object (std::exception_ptr) */
#define THROW_TEXT        256
#define THROW_RAW         64

/*
 * Something is thrown. Which of the fields mean something depends on the language; every text and word was read from the target
 * at that moment, whether or not the object turns out to have it: user space decides by type.
 */
struct ev_throw {
	struct ev_hdr h;
	__u64 id;      /* of this exception; ids are shared with calls */
	__u64 call;    /* innermost traced call, 0: none */
	__u64 object;  /* address of what was thrown, by which a rethrow is known again */
	__u64 type;    /* C++: std::type_info; Go: the type; Rust: the payload's vtable */
	__u64 what;    /* C++: address of the virtual function that would be what() */
	__u64 class;   /* exception class of the unwinder ("GNUCC++" ...), 0: Go */
	__u32 lang;
	__u32 flags;   /* THROW_F_* */
	__u32 name_len, text_len; /* bytes read */
	__u64 text_all;           /* how long the text really is; ~0: that is not known */
	__u64 name_at, text_at;   /* where they are: what BPF cannot read may be in a file (a page that nobody has touched yet) */
	__u8 raw[THROW_RAW];   /* the object's first bytes, what could be read */
	char name[THROW_TEXT]; /* of the type */
	char text[THROW_TEXT]; /* the message, if it is where this language's usual types have it; what a char const * points to */
	char comm[EV_COMM];
	__u64 line;            /* Rust: line << 32 | column of the panic, file in `file` */
	char file[128];
	struct ev_place at;
};

/* It is caught, or nobody would catch it. */
struct ev_catch {
	struct ev_hdr h;
	__u64 id;    /* of the EV_THROW */
	__u64 ip;    /* return address: who catches */
	__u32 how;   /* enum catch_how */
	__u32 pad;
};

/* CATCH_REPLACED: Go: another panic or the end of the goroutine came in between. */
enum catch_how { CATCH_HANDLER = 0, CATCH_RECOVER = 1, CATCH_NOBODY = 2, CATCH_EXIT = 3, CATCH_REPLACED = 4 };

/* A signal that will end the process is being delivered. */
struct ev_signal {
	struct ev_hdr h;
	__u64 id;
	__u64 call;
	__u64 addr;    /* of the fault (si_addr) */
	__u32 sig;
	__s32 code;    /* si_code */
	__u32 text_len;
	__u32 pad;
	char text[THROW_TEXT]; /* SIGABRT: what assert() or abort() would say */
	char comm[EV_COMM];
	struct ev_place at;
};

/* A system call on files has ended. The texts follow the event: path_len bytes, then path2_len, without NULs. */
#define FILE_F_QUIET     1 /* not asked for; sent because descriptors and paths change by it */
#define FILE_F_FAULT     2 /* a path could not be read */
#define FILE_F_TRUNCATED 4 /* a path was longer than there was room for */
#define FILE_F_AUX       8 /* aux was read */
#define FILE_PATH_MAX    4096 /* bytes of a path, its NUL included; of a second one behind one ... */
#define FILE_PATH_SECOND 3704 /* ... that is longer than this, no more than this */
struct ev_file {
	struct ev_hdr h;  /* ts_ns: the end */
	__u64 start_ns;
	__u64 call;       /* innermost traced call, 0: none */
	__s64 ret;        /* as the kernel returns it: -errno on failure */
	__u64 arg[6];
	__u64 aux[2];     /* what an argument points to, see struct sys_spec */
	__u32 nr;         /* number of the system call */
	__u16 path_len, path2_len;
	__u32 flags;      /* FILE_F_* */
	__u32 pad;
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
_Static_assert(sizeof(struct ev_call) == 88, "wire layout");
_Static_assert(sizeof(struct ev_throw) % 8 == 0 && sizeof(struct ev_signal) % 8 == 0, "wire layout");
_Static_assert(sizeof(struct ev_process) == 64 && sizeof(struct ev_file) == 152, "wire layout");

#endif
