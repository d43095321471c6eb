/* SPDX-License-Identifier: MIT */
/* dwarf_priv.h: what the readers of debug information share. */
#ifndef TPD_DWARF_PRIV_H
#define TPD_DWARF_PRIV_H

#include <dwarf.h>

#include "debug/dwarf.h"
#include "target/proto_build.h"

#define DWARF_MAX_NEST 64 /* DIEs inside each other, types inside each other, references in a row */
#define DWARF_MAX_DIES (16u << 20) /* of one unit */
#define DWARF_MAX_NAME 4096
#define DWARF_MAX_SIZE (1ll << 56) /* of a type: Go has pointers to arrays of 2^50 bytes */

/* A namespace or class, and where the DIEs inside of it lie: their offsets nest as they do. */
struct dwarf_scope {
	uint64_t start, end;
	const char *name; /* NULL: anonymous */
	uint32_t parent;  /* index, or DWARF_NO_SCOPE */
	uint16_t tag;
	bool declared; /* only declared here */
};

#define DWARF_NO_SCOPE 0xffffffffu

struct dwarf_func {
	uint64_t entry;
	Dwarf_Off die;
};

/* What one walk over a unit finds out; kept. */
struct dwarf_unit;

int dwarf_unit_get(struct dwarf_file *f, const Dwarf_Die *inside, struct dwarf_unit **ret);
/* Where the functions of a unit begin, by address. deep: also those inside of others. */
int dwarf_unit_funcs(struct dwarf_unit *u, bool deep, const struct dwarf_func **ret, size_t *n);
/* The innermost scope that a DIE is in, or NULL; and those around it. */
const struct dwarf_scope *dwarf_unit_scope(const struct dwarf_unit *u, uint64_t offset);
const struct dwarf_scope *dwarf_unit_outer(const struct dwarf_unit *u, const struct dwarf_scope *s);
/* A class that is declared in `from`: the DIE that defines it in u. 0 or -ENOENT. */
int dwarf_unit_definition(const struct dwarf_unit *u, const struct dwarf_unit *from,
			  const Dwarf_Die *declared, Dwarf_Die *ret);
/* Are there any types in it? Without, a function that has no parameters may as well have some. */
bool dwarf_unit_has_types(const struct dwarf_unit *u);
void dwarf_units_free(struct dwarf_unit *all);

/* Where dwarf_unit_get() keeps units. */
struct dwarf_unit **dwarf_file_units(struct dwarf_file *f);
/* Up to n units that say that they hold addr. */
int dwarf_file_candidates(struct dwarf_file *f, uint64_t addr, Dwarf_Die *unit, size_t n,
			  size_t *found);
/* The DIE of the function that begins at addr. */
int dwarf_find_function(struct dwarf_file *f, uint64_t addr, Dwarf_Die *ret);
/* Does a symbol at addr say that it is a copy with parameters of its own? */
int dwarf_file_is_copy(struct dwarf_file *f, uint64_t addr, bool *ret);

/* One prototype in the making. */
struct dwarf_type_cache;

struct dwarf_build {
	struct dwarf_file *file;
	const Dwarf_Die *function;
	struct proto_build *out;
	struct dwarf_type_cache *cache;
	enum proto_lang lang;
	unsigned dies;	   /* looked at so far */
	unsigned searches; /* for definitions of declared classes */
	int err;	   /* the first failure; of `out` too */
};

/* Counts a DIE that is looked at; false: there were too many, or something else failed. */
bool dwarf_build_step(struct dwarf_build *b);
/* Records a failure; returns 0, an index that does no harm. */
uint32_t dwarf_build_fail(struct dwarf_build *b, int err);
/* A string, qualified by the scopes that the DIE is in. */
uint32_t dwarf_build_name(struct dwarf_build *b, Dwarf_Die *die);
uint32_t dwarf_build_text(struct dwarf_build *b, const char *text);
/* The type that DW_AT_type of a DIE means, its own or that of what it was made from. false: none, void. */
bool dwarf_type_attr(struct dwarf_build *b, Dwarf_Die *die, Dwarf_Die *ret);
/* Index of a type, members and all. left: pointers that may be followed; nest: types around it. */
uint32_t dwarf_build_type(struct dwarf_build *b, Dwarf_Die *die, unsigned left, unsigned nest);
/* Is it passed in a vector register, whatever it is made of? Such types are TYPE_UNKNOWN. */
bool dwarf_is_vector(struct dwarf_build *b, Dwarf_Die *die);
bool dwarf_is_float128(Dwarf_Die *die);
/* What fills in t, which has a name already, from the DIE of one kind of types. */
void dwarf_build_base(struct dwarf_build *b, Dwarf_Die *die, struct type *t);
void dwarf_build_enum(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned nest);
void dwarf_build_array(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned left,
		       unsigned nest);
void dwarf_build_record(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned left,
			unsigned nest);
/* DW_AT_byte_size, checked. */
uint64_t dwarf_build_size(struct dwarf_build *b, Dwarf_Die *die, uint64_t otherwise);
/* A number as it reads in `size` bytes. */
int64_t dwarf_extend(int64_t v, uint64_t size, bool is_signed);
/* The number in a constant attribute. 0 or -ENOENT: it is none, or too wide. */
int dwarf_constant(Dwarf_Die *die, unsigned attr, int64_t *ret);
void dwarf_build_end(struct dwarf_build *b);

/* What a location says about the very first instruction. */
struct dwarf_place {
	struct piece piece[16];
	size_t n;
	bool told;  /* there is a location or constant at all */
	bool whole; /* every byte is told, and somewhere */
	bool sure;  /* by a list or a constant, which mean this very address */
};

void dwarf_place(Dwarf_Die *param, Dwarf_Die *function, uint64_t entry, enum proto_lang lang,
		 struct dwarf_place *ret);

#endif
