/* SPDX-License-Identifier: MIT */
/* child.h: what the files of the child share: the files it was handed, and which of their parts it has opened. */
#ifndef TPD_CHILD_H
#define TPD_CHILD_H

#include <elfutils/libdw.h>
#include <uthash.h>

#include "debug/dwarf.h"
#include "debug/wire.h"
#include "target/symbols.h"

/* Shared with tpd, which reads here what the child died of. */
struct note {
	volatile uint64_t key;
	volatile uint32_t phase; /* 0: between questions, or with no file */
	volatile int32_t refused; /* why the sandbox could not be entered, negative errno */
};

struct cfi_row;
struct line_entry;

struct child_file {
	uint64_t key;
	int fd, debug_fd, alt_fd;
	uint32_t bad;   /* enum wire_phase: not to be tried; what failed is added */
	uint32_t tried;
	struct note *note;
	unsigned *opened; /* parts of all files */
	struct elf *elf;         /* PHASE_SYMBOLS, also for text */
	struct symbols *symbols;
	struct dwarf_file *dwarf; /* PHASE_DWARF */
	Elf *cfi_elf;            /* PHASE_CFI */
	Dwarf_CFI *eh, *frame;   /* .eh_frame, .debug_frame (belongs to dwarf) */
	struct cfi_row *rows;
	struct line_entry *lines;
	UT_hash_handle hh;
};

/*
 * Opens that part when first asked for. False if it is not there, cannot be read, or was the death of a child before. Until
 * the next call, a death of this process is blamed on that part of that file.
 */
bool child_file_enter(struct child_file *f, enum wire_phase phase);
/* n bytes of the file at a virtual address. */
bool child_file_read(struct child_file *f, uint64_t addr, void *buf, size_t n);
void child_file_free(struct child_file *f);

struct child_map {
	uint64_t start, end, bias;
	struct child_file *file; /* NULL: nothing is known about it */
};

/* The mapping that holds addr in n sorted ones, or NULL. */
const struct child_map *child_map_find(const struct child_map *map, size_t n, uint64_t addr);

/* Answers questions that come over sock until its other end is closed. */
void child_serve(int sock, struct note *note);

/* An answer to WIRE_STACK or WIRE_LINE while it is made. */
struct answer {
	struct wire_frames head;
	struct wire_frame frames[DEBUG_FRAMES];
	struct wire_dep deps[WIRE_DEPS];
	char *strings;
	size_t cap;
};

/* Offset of a copy of s (0 for NULL or when there is no more room). */
uint32_t answer_string(struct answer *a, const char *s);

/* lines.c: appends the frames at addr of f: the function, before it those that were inlined there. pc and flags are those
 * of the frame. False: the answer is full. */
bool lines_answer(struct child_file *f, uint64_t addr, uint64_t pc, uint32_t flags, struct answer *a);
void lines_free(struct child_file *f);

/* unwind.c: follows a stack; map is sorted. */
struct unwind_input {
	const struct child_map *map;
	size_t nmap;
	const uint64_t *regs; /* DEBUG_REGS */
	const uint8_t *stack;
	size_t len;
};
void unwind_answer(const struct unwind_input *in, struct answer *a);

#endif
