/* SPDX-License-Identifier: MIT */
/*
 * fetch.h: what of a call is copied out of the target (user -> kernel ABI): a small program for a function's entry
 * and one for its return, which BPF interprets.
 *
 * The machine has an accumulator `acc` and FETCH_VARS variables. Each value that is copied is an item with a number; the
 * capture begins with a mask of the items that were got. Reading memory that is not there sets a fault, which makes all
 * that depends on it be left out: the fault ends when acc gets a value that does not depend on it.
 *
 * A capture: struct capture_head, then `fixed` bytes where each item has its place (`at` counts from the
 * capture's beginning), then the heap, where strings and bytes of any length follow each other.
 */
#ifndef TPD_FETCH_H
#define TPD_FETCH_H

#ifndef __bpf__
#include <stdint.h>
#include <linux/types.h>
#endif

#define FETCH_VARS      16
#define FETCH_ITEMS     64  /* of entry and return together */
#define FETCH_MAX_OPS   192 /* of each of the two programs */
#define FETCH_STR_MAX   1024 /* bytes of one string or run of bytes at most */
#define CAPTURE_MAX     4032 /* bytes of a whole capture; multiple of 8 */

/* r: x86 number of a register. imm is signed. at: offset in the capture. */
enum fetch_op {
	FETCH_REG = 1,   /* acc = register arg; clears the fault */
	FETCH_CFA = 2,   /* acc = cfa + imm; clears the fault. [cfa - 8] is the return address */
	FETCH_IMM = 3,   /* acc = imm; clears the fault */
	FETCH_VAR = 4,   /* acc = variable arg, with its fault */
	FETCH_SAVE = 5,  /* variable arg = acc, with its fault */
	FETCH_ADD = 6,   /* acc += imm */
	FETCH_SUB = 7,   /* acc -= variable arg */
	FETCH_AND = 8,   /* acc &= imm (sign-extended) */
	FETCH_SHR = 9,   /* acc >>= imm */
	FETCH_LOAD = 10, /* acc = arg (1, 2, 4, 8) bytes of user memory at acc, zero-extended */
	FETCH_PUT = 11,  /* item: arg (1, 2, 4, 8) low bytes of acc go to `at` */
	FETCH_COPY = 12, /* item: imm bytes (<= 256) of user memory at acc go to `at` */
	FETCH_STR = 13,  /* item: NUL-terminated string at acc, imm bytes at most: struct fetched at `at`, bytes in the heap */
	FETCH_BYTES = 14,/* item: variable arg bytes at acc, imm at most: likewise; a length above 2^40 is a fault */
	FETCH_ZERO = 15, /* if acc is 0 or there is a fault, skip the next imm operations */
	FETCH_EQ = 16,   /* if acc != imm, or a fault, skip the next arg operations */
	FETCH_ERRNO = 17,/* acc = the thread's errno; a fault where its place is not known */
	FETCH_FS = 18,   /* acc = the thread pointer (fs base) + imm; clears the fault */
	FETCH_ITEM = 20, /* acc = the 8 bytes that an earlier FETCH_PUT, also one of the entry, left at `at`; a fault if its item was not got */
	FETCH_MUL = 19,  /* acc *= imm (1 .. 2^20); a fault if acc was above 2^40: lengths of slices are counts of elements */
};

struct fetch {
	__u8 op;   /* enum fetch_op */
	__u8 arg;
	__u16 at;  /* PUT, COPY, STR, BYTES: offset in the capture */
	__u8 item; /* PUT, COPY, STR, BYTES: its number */
	__u8 pad[3];
	__s64 imm;
};

struct capture_head {
	__u64 got;   /* bit i: item i was copied */
	__u32 bytes; /* of the capture: head, fixed part and heap */
	__u32 missed; /* bit i: item i < 32 is a string (FETCH_STR) whose page was not there; `all` of its struct fetched is its address */
};

/* A string or run of bytes in the heap. */
struct fetched {
	__u32 off; /* from the capture's beginning */
	__u32 len; /* bytes that are there */
	__u64 all; /* true length; strings: ~0 if it goes on and its end was not looked for */
};

/* Conditions on values, told in the kernel: all of a clause's tests are ORed, all clauses are ANDed. */
enum test_op { TEST_EQ, TEST_NE, TEST_LT, TEST_LE, TEST_GT, TEST_GE, TEST_AND /* value & imm != 0 */ };
#define TEST_MAX 16
struct fetch_test {
	__u16 at;     /* offset in the capture of an integer; with TEST_F_DURATION unused */
	__u8 size;    /* 1, 2, 4, 8 */
	__u8 op;      /* enum test_op */
	__u8 item;    /* if it was not got, the test fails */
	__u8 flags;
	__u8 clause;  /* number, ascending from 0 */
	__u8 pad;
	__s64 imm;
};
#define TEST_F_SIGNED   1u
#define TEST_F_RETURN   2u /* of the return: not known at the entry */
#define TEST_F_EXIT     4u /* holds if the call did not end in a return (exception, panic) */

/* What is captured of one function. Operations lie in one pool for all functions. */
struct capture_spec {
	__u32 entry, ret;      /* index of the first operation of each program */
	__u16 nentry, nret;
	__u16 fixed;           /* bytes of head and fixed part: where the heap begins */
	__u16 ntests;
	__u32 pad;
	struct fetch_test test[TEST_MAX];
};

/* Bytes of a thread for the slots in which events with captures are made, see bpf/capture.bpf.h. */
#define STASH_AREA 6600

_Static_assert(sizeof(struct fetch) == 16 && sizeof(struct fetched) == 16 && sizeof(struct capture_head) == 16 &&
	       sizeof(struct fetch_test) == 16, "map layout");

#endif
