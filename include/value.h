/* SPDX-License-Identifier: MIT */
/*
 * value.h: how the bytes of a capture (fetch.h) read as values: one flat block a function, made with the fetch
 * programs from the same prototype, kept in recorded streams. Roots are the parameters, then the result.
 */
#ifndef TPD_VALUE_H
#define TPD_VALUE_H

#include <stdint.h>

enum value_kind {
	VALUE_INT, VALUE_UINT, VALUE_BOOL, /* integers of up to 16 bytes */
	VALUE_CHAR,     /* the character as text; what is none by itself (a byte above 0x7f, a surrogate): its number */
	VALUE_FLOAT,    /* from memory; size 4, 8, 16 */
	VALUE_ENUM,     /* children are its enumerators (VALUE_NAME): "NAME", or the number; flags of bits "A|B|0x8" */
	VALUE_NAME,     /* enumerator: name, number */
	VALUE_POINTER,  /* number as hex string "0x..."; null is JSON null; a child: what it points to, when captured, is given
			 * instead of the pointer */
	VALUE_TEXT,     /* item is a struct fetched; text in UTF-8. number > 0: it ends at a NUL, or fills that many bytes */
	VALUE_BYTES,    /* the same, but raw: hex */
	VALUE_STRUCT,   /* object of children; an array of them if they are called __0, __1 ... (tuples of Rust) */
	VALUE_ARRAY,    /* count elements from an item: child is the element, stride apart. count < 0: item is a struct fetched, the
			 * elements are in the heap, and their true number is all / stride. Characters of one byte: text up to NUL */
	VALUE_VARIANT,  /* children: the discriminant, then alternatives (VALUE_CASE) */
	VALUE_CASE,     /* number: discriminant that means it; children: its payload (0 or 1). {"NAME":payload}, "NAME"; without a
			 * name the payload itself, or null */
	VALUE_MISSING,  /* the string `type` says why: {"unavailable":"register"} */
	VALUE_GO_TYPE,  /* number is the address of a Go type: its name, as the resolver (resolve.h) has it */
};

#define VALUE_F_SIGNED  1u
#define VALUE_F_DEFAULT 2u /* VALUE_CASE: if no other matches */
#define VALUE_F_RETURN  4u /* root: the result, not a parameter */
#define VALUE_F_ERROR   8u /* VALUE_CASE: this alternative is a failure (Err); root: negative means failure (errno);
			    * VALUE_POINTER to a VALUE_GO_TYPE: Go's type error */
#define VALUE_F_FLAGS   16u /* VALUE_ENUM: bits that are ORed; VALUE_UINT: as hex string */
#define VALUE_F_INLINE  32u /* VALUE_STRUCT: members of a base class: given among their owner's. VALUE_ARRAY: each child is an
			     * element; there are count, or with an item as many as fit into the 8-byte number of bytes there */
#define VALUE_F_ERRNO   64u /* root of its own: errno, for "error" */
#define VALUE_F_CUT     128u /* there is more below than was asked for: "..." */

#define VALUE_NO_ITEM 0xff
#define VALUES_MAX    4096 /* values of one function */
#define VALUES_DEPTH  64 /* values below each other */

struct value {
	uint8_t kind;    /* enum value_kind */
	uint8_t flags;
	uint8_t item;    /* number of the item that holds it, VALUE_NO_ITEM: what its parent says, or none */
	uint8_t bit_off, bit_size; /* bit-field; 0: none */
	uint8_t pad;
	uint16_t at;     /* VALUE with an item: offset of the item in the capture */
	uint32_t off;    /* offset within the item; below a VALUE_ARRAY: within the element */
	uint32_t size;   /* bytes; VALUE_ARRAY: stride */
	uint32_t name;   /* string */
	uint32_t type;   /* string: name of the type, ""; VALUE_MISSING: the reason */
	uint32_t child, nchildren; /* values[child .. child + nchildren); children come behind their parents */
	int64_t number;  /* VALUE_NAME, VALUE_CASE; VALUE_ARRAY: count; VALUE_TEXT */
};

struct values {
	uint32_t bytes;   /* of the whole block */
	uint32_t n;       /* values */
	uint32_t nroots;  /* the first nroots values are the roots */
	uint32_t nstrings;
	/* then the values, then the strings */
};

_Static_assert(sizeof(struct value) == 40 && sizeof(struct values) == 16, "block layout");

#endif
