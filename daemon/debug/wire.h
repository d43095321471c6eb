/* SPDX-License-Identifier: MIT */
/*
 * wire.h: messages between tpd and its child for debug information. Plain structs in this machine's layout: both
 * ends are the same program. tpd trusts nothing in an answer; the child need not fear a question.
 */
#ifndef TPD_WIRE_H
#define TPD_WIRE_H

#include <sys/uio.h>
#include "base/util.h"
#include "debug/debug.h"

#define WIRE_MAX     (8u << 20) /* bytes of one message */
#define WIRE_FDS     3
#define WIRE_SLOTS   64 /* processes whose mappings the child knows at a time */
#define WIRE_MAPS    65536
#define WIRE_DEPS    192

/* WIRE_FILE and WIRE_MAP are not answered. */
enum wire_kind { WIRE_FILE = 1, WIRE_MAP, WIRE_STACK, WIRE_LINE, WIRE_PROTO, WIRE_INLINED };

/* What the child does with a file: each of them can be the death of it, and is then not tried again. */
enum wire_phase { PHASE_CFI = 1, PHASE_SYMBOLS = 2, PHASE_DWARF = 4 };

struct wire_head {
	uint32_t kind;
	int32_t err;
	uint32_t bytes; /* behind the head */
};

#define WIRE_HAS_DEBUG 1u
#define WIRE_HAS_ALT   2u

/* With descriptors: the file itself, then those that `has` tells of. */
struct wire_file {
	uint64_t key;
	uint32_t has;
	uint32_t bad; /* enum wire_phase: not to be tried */
};

struct wire_map {
	uint32_t slot, n; /* n struct wire_mapping follow */
};

struct wire_mapping {
	uint64_t start, end, bias, key, has_file;
};

struct wire_stack {
	uint64_t regs[DEBUG_REGS];
	uint64_t slot; /* then the bytes of the stack */
};

struct wire_addr {
	uint64_t key, addr, depth; /* depth: WIRE_PROTO */
};

/* Answer to WIRE_STACK and WIRE_LINE: frames, deps, strings, in this order. */
struct wire_frames {
	uint32_t nframes, ndeps, nstrings;
	uint8_t whole;
	uint8_t cacheable; /* the deps are all that it depends on */
	uint16_t pad;
};

#define WIRE_F_INLINED 1u
#define WIRE_F_EXACT   2u

struct wire_frame {
	uint64_t pc;
	uint32_t function, file; /* offsets into the strings, 0: not known */
	uint32_t line, flags;
};

/*
 * What an unwound stack depends on besides the instruction pointer: a register, or the word at an offset from the
 * stack pointer. Values that point into the stack are told relative to the stack pointer.
 */
#define WIRE_DEP_REG 1u
#define WIRE_DEP_REL 2u

struct wire_dep {
	uint64_t at, value;
	uint64_t flags;
};

/* WIRE_INLINED; then the text of the pattern. The answer: functions, then strings. */
struct wire_search {
	uint64_t key, ns;
};

struct wire_found {
	uint32_t n, nstrings, flags, pad;
};

struct wire_inlined {
	uint32_t name, file, line, more; /* as into: offsets into the strings, 0: none */
	uint32_t into[DEBUG_INLINED_INTO], pad;
};

struct wire_msg {
	struct wire_head head;
	uint8_t *buf; /* head.bytes, aligned as malloc does */
	size_t cap;
	int fds[WIRE_FDS];
	size_t nfds;
};

/*
 * deadline: CLOCK_MONOTONIC in ns, 0: none. 0; -ETIMEDOUT; -ECONNRESET: the other end is gone; -EMSGSIZE; other
 * negative errno.
 */
int wire_send(int sock, uint64_t deadline, const struct wire_head *head, const struct iovec *parts, size_t nparts,
	      const int *fds, size_t nfds);
/* Fills *m, whose buffer is used again; descriptors of the last message that were not taken are closed. */
int wire_recv(int sock, uint64_t deadline, struct wire_msg *m);
void wire_drop_fds(struct wire_msg *m);
void wire_free(struct wire_msg *m);

#endif
