/* SPDX-License-Identifier: MIT */
/* dwarf_plain.c: numbers, enums and arrays as debug information tells them. */
#include "debug/dwarf_priv.h"

#define MAX_ENUMERATORS 4096
#define MAX_DIMENSIONS	16

int64_t dwarf_extend(int64_t v, uint64_t size, bool is_signed)
{
	unsigned unused = size < 8 ? 64 - 8 * (unsigned)size : 0;

	if (!size || !unused)
		return v;
	v = (int64_t)((uint64_t)v << unused);
	return is_signed ? v >> unused : (int64_t)((uint64_t)v >> unused);
}

/* Not the x87's 80 bits that long double has in as many bytes, and passed like a vector. */
bool dwarf_is_float128(Dwarf_Die *die)
{
	const char *name = dwarf_tag(die) == DW_TAG_base_type ? dwarf_diename(die) : NULL;

	return name && (!strcmp(name, "_Float128") || !strcmp(name, "__float128"));
}

void dwarf_build_base(struct dwarf_build *b, Dwarf_Die *die, struct type *t)
{
	/* clang-format off */
	static const struct {
		uint8_t encoding, kind, flags;
		uint32_t sizes; /* bit n: n bytes make sense */
	} known[] = {
		{ DW_ATE_boolean,       TYPE_BOOL,    0,             0x10116 },
		{ DW_ATE_address,       TYPE_UINT,    0,             0x00116 },
		{ DW_ATE_signed,        TYPE_INT,     0,             0x10116 },
		{ DW_ATE_unsigned,      TYPE_UINT,    0,             0x10116 },
		{ DW_ATE_signed_char,   TYPE_CHAR,    TYPE_F_SIGNED, 0x00116 },
		{ DW_ATE_unsigned_char, TYPE_CHAR,    0,             0x00116 },
		{ DW_ATE_UTF,           TYPE_CHAR,    0,             0x00016 },
		{ DW_ATE_float,         TYPE_FLOAT,   0,             0x10114 },
	};
	/* clang-format on */
	const char *name = dwarf_diename(die);
	int64_t encoding;

	t->size = dwarf_build_size(b, die, 0);
	if (dwarf_constant(die, DW_AT_encoding, &encoding) || dwarf_is_float128(die))
		return;
	if (encoding == DW_ATE_complex_float && (t->size == 8 || t->size == 16 || t->size == 32))
		t->kind = TYPE_COMPLEX;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].encoding == encoding && t->size < 32 &&
		    known[i].sizes >> t->size & 1) {
			t->kind = known[i].kind;
			t->flags |= known[i].flags;
		}
	/* C++'s wchar_t is a type of its own, and says only that it is a signed number. */
	if (t->kind == TYPE_INT && name && !strcmp(name, "wchar_t")) {
		t->kind = TYPE_CHAR;
		t->flags |= TYPE_F_SIGNED;
	}
}

static void enumerators(struct dwarf_build *b, Dwarf_Die *die, struct type *t, bool *negative)
{
	AUTO_FREE struct member *v = NULL;
	size_t n = 0, cap = 0;
	Dwarf_Die child;
	int r;

	for (r = dwarf_child(die, &child); !r && dwarf_build_step(b);
	     r = dwarf_siblingof(&child, &child)) {
		struct member m = { .type = PROTO_NO_TYPE };

		if (dwarf_tag(&child) != DW_TAG_enumerator ||
		    dwarf_constant(&child, DW_AT_const_value, &m.value))
			continue;
		if (n == MAX_ENUMERATORS) {
			t->flags |= TYPE_F_CUT;
			break;
		}
		m.name = dwarf_build_text(b, dwarf_diename(&child));
		if (util_grow(&v, n, &cap, sizeof(*v))) {
			dwarf_build_fail(b, -ENOMEM);
			return;
		}
		*negative |= m.value < 0;
		v[n++] = m;
	}
	if (r < 0)
		dwarf_build_fail(b, -EBADMSG);
	for (size_t i = 0; i < n; i++)
		v[i].value =
			dwarf_extend(v[i].value, t->size, t->flags & TYPE_F_SIGNED || *negative);
	t->nmembers = (uint32_t)n;
	t->member = proto_build_members(b->out, v, n);
}

void dwarf_build_enum(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned nest)
{
	struct type number = { .kind = TYPE_UINT, .inner = PROTO_NO_TYPE };
	bool negative = false, told;
	Dwarf_Die under;

	if (dwarf_hasattr(die, DW_AT_declaration))
		t->flags |= TYPE_F_DECLARATION;
	t->size = dwarf_build_size(b, die, 0);
	told = dwarf_type_attr(b, die, &under);
	if (told) {
		t->inner = dwarf_build_type(b, &under, 0, nest + 1);
		number = proto_build_get_type(b->out, t->inner);
		if (!t->size)
			t->size = number.size;
		told = number.size == t->size;
	}
	if (t->size != 1 && t->size != 2 && t->size != 4 && t->size != 8)
		return;
	t->kind = TYPE_ENUM;
	if (told &&
	    (number.kind == TYPE_INT || (number.kind == TYPE_CHAR && number.flags & TYPE_F_SIGNED)))
		t->flags |= TYPE_F_SIGNED;
	enumerators(b, die, t, &negative);
	if (told && (number.kind == TYPE_INT || number.kind == TYPE_UINT ||
		     number.kind == TYPE_CHAR || number.kind == TYPE_BOOL))
		return;
	/* Compilers before DWARF 3 leave it to the values. */
	t->flags = (uint8_t)(negative ? t->flags | TYPE_F_SIGNED : t->flags);
	number = (struct type){ .kind = negative ? TYPE_INT : TYPE_UINT,
				.size = t->size,
				.inner = PROTO_NO_TYPE };
	t->inner = proto_build_type(b->out, &number);
}

/* Elements in one dimension; ~0: not known, or only at run time. */
static uint64_t dimension(Dwarf_Die *die)
{
	int64_t v, low = 0;

	if (!dwarf_constant(die, DW_AT_count, &v))
		return (uint64_t)v;
	if (dwarf_constant(die, DW_AT_upper_bound, &v))
		return UINT64_MAX;
	dwarf_constant(die, DW_AT_lower_bound, &low);
	/* int a[0] ends at -1, in whichever width. */
	if (!low && (v == -1 || v == UINT32_MAX))
		return 0;
	return v >= low ? (uint64_t)v - (uint64_t)low + 1 : 0;
}

void dwarf_build_array(struct dwarf_build *b, Dwarf_Die *die, struct type *t, unsigned left,
		       unsigned nest)
{
	uint64_t count[MAX_DIMENSIONS], size;
	Dwarf_Die child, element;
	size_t n = 0;
	int r;

	for (r = dwarf_child(die, &child); !r && dwarf_build_step(b);
	     r = dwarf_siblingof(&child, &child))
		if (dwarf_tag(&child) == DW_TAG_subrange_type) {
			if (n == MAX_DIMENSIONS) {
				dwarf_build_fail(b, -EBADMSG);
				return;
			}
			count[n++] = dimension(&child);
		}
	if (!dwarf_type_attr(b, die, &element))
		return;
	if (!n)
		count[n++] = UINT64_MAX;
	t->inner = dwarf_build_type(b, &element, left, nest + 1);
	size = proto_build_get_type(b->out, t->inner).size;
	for (t->kind = TYPE_ARRAY; n; n--) {
		uint64_t c = count[n - 1] == UINT64_MAX ? 0 : count[n - 1];

		if (__builtin_mul_overflow(size, c, &size) || size > DWARF_MAX_SIZE) {
			dwarf_build_fail(b, -EBADMSG);
			return;
		}
		t->count = count[n - 1];
		t->size = size;
		/* The outermost is the type itself. */
		if (n > 1)
			t->inner = proto_build_type(b->out, &(struct type){ .kind = TYPE_ARRAY,
									    .size = size,
									    .count = t->count,
									    .inner = t->inner });
	}
	/* A vector: it travels in vector registers, whatever it is made of. */
	if (dwarf_hasattr_integrate(die, DW_AT_GNU_vector)) {
		t->kind = TYPE_UNKNOWN;
		t->inner = PROTO_NO_TYPE;
		t->count = 0;
		t->size = dwarf_build_size(b, die, size);
	}
}
