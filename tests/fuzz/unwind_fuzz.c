/* SPDX-License-Identifier: MIT */
/*
 * unwind_fuzz.c: what an attacker chooses of a stack: registers and words, over the call frame information of this very program and
 * its libraries; DWARF expressions; and answers of a child that was taken over. The same input must give the same stack on
 * another place: that is what tpd recognizes stacks by.
 */
#include <dwarf.h>
#include <fcntl.h>

#include "debug/cfi.h"
#include "debug/debug_priv.h"
#include "target/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILES 8
#define WORDS 512

static struct note note;
static struct child_map map[FILES];
static size_t nmap;
static unsigned opened;

static int by_start(const void *a, const void *b)
{
	const struct child_map *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Address in the file of a mapping's first byte. */
static uint64_t address_of(int fd, const struct module *m)
{
	const struct elf_segment *seg;
	struct elf *e;
	uint64_t addr = 0;
	size_t n;

	if (fd < 0 || elf_open(&e, fcntl(fd, F_DUPFD_CLOEXEC, 0)))
		abort();
	n = elf_segments(e, &seg);
	for (size_t i = 0; i < n; i++)
		if (seg[i].exec && m->offset <= seg[i].offset && seg[i].offset < m->offset + (m->end - m->start))
			addr = seg[i].vaddr - (seg[i].offset - m->offset);
	elf_close(e);
	return addr;
}

static void open_self(void)
{
	struct process p;

	if (process_open(&p, getpid()) || process_read_maps(&p))
		abort();
	for (size_t i = 0; i < p.nmodules && nmap < FILES; i++) {
		const struct module *m = &p.modules[i];
		struct child_file *f = calloc(1, sizeof(*f));

		f->fd = process_open_module(&p, m);
		f->debug_fd = f->alt_fd = -1;
		f->note = &note;
		f->opened = &opened;
		f->bad = PHASE_DWARF; /* the library's business: see debug_test */
		map[nmap++] = (struct child_map){ m->start, m->end, m->start - address_of(f->fd, m), f };
	}
	qsort(map, nmap, sizeof(map[0]), by_start);
	process_close(&p);
}

/* A word from three bytes: somewhere in the code, in the stack, or a small number. */
static uint64_t word(const uint8_t *p, uint64_t sp)
{
	const struct child_map *m = &map[(p[0] >> 2) % nmap];
	uint64_t v = p[1] | (uint64_t)p[2] << 8;

	switch (p[0] & 3) {
	case 0:
		return m->start + v * 16 % (m->end - m->start);
	case 1:
		return m->start + (v + (uint64_t)p[0] * 65536) % (m->end - m->start);
	case 2:
		return sp + v % (WORDS * 8 + 64);
	}
	return v;
}

static void unwind_at(const uint8_t *data, size_t size, uint64_t sp, struct answer *a)
{
	uint64_t regs[DEBUG_REGS] = { 0 }, stack[WORDS] = { 0 };
	struct unwind_input in = { map, nmap, regs, (const uint8_t *)stack, 0 };
	size_t n = size / 3;

	for (size_t i = 0; i < MIN(n, DEBUG_REGS); i++)
		regs[i] = word(data + 3 * i, sp);
	regs[DEBUG_RSP] = sp;
	for (size_t i = DEBUG_REGS; i < MIN(n, DEBUG_REGS + WORDS); i++)
		stack[i - DEBUG_REGS] = word(data + 3 * i, sp);
	in.len = n > DEBUG_REGS ? MIN(n - DEBUG_REGS, WORDS) * 8 : 0;
	memset(&a->head, 0, sizeof(a->head));
	answer_string(a, "");
	unwind_answer(&in, a);
	if (!a->head.nframes || a->head.nframes > DEBUG_FRAMES || a->frames[0].pc != regs[DEBUG_RIP])
		abort();
}

static void unwind(const uint8_t *data, size_t size)
{
	static struct answer a, b;

	unwind_at(data, size, 0x7ffd00001000, &a);
	unwind_at(data, size, 0x7ffe00002000, &b);
	if (!a.head.cacheable || !a.head.whole)
		return;
	if (a.head.nframes != b.head.nframes || a.head.whole != b.head.whole || a.head.ndeps != b.head.ndeps ||
	    memcmp(a.deps, b.deps, a.head.ndeps * sizeof(a.deps[0])))
		abort();
	for (size_t i = 0; i < a.head.nframes; i++)
		if (a.frames[i].pc != b.frames[i].pc)
			abort();
}

static bool some_reg(void *arg, unsigned n, struct cfi_value *ret)
{
	*ret = (struct cfi_value){ n * 4096, n & 1 };
	return n < DEBUG_REGS;
}

static bool some_word(void *arg, struct cfi_value addr, struct cfi_value *ret)
{
	*ret = (struct cfi_value){ addr.v * 3, addr.v & 1 };
	return addr.v % 7;
}

static void evaluate(const uint8_t *data, size_t size)
{
	struct cfi_context c = { .reg = some_reg, .word = some_word };
	size_t n = MIN(size / 3, 256);
	Dwarf_Op ops[256];
	struct cfi_value v;
	bool address;

	for (size_t i = 0; i < n; i++)
		ops[i] = (Dwarf_Op){ .atom = data[3 * i],
				     .number = (Dwarf_Word)(int8_t)data[3 * i + 1],
				     .number2 = (Dwarf_Word)(int8_t)data[3 * i + 2] };
	cfi_evaluate(&c, ops, n, (struct cfi_value){ 0x1000, true }, &v, &address);
}

static void check_string(const struct frames_view *v, uint32_t at)
{
	if (at && strlen(v->strings + at) >= v->head->nstrings)
		abort();
}

static void answer(const uint8_t *data, size_t size)
{
	struct wire_msg m = { .head.bytes = (uint32_t)size, .buf = malloc(size + 1) };
	struct frames_view v;

	memcpy(m.buf, data, size);
	if (!frames_check(&m, &v))
		for (size_t i = 0; i < v.head->nframes; i++) {
			check_string(&v, v.frames[i].function);
			check_string(&v, v.frames[i].file);
		}
	free(m.buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!nmap)
		open_self();
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		evaluate(data + 1, size - 1);
		break;
	case 1:
		answer(data + 1, size - 1);
		break;
	default:
		unwind(data + 1, size - 1);
	}
	return 0;
}
