/* SPDX-License-Identifier: MIT */
/*
 * lines.c: what stands at an address: the function by the symbol table, source line and inlined functions by DWARF.
 * Answers are kept: hot call sites come again and again.
 */
#include <dwarf.h>

#include "debug/child.h"

#define MAX_LINES   16384 /* addresses of one file; then all are dropped */
#define MAX_INLINED 32
#define MAX_DEPTH   256 /* of scopes within a function */

struct line_frame {
	char *function;
	const char *file; /* in libdw's memory */
	uint32_t line;
};

struct line_entry {
	uint64_t addr;
	size_t n; /* frames, innermost first; all but the last are inlined */
	struct line_frame *frames;
	UT_hash_handle hh;
};

static char *symbol_name(struct child_file *f, uint64_t addr)
{
	const struct symbol *sym = child_file_enter(f, PHASE_SYMBOLS) ? symbols_at(f->symbols, addr) : NULL;

	return sym ? symbol_pretty(sym->name) : NULL;
}

static char *die_name(Dwarf_Die *die)
{
	static const unsigned names[] = { DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name };
	Dwarf_Attribute attr;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *s = dwarf_formstring(dwarf_attr_integrate(die, names[i], &attr));

		if (s)
			return symbol_pretty(s);
	}
	return NULL;
}

static bool is_scope(Dwarf_Die *die)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		return true;
	}
	return false;
}

/* The child scope of *die that holds addr. */
static bool enter_scope(Dwarf_Die *die, uint64_t addr)
{
	Dwarf_Die c;
	int r = dwarf_child(die, &c);

	for (; !r; r = dwarf_siblingof(&c, &c))
		if (is_scope(&c) && dwarf_haspc(&c, addr) > 0) {
			*die = c;
			return true;
		}
	return false;
}

/* Those inlined at addr, outermost first. */
static size_t find_inlined(struct child_file *f, uint64_t addr, Dwarf_Die *ret)
{
	Dwarf_Die die;
	size_t n = 0;

	if (dwarf_file_function(f->dwarf, addr, &die))
		return 0;
	for (unsigned depth = 0; depth < MAX_DEPTH && n < MAX_INLINED && enter_scope(&die, addr); depth++)
		if (dwarf_tag(&die) == DW_TAG_inlined_subroutine)
			ret[n++] = die;
	return n;
}

static uint64_t attr_number(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	return dwarf_formudata(dwarf_attr(die, name, &attr), &v) ? 0 : v;
}

static void call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct line_frame *caller)
{
	uint64_t line = attr_number(inlined, DW_AT_call_line), file = attr_number(inlined, DW_AT_call_file);
	Dwarf_Files *files;
	size_t n;

	if (!line || line > UINT32_MAX || dwarf_getsrcfiles(unit, &files, &n) || file >= n)
		return;
	caller->file = dwarf_filesrc(files, file, NULL, NULL);
	caller->line = caller->file ? (uint32_t)line : 0;
}

static void line_of(Dwarf_Die *unit, uint64_t addr, struct line_frame *f)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, addr);
	int number = 0;

	if (!line || dwarf_lineno(line, &number) || number <= 0)
		return;
	f->file = dwarf_linesrc(line, NULL, NULL);
	f->line = f->file ? (uint32_t)number : 0;
}

static bool fill_dwarf(struct child_file *f, uint64_t addr, struct line_entry *e)
{
	Dwarf_Die unit, inlined[MAX_INLINED];
	Dwarf_Die function;

	if (!child_file_enter(f, PHASE_DWARF) || dwarf_file_unit(f->dwarf, addr, &unit))
		return false;
	e->n = 1 + find_inlined(f, addr, inlined);
	e->frames = calloc(e->n, sizeof(*e->frames));
	if (!e->frames)
		return false;
	line_of(&unit, addr, &e->frames[0]);
	for (size_t i = 0; i + 1 < e->n; i++) {
		Dwarf_Die *die = &inlined[e->n - 2 - i];

		e->frames[i].function = die_name(die);
		call_site(&unit, die, &e->frames[i + 1]);
	}
	if (!dwarf_file_function(f->dwarf, addr, &function))
		e->frames[e->n - 1].function = die_name(&function);
	return true;
}

static void fill(struct child_file *f, uint64_t addr, struct line_entry *e)
{
	char *name;

	if (!fill_dwarf(f, addr, e)) {
		e->frames = calloc(1, sizeof(*e->frames));
		e->n = e->frames ? 1 : 0;
	}
	name = e->n ? symbol_name(f, addr) : NULL;
	if (name) {
		free(e->frames[e->n - 1].function);
		e->frames[e->n - 1].function = name;
	}
}

static const struct line_entry *find(struct child_file *f, uint64_t addr)
{
	struct line_entry *e;

	HASH_FIND(hh, f->lines, &addr, sizeof(addr), e);
	if (e)
		return e;
	if (HASH_COUNT(f->lines) >= MAX_LINES)
		lines_free(f);
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->addr = addr;
	fill(f, addr, e);
	HASH_ADD(hh, f->lines, addr, sizeof(e->addr), e);
	return e;
}

bool lines_answer(struct child_file *f, uint64_t addr, uint64_t pc, uint32_t flags, struct answer *a)
{
	const struct line_entry *e = find(f, addr);
	size_t n = e ? e->n : 0;

	for (size_t i = 0; i < MAX(n, 1); i++) {
		struct wire_frame *to = &a->frames[a->head.nframes];

		if (a->head.nframes == DEBUG_FRAMES)
			return false;
		*to = (struct wire_frame){ .pc = pc, .flags = flags };
		if (n) {
			to->function = answer_string(a, e->frames[i].function);
			to->file = answer_string(a, e->frames[i].file);
			to->line = to->file ? e->frames[i].line : 0;
			to->flags |= i + 1 < n ? WIRE_F_INLINED : 0;
		}
		a->head.nframes++;
	}
	return true;
}

void lines_free(struct child_file *f)
{
	struct line_entry *e, *next;

	HASH_ITER(hh, f->lines, e, next) {
		HASH_DEL(f->lines, e);
		for (size_t i = 0; i < e->n; i++)
			free(e->frames[i].function);
		free(e->frames);
		free(e);
	}
}
