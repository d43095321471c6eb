/* SPDX-License-Identifier: MIT */
/*
 * symbols.h: the functions of a module, from .symtab, .dynsym, .gnu_debugdata (xz), a separate debug file (by build
 * id and debuglink, inside the target's root), debuginfod when DEBUGINFOD_URLS is set, Go's pclntab.
 *
 * Loading is cheap for one lookup in a big file: names are pointers into the mapped tables, nothing is
 * copied, sorted or demangled until asked for.
 */
#ifndef TPD_SYMBOLS_H
#define TPD_SYMBOLS_H

#include "target/elf.h"
#include "target/pattern.h"

enum symbol_source { SYM_SYMTAB, SYM_DYNSYM, SYM_DEBUGDATA, SYM_DEBUGFILE, SYM_DEBUGINFOD, SYM_PCLNTAB };

struct symbol {
	const char *name;   /* mangled, version suffix (@@GLIBC_2.2) taken off; owned by the table */
	uint64_t addr;      /* virtual address in the module */
	uint64_t size;      /* 0: not told; symbols_extent() finds out */
	uint8_t source;     /* enum symbol_source */
	bool ifunc;         /* STT_GNU_IFUNC: addr is the resolver's */
	bool global;
	uint32_t unit;      /* local symbols of one source file share it; 0: not known */
};

struct symbols;

/*
 * rootfd: where separate debug files are looked up (-1: nowhere). path: the module's path inside that root, for
 * debuglink. Only functions are kept. 0 (also with no symbols at all) or negative errno.
 */
int symbols_load(struct symbols **ret, const struct elf *e, int rootfd, const char *path);
/* The same with a debug file that was found before (NULL: none), looking nowhere else. */
int symbols_load_with(struct symbols **ret, const struct elf *e, const struct elf *debug);
void symbols_free(struct symbols *s);
size_t symbols_all(const struct symbols *s, const struct symbol **ret);

/* Calls cb for each symbol that the pattern matches (names and, if the pattern needs it, demangled names).
 * A negative return of cb ends the walk and is returned. */
int symbols_match(struct symbols *s, const struct pattern *p,
		  int (*cb)(void *arg, const struct symbol *sym, const char *pretty), void *arg);

/* Sorts on first use. The symbol whose extent holds addr / that begins exactly at addr, or NULL. Among aliases:
 * global before local, then the shortest name, then alphabetical. */
const struct symbol *symbols_at(struct symbols *s, uint64_t addr);
const struct symbol *symbols_starting_at(struct symbols *s, uint64_t addr);
/* First function that begins behind addr, or NULL. */
const struct symbol *symbols_after(struct symbols *s, uint64_t addr);
/* End of a function: its size, or for size 0 the next symbol's start, the section's end at most. */
uint64_t symbols_extent(struct symbols *s, const struct elf *e, const struct symbol *sym);
/* The .cold piece that belongs to sym ("f.cold", "f.constprop.0.cold"), or NULL. */
const struct symbol *symbols_cold(struct symbols *s, const struct symbol *sym);

/* Up to n names nearest to the text (edit distance, then common substring), best first; returns how many. The
 * strings are owned by the table. */
size_t symbols_nearest(struct symbols *s, const char *text, const char **ret, size_t n);

/* Demangled name (C++ and Rust, with parameters), or NULL if it is not mangled. malloc'ed. Copies and pieces of a function (f.isra.0,
 * f.cold) are named like it. */
char *symbol_demangle(const char *name);
/* The same, and of other names all but the copy's number. NULL: no memory. */
char *symbol_pretty(const char *name);
/* A C++ type as std::type_info names it ("St13runtime_error"), or NULL if that is none. malloc'ed. */
char *symbol_demangle_type(const char *name);
/* Does it look mangled? Cheap. */
bool symbol_is_mangled(const char *name);

#endif
