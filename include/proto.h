/* SPDX-License-Identifier: MIT */
/*
 * proto.h: the prototype of a function: its parameters, its result, and the types that they are made of.
 *
 * One flat block without pointers: debug information is read by a child without privileges, which hands the block
 * over a socket; whoever takes it in checks it once (proto_check) and may then trust every index in it.
 * Strings are offsets into the block's string table, offset 0 is "".
 */
#ifndef TPD_PROTO_H
#define TPD_PROTO_H

#include "event.h" /* enum proto_lang */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTO_MAX_BYTES   (1u << 20)
#define PROTO_MAX_PARAMS  64
#define PROTO_NO_TYPE     0xffffffffu

enum type_kind {
	TYPE_VOID,
	TYPE_BOOL,
	TYPE_CHAR,      /* of any width: char, char16_t, Rust's char; flags tell the sign */
	TYPE_INT,       /* signed */
	TYPE_UINT,
	TYPE_FLOAT,     /* size 4, 8, 16 (long double: x87 in 16 bytes) */
	TYPE_COMPLEX,
	TYPE_ENUM,      /* members: names and values; inner: the integer type */
	TYPE_POINTER,   /* inner: what it points to, PROTO_NO_TYPE: void or deeper than asked */
	TYPE_REFERENCE, /* C++ & and && */
	TYPE_ARRAY,     /* inner: the element; count elements */
	TYPE_STRUCT,    /* also classes; members in order, base classes among them */
	TYPE_UNION,
	TYPE_VARIANT,   /* Rust enum with data: the first member is the discriminant, the others the variants */
	TYPE_FUNCTION,
	TYPE_UNKNOWN,   /* something that this reader does not know, or is only declared */
};

/* Types are given without typedef, const, volatile; name is that of the outermost typedef if there is one, but the
 * classes of C++ and Rust keep their own: those who know how they are laid out know them by it. */
#define TYPE_F_BY_REFERENCE 1u /* C++: not trivially copyable, so passed and returned by a hidden pointer */
#define TYPE_F_DECLARATION  2u /* incomplete here: no members known */
#define TYPE_F_SIGNED       4u /* TYPE_CHAR, TYPE_ENUM */
#define TYPE_F_CUT          8u /* members were left out: deeper than asked for */
#define TYPE_F_COUNTED      16u /* TYPE_ARRAY of bytes or chars: count is the number of the parameter that tells how many there
				 * are; 1-byte TYPE_UINT: raw bytes, TYPE_CHAR: text without a NUL. Only from a prototype's text */
#define TYPE_F_FLAGS        32u /* TYPE_ENUM: bits that are ORed. Only from a prototype's text */

struct type {
	uint8_t kind;    /* enum type_kind */
	uint8_t flags;   /* TYPE_F_* */
	uint8_t go_kind; /* DW_AT_go_kind (reflect.Kind), 0: none */
	uint8_t pad;
	uint32_t name;   /* string; "" anonymous. C++: qualified, with template arguments */
	uint64_t size;   /* bytes */
	uint64_t count;  /* TYPE_ARRAY: elements, ~0: not known */
	uint32_t inner;  /* type, or PROTO_NO_TYPE. Rust's Vec: its elements */
	uint32_t member, nmembers; /* members[member .. member + nmembers) */
	uint32_t align;  /* 0: natural */
};

#define MEMBER_F_BASE    1u /* a base class */
#define MEMBER_F_DEFAULT 2u /* the variant when no other's value matches */
#define MEMBER_F_VIRTUAL 4u /* virtual base: its offset is not known */

struct member {
	uint32_t name, type;
	uint64_t offset;      /* bytes from the start */
	uint16_t bit_offset;  /* bit-field: from `offset` up, little endian; bit_size 0: none */
	uint16_t bit_size;
	uint32_t flags;
	int64_t value;        /* of an enumerator; discriminant of a variant */
};

/* Where (a part of) a parameter is when its function is entered. */
enum piece_kind {
	PIECE_ABI,   /* not told: where the calling convention puts it */
	PIECE_REG,   /* integer register reg, numbered as x86 encodes them (0 rax, 1 rcx, 2 rdx, 3 rbx, 4 rsp ...) */
	PIECE_XMM,   /* a vector register: BPF cannot read it */
	PIECE_CFA,   /* memory at cfa + value, where cfa is the stack pointer above the return address */
	PIECE_CONST, /* the compiler knows it: value */
	PIECE_GONE,  /* optimized out */
};

struct piece {
	uint8_t kind; /* enum piece_kind */
	uint8_t reg;
	uint16_t size; /* bytes, 0: all of it */
	uint32_t pad;
	int64_t value;
};

struct param {
	uint32_t name, type;
	uint32_t piece, npieces; /* none: as PIECE_ABI */
};

#define PROTO_F_VARIADIC 1u
#define PROTO_F_METHOD   2u /* the first parameter is `this` */
#define PROTO_F_OWN_ABI  4u /* a copy made by the compiler, whose parameters need not follow the convention
			     * (.isra, .constprop, DW_CC_nocall): only told pieces count */
#define PROTO_F_USER     8u /* told by the user or by the table of the C library, not by debug information */
#define PROTO_F_ERRNO    16u /* a result of -1, or a null pointer, means failure, and errno tells why */

struct proto {
	uint32_t bytes;  /* of the whole block, this header included */
	uint8_t lang;    /* enum proto_lang */
	uint8_t flags;   /* PROTO_F_* */
	uint16_t pad;
	uint32_t name;   /* string */
	uint32_t result; /* type; PROTO_NO_TYPE: void. Go's multiple results: a struct of kind TYPE_STRUCT, with
			  * name "" and a member a result */
	uint32_t nparams, ntypes, nmembers, npieces, nstrings; /* nstrings: bytes of the string table */
	uint32_t pad2;
	/* then: params, types, members, pieces (each array aligned to 8), strings */
};

/* The arrays of a block that was checked. */
struct proto_view {
	const struct proto *p;
	const struct param *params;
	const struct type *types;
	const struct member *members;
	const struct piece *pieces;
	const char *strings;
};

/* Is this block whole, every index and offset in it inside, every string terminated, no type inside itself by value?
 * Fills *v. 0 or -EBADMSG. */
int proto_check(const void *block, size_t len, struct proto_view *v);

_Static_assert(sizeof(struct type) == 40 && sizeof(struct member) == 32 && sizeof(struct piece) == 16 &&
	       sizeof(struct param) == 16 && sizeof(struct proto) == 40, "block layout");

#endif
