/* SPDX-License-Identifier: MIT */
/* image.h: one mapped file of a target, opened once however many processes map it: its symbols and runtimes. */
#ifndef TPD_IMAGE_H
#define TPD_IMAGE_H

#include <sys/stat.h>
#include "target/elf.h"
#include "target/process.h"
#include "target/symbols.h"

/* What the image says about the language runtimes of its process; see runtime.c for the evidence. */
#define RUNTIME_UNWINDER 1u /* something can walk the stack: exceptions, forced unwinding, backtraces */
#define RUNTIME_GO       2u /* goroutines, whose stacks move */
#define RUNTIME_FIBERS   4u /* switches stacks */
#define RUNTIME_UNPROVEN 8u /* static and without symbols: nothing can be proven */

struct image {
	dev_t dev;             /* as fstat tells them */
	ino_t ino;
	char *path;            /* as the first process that maps it names it */
	int fd;                /* belongs to elf; what uprobes are attached to */
	struct elf *elf;
	struct symbols *symbols; /* loaded when first asked for */
	uint32_t runtimes;     /* RUNTIME_*; valid once runtime_known */
	bool runtime_known;
	bool hooked;           /* its runtime hooks are attached for every process */
	bool debug_known;      /* debug_fd and alt_fd have been looked for */
	int debug_fd, alt_fd;  /* separate debug file, and what that refers to (dwz); -1: none */
	bool planned;          /* the patterns were held against its symbols */
	struct image *next;
};

/*
 * The image of a module: from the list, or opened and put into it. 0; -ENOEXEC for files that are no x86-64
 * ELF; other negative errno. The list owns the images; path and contents stay until images_free.
 */
int image_get(struct image **list, const struct process *p, const struct module *m, struct image **ret);
/* The same for a file that no process maps yet (--exe). */
int image_get_path(struct image **list, const char *path, struct image **ret);
void images_free(struct image **list);
/* Gives symbols and text back once all is attached; they are read again when asked for. */
void images_trim(struct image *list);

/* Symbols, loaded on the first call. rootfd: where separate debug files are. */
int image_symbols(struct image *img, int rootfd, struct symbols **ret);

#endif
