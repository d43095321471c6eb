/* SPDX-License-Identifier: MIT */
/*
 * debug.h: questions about debug information and stacks, answered by a child of tpd without privileges: debug
 * information is hostile input, and its libraries are not made for that (field notes: CVEs in elfutils every year).
 *
 * The child has no capability, no file but those handed to it, a system-call filter, and limits on memory and
 * time. When it dies or takes too long, the question is answered with -EBADMSG, the file that it was about is
 * not asked again, and the next question starts a new child.
 */
#ifndef TPD_DEBUG_H
#define TPD_DEBUG_H

#include <stdint.h>
#include <sys/types.h>
#include "proto.h"

struct debug;

/* A file with code, and where its debug information is. Descriptors are only borrowed. */
struct debug_file {
	uint64_t key;   /* of this file in this session: the child keeps what it has read under it */
	int fd;         /* the ELF file that is mapped */
	int debug_fd;   /* its separate debug file, or -1 */
	int alt_fd;     /* the debug file's .gnu_debugaltlink (dwz), or -1 */
};

/* Nothing is started before the first question. 0 or -ENOMEM. */
int debug_open(struct debug **ret);
/* Ends the child; NULL is fine. */
void debug_close(struct debug *d);
/* Why the child that reads debug information could not be started when it was last tried; 0: it could, or nothing was asked yet. */
int debug_refused(const struct debug *d);

/*
 * The prototype of the function at addr (virtual, in f), with types as far as depth pointers away. *ret is malloc'ed and checked
 * (proto_check). 0; -ENOENT: there is no debug information for it; -EBADMSG: it is broken; other negative errno.
 */
int debug_proto(struct debug *d, const struct debug_file *f, uint64_t addr, unsigned depth, struct proto **ret);

/* Registers of a stack sample: DWARF's order on x86-64 (psABI figure 3.36), 16 is the instruction pointer. */
enum { DEBUG_RAX, DEBUG_RDX, DEBUG_RCX, DEBUG_RBX, DEBUG_RSI, DEBUG_RDI, DEBUG_RBP, DEBUG_RSP, DEBUG_R8, DEBUG_RIP = 16,
       DEBUG_REGS = 17 };

/* Where a file is mapped; the file's own addresses are those at run time minus bias. */
struct debug_map {
	uint64_t start, end, bias;
	const struct debug_file *file;
	const char *path;  /* how the frame's module is named */
};

#define DEBUG_FRAMES 64

struct debug_frame {
	uint64_t pc;         /* at run time; of callers the return address */
	uint64_t offset;     /* pc in its module's own addresses */
	const char *function; /* demangled, or NULL */
	const char *module;  /* path, or NULL: no file is mapped there */
	const char *file;    /* source file, or NULL */
	uint32_t line;       /* 0: not known */
	bool inlined;        /* this function was inlined into the next frame */
	bool exact;          /* pc is the instruction itself, not a return address (innermost, or interrupted by a signal) */
};

/*
 * A stack: registers and the bytes that lay at regs[DEBUG_RSP] and above. map: how the process was mapped when the sample
 * was taken; map_serial changes whenever that did, so that the child is told only once. Frames from the innermost out; they
 * and their strings belong to d and live until its next question. n <= DEBUG_FRAMES. A stack that cannot be followed further
 * ends there (*whole is false). Stacks whose every return address is the same are unwound once.
 */
int debug_stack(struct debug *d, pid_t pid, uint64_t map_serial, const struct debug_map *map, size_t nmap,
		const uint64_t regs[DEBUG_REGS], const void *stack, size_t len, const struct debug_frame **ret, size_t *n,
		bool *whole);
/* One address, without a stack: the function and line, with those inlined there, innermost first. */
int debug_line(struct debug *d, const struct debug_file *f, uint64_t addr, const struct debug_frame **ret, size_t *n);

#define DEBUG_INLINED_MAX  64
#define DEBUG_INLINED_INTO 3

/* A function without code of its own. */
struct debug_inlined {
	const char *name; /* demangled */
	const char *file; /* where it is declared; NULL: not told */
	uint32_t line;
	const char *into[DEBUG_INLINED_INTO]; /* functions with code that it was inlined into; NULL behind the last */
	bool more;        /* into others too */
};

#define DEBUG_INLINED_MORE    1u /* there are more than that */
#define DEBUG_INLINED_STOPPED 2u /* not all was read: time was up, or something is broken. What is told may have code after all */

/*
 * The functions that pattern (its text; the module is not looked at) matches and that f has no code of, since they were inlined
 * wherever they are called. It takes ns at most, and a bit. At most DEBUG_INLINED_MAX, those first that are inlined into something
 * that is still there; they and their strings belong to d and live until its next question. 0; -ENOENT: no debug
 * information; -EINVAL: no pattern; -EBADMSG.
 */
int debug_inlined(struct debug *d, const struct debug_file *f, const char *pattern, uint64_t ns,
		  const struct debug_inlined **ret, size_t *n, unsigned *flags);

#endif
