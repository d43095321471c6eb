/* SPDX-License-Identifier: MIT */
/* proto_text_test.c: prototypes as text: what they mean, what is wrong with them, and which patterns are none. */
#include <criterion/criterion.h>

#include "probe/proto_text.h"
#include "target/proto_build.h"

static size_t put(char *buf, size_t size, size_t n, const char *s)
{
	return n + (size_t)snprintf(buf + MIN(n, size - 1), size - MIN(n, size - 1), "%s", s);
}

/* A type in short: "i4", "u8", "c1", "*c1", "*?FILE", "*[16]c1", "*[#2]u1", "enum u4 {A=0,B=1}". */
static void show_type(const struct proto_view *v, uint32_t index, char *buf, size_t size)
{
	static const char *const letters[] = {
		[TYPE_BOOL] = "b", [TYPE_CHAR] = "c",	 [TYPE_INT] = "i", [TYPE_UINT] = "u",
		[TYPE_FLOAT] = "f", [TYPE_COMPLEX] = "z", [TYPE_FUNCTION] = "fn",
	};
	const struct type *t = &v->types[index];
	char number[64];

	if (index == PROTO_NO_TYPE) {
		put(buf, size, strlen(buf), "void");
		return;
	}
	switch (t->kind) {
	case TYPE_POINTER:
	case TYPE_REFERENCE:
		put(buf, size, strlen(buf), t->kind == TYPE_POINTER ? "*" : "&");
		cr_assert_eq(t->size, 8);
		show_type(v, t->inner, buf, size);
		return;
	case TYPE_ARRAY:
		snprintf(number, sizeof(number), t->flags & TYPE_F_COUNTED ? "[#%zu]" : "[%zu]", (size_t)t->count);
		put(buf, size, strlen(buf), number);
		show_type(v, t->inner, buf, size);
		return;
	case TYPE_STRUCT:
		cr_assert(t->flags & TYPE_F_DECLARATION);
		put(buf, size, put(buf, size, strlen(buf), "?"), v->strings + t->name);
		return;
	case TYPE_ENUM:
		put(buf, size, strlen(buf), t->flags & TYPE_F_FLAGS ? "flags " : "enum ");
		show_type(v, t->inner, buf, size);
		cr_assert_eq(!(t->flags & TYPE_F_SIGNED), v->types[t->inner].kind == TYPE_UINT);
		for (uint32_t i = 0; i < t->nmembers && i < 4; i++) {
			const struct member *m = &v->members[t->member + i];

			snprintf(number, sizeof(number), "%s%.30s=%lld", i ? "," : "{", v->strings + m->name,
				 (long long)m->value);
			put(buf, size, strlen(buf), number);
		}
		put(buf, size, strlen(buf), t->nmembers ? t->nmembers > 4 ? "...}" : "}" : "");
		return;
	default:
		cr_assert(t->kind < ARRAY_SIZE(letters) && letters[t->kind], "kind %d", t->kind);
		snprintf(number, sizeof(number), "%s%.0zu%s", letters[t->kind], (size_t)t->size,
			 t->kind == TYPE_CHAR && !(t->flags & TYPE_F_SIGNED) ? "u" : "");
		put(buf, size, strlen(buf), number);
	}
}

static void show(const struct proto *p, char *buf, size_t size)
{
	struct proto_view v;
	size_t n;

	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	cr_assert_eq(p->lang, LANG_C);
	cr_assert(p->flags & PROTO_F_USER);
	n = put(buf, size, 0, v.strings + p->name);
	n = put(buf, size, n, "(");
	for (uint32_t i = 0; i < p->nparams; i++) {
		cr_assert_eq(v.params[i].npieces, 0);
		n = put(buf, size, n, i ? ", " : "");
		n = put(buf, size, n, v.strings + v.params[i].name);
		n = put(buf, size, n, " ");
		show_type(&v, v.params[i].type, buf, size);
		n = strlen(buf);
	}
	n = put(buf, size, n, p->flags & PROTO_F_VARIADIC ? p->nparams ? ", ...)" : "...)" : ")");
	n = put(buf, size, n, p->flags & PROTO_F_ERRNO ? " errno " : " ");
	show_type(&v, p->result, buf, size);
}

/* clang-format off */
static const struct {
	const char *text, *means;
} good[] = {
	{ "lib:open(int fd, char *path) -> int", "open(fd i4, path *c1) i4" },
	{ "int open(const char *path, int flags, ...)", "open(path *c1, flags i4, ...) i4" },
	{ "libc:int open(const char *path, int flags, ...);", "open(path *c1, flags i4, ...) i4" },
	{ "open(int fd, char *path)", "open(fd i4, path *c1) void" },
	{ "f(int, long, ...) -> errno int", "f(arg1 i4, arg2 i8, ...) errno i4" },
	{ "errno char *f(void)", "f() errno *c1" },
	{ "f() -> void", "f() void" },
	{ "void f( void )", "f() void" },
	{ "f(...) -> int", "f(...) i4" },
	{ "  f ( int   a ,int b )  ->  int ; ", "f(a i4, b i4) i4" },
	/* every integer of C */
	{ "f(char a, signed char b, unsigned char c, short d, unsigned short int e) -> int",
	  "f(a c1, b c1, c c1u, d i2, e u2) i4" },
	{ "f(unsigned a, unsigned long long int b, long int unsigned c, long long d, int const e) -> unsigned",
	  "f(a u4, b u8, c u8, d i8, e i4) u4" },
	{ "f(size_t a, uint32_t b, ssize_t c, off_t d, pid_t e, time_t g, bool h, wchar_t i, _Bool j) -> mode_t",
	  "f(a u8, b u4, c i8, d i8, e i4, g i8, h b1, i c4, j b1) u4" },
	{ "f(int8_t a, uint16_t b, i64 c, u8 d, usize e, intptr_t g, char16_t h, char32_t i) -> isize",
	  "f(a i1, b u2, c i8, d u1, e u8, g i8, h c2u, i c4u) i8" },
	{ "f(float a, double b, long double c, double _Complex d, f32 e) -> f64",
	  "f(a f4, b f8, c f16, d z16, e f4) f8" },
	/* pointers */
	{ "f(void *a, int **b, const char *const *c, char *restrict d, char *const e) -> const void *",
	  "f(a *void, b **i4, c **c1, d *c1, e *c1) *void" },
	{ "f(struct x *a, FILE *b, union u *c, ns::Foo *d, std::vector<int> *e, struct y const *g) -> struct z *",
	  "f(a *?x, b *?FILE, c *?u, d *?ns::Foo, e *?std::vector<int>, g *?y) *?z" },
	{ "f(int &a, Foo &b, int &&c) -> int", "f(a &i4, b &?Foo, c &i4) i4" },
	{ "f(char s[16], int v[4], char *argv[], int n[n], long static_v[static 2]) -> int",
	  "f(s *[16]c1, v *[4]i4, argv **c1, n *i4, static_v *[2]i8) i4" },
	{ "f(void (*cb)(int, char *), int (*)(void)) -> void", "f(cb *fn, arg2 *fn) void" },
	{ "f(void *buf:len, size_t len) -> int", "f(buf *[#1]u1, len u8) i4" },
	{ "f(size_t len, char *s : len, uint8_t *b:len, const void *:len) -> int",
	  "f(len u8, s *[#0]c1, b *[#0]u1, arg4 *[#0]u1) i4" },
	{ "f(void *buf:arg_n, long arg_n)", "f(buf *[#1]u1, arg_n i8) void" },
	{ "f(out char *buf, out struct x *y, out int **z) -> int", "f(buf *void, y *void, z *void) i4" },
	{ "f(va_list ap) -> int", "f(ap *void) i4" },
	/* names for numbers */
	{ "f(enum {A=0,B=1} x) -> int", "f(x enum i4{A=0,B=1}) i4" },
	{ "f(enum color {RED, GREEN = 5, BLUE,} c) -> enum {NO = -1, YES}",
	  "f(c enum i4{RED=0,GREEN=5,BLUE=6}) enum i4{NO=-1,YES=0}" },
	{ "f(flags{R=0x1,W=1<<1,X} m) -> void", "f(m flags u4{R=1,W=2,X=4}) void" },
	{ "f(flags : u64 {TOP = 1 << 63} m, enum : long {N = -5} n, flags : short {A} o)",
	  "f(m flags u8{TOP=-9223372036854775808}, n enum i8{N=-5}, o flags i2{A=1}) void" },
	{ "f(enum somewhere x, int flags, int enum_)", "f(x enum i4, flags i4, enum_ i4) void" },
	{ "f(enum whence w, enum shut *how)", "f(w enum i4{SEEK_SET=0,SEEK_CUR=1,SEEK_END=2,SEEK_DATA=3...}, "
	  "how *enum i4{SHUT_RD=0,SHUT_WR=1,SHUT_RDWR=2}) void" },
	{ "f(flags access m)", "f(m flags u4{F_OK=0,R_OK=4,W_OK=2,X_OK=1}) void" },
	/* names */
	{ "ns::Class::f(void *this, int n) -> int", "ns::Class::f(this *void, n i4) i4" },
	{ "int ns::f(int n)", "ns::f(n i4) i4" },
	{ "lib:operator new(unsigned long size) -> void *", "operator new(size u8) *void" },
	{ "X::operator->(void *this) -> void *", "X::operator->(this *void) *void" },
	{ "X::operator()(void *this, int a) -> void", "X::operator()(this *void, a i4) void" },
	{ "_ZN2ns1fEi(int n) -> int", "_ZN2ns1fEi(n i4) i4" },
	{ "png_*(void *png) -> int", "png_*(png *void) i4" },
	{ "f<int, char>(int a) -> int", "f<int, char>(a i4) i4" },
	{ "struct x *make(int n)", "make(n i4) *?x" },
	{ "Foo *make(int n)", "make(n i4) *?Foo" },
	{ "extern static inline unsigned int f(register int a)", "f(a i4) u4" },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "lib:open(foo fd) -> int", "column 10: a type was expected, 'foo' is none; structs by name are only known behind a pointer" },
	{ "open(fd, path) -> int", "column 6: a type was expected, 'fd' is none; structs by name are only known behind a pointer" },
	{ "f(struct x a) -> int", "column 3: a struct or union is only known behind a pointer" },
	{ "f(int a) -> struct x", "column 13: a struct or union is only known behind a pointer" },
	{ "f(struct) -> int", "column 3: a name was expected behind it, not ')'" },
	{ "f(int a,) -> int", "column 9: a type was expected, not ')'" },
	{ "f(,) -> int", "column 3: a type was expected, not ','" },
	{ "f(int a b) -> int", "column 9: ',' or ')' was expected, not 'b'" },
	{ "f(int a -> int", "column 15: a parameter list was expected: NAME(int a, char *b)" },
	{ "f -> int", "column 3: a parameter list was expected: NAME(int a, char *b)" },
	{ "(int a) -> int", "column 1: the function's name was expected" },
	{ "f(int a) ->", "column 12: a type was expected, not the end" },
	{ "f(int a) -> int x", "column 17: the end of the result was expected, not 'x'" },
	{ "f(int a) const -> int", "column 10: '->' and the result or the end was expected" },
	{ "int f(int a) -> int", "column 1: the result stands in front of the name or behind '->', not both" },
	{ "f(unsigned float a) -> int", "column 3: these words do not make a type: 'unsigned float '" },
	{ "f(long long long a)", "column 3: these words do not make a type: 'long long long '" },
	{ "f(long char a)", "column 3: these words do not make a type: 'long char '" },
	{ "f(void a)", "column 3: a parameter cannot be void" },
	{ "f(void a[3])", "column 10: there are no arrays of void" },
	{ "f(int a, void)", "column 10: a parameter cannot be void" },
	{ "f(int a) -> errno void", "column 12: no errno without a result" },
	{ "f(int ..., int a)", "column 7: ',' or ')' was expected, not '.'" },
	{ "f(..., int a)", "column 6: nothing can follow '...'" },
	{ "f(int a, char a)", "column 15: two parameters have this name" },
	{ "f(void *b:n)", "column 11: there is no parameter 'n'" },
	{ "f(void *b:n, void *n)", "column 11: 'n' is no integer" },
	{ "f(int *b:n, int n)", "column 9: only void *, char * and uint8_t * have a length behind ':'" },
	{ "f(int b:n, int n)", "column 8: only void *, char * and uint8_t * have a length behind ':'" },
	{ "f(void *b:)", "column 11: behind ':' the name of the parameter that tells the length was expected" },
	{ "f(out int a)", "column 3: only a pointer can be 'out'" },
	{ "f(out void *a:n, int n)", "column 3: what is 'out' is not read, so it needs no length" },
	{ "f(int a[0])", "column 9: an array has 1 to 1048575 elements" },
	{ "f(int a[99999999999999999999])", "column 9: an array has 1 to 1048575 elements" },
	{ "f(int a[2][2])", "column 11: an array has one dimension here" },
	{ "f(int a[2)", "column 11: a parameter list was expected: NAME(int a, char *b)" },
	{ "f(enum {} x)", "column 9: at least one name was expected" },
	{ "f(enum {A=} x)", "column 11: a number was expected" },
	{ "f(enum {A=1x} x)", "column 11: '1x' is no number of 64 bits" },
	{ "f(enum {A=99999999999} x)", "column 3: 99999999999 does not fit into 32 bits; write 'enum : long {...}'" },
	{ "f(enum {A B} x)", "column 11: ',' or '}' was expected, not 'B'" },
	{ "f(enum : float {A} x)", "column 10: an integer type was expected" },
	{ "f(flags nothing x)", "column 9: no set of flags has this name; tell them: flags {A = 1, B = 2}" },
	{ "f(flags {A = 1 << 64} x)", "column 14: this number has more than 64 bits" },
	{ "f(int *********a)", "column 15: at most 8 pointers to pointers" },
	{ "f(void &a)", "column 8: there is no reference to void, nor a pointer to a reference" },
	{ "f(int &*a)", "column 7: there is no reference to void, nor a pointer to a reference" },
	{ "f(int (cb)(int))", "column 8: a pointer to a function is written 'int (*name)(int)'" },
	{ "f(int (*cb))", "column 12: a pointer to a function is written 'int (*name)(int)'" },
	{ "f(a<b *x)", "column 10: a parameter list was expected: NAME(int a, char *b)" },
	{ "f(\x01 a)", "column 3: a type was expected, not a control character" },
	{ "", "column 1: a parameter list was expected: NAME(int a, char *b)" },
};

/* Which is a prototype, and which pattern belongs to it; NULL: a pattern alone. */
static const struct {
	const char *arg, *pattern;
} split[] = {
	{ "lib:open(int fd, char *path) -> int", "lib:open" },
	{ "open(int, char *) -> int", "open" },
	{ "getpid() -> pid_t", "getpid" },
	{ "open(int fd)", "open" },
	{ "f(char *path)", "f" },
	{ "f(unsigned int flags)", "f" },
	{ "f(x y)", "f" },
	{ "f(char name[16])", "f" },
	{ "f(int, void *:arg1)", "f" },
	{ "f(void (*cb)(int))", "f" },
	{ "f(enum {A} x)", "f" },
	{ "f(void)", "f" },
	{ "int open(const char *, int)", "open" },
	{ "lib:int rand()", "lib:rand" },
	{ "char *strdup(const char *)", "strdup" },
	{ "Foo *make(int)", "make" },
	{ "unsigned long long f(int);", "f" },
	{ "/usr/lib/x.so.1:f(int a)", "/usr/lib/x.so.1:f" },
	{ "f -> int", "f" },
	{ "ns::f(int n) -> int", "ns::f" },
	{ "lib:::f(int n) -> int", "lib:::f" },
	{ "(anonymous namespace)::f(int n)", "(anonymous namespace)::f" },
	{ "operator new(unsigned long) -> void *", "operator new" },
	{ "operator->(void *this) -> void *", "operator->" },
	{ "f(flags {A = 1 << 1, B} x) -> int", "f" },

	{ "open", NULL }, { "lib:open", NULL }, { "lib:open*", NULL }, { "lib:0x1234", NULL },
	{ "!f(int a)", NULL },
	{ "ns::f(int)", NULL },
	{ "ns::f()", NULL },
	{ "f(int)", NULL }, { "f(unsigned long)", NULL }, { "f(unsigned int, long double)", NULL },
	{ "f(char const*, std::string const&)", NULL }, { "f(const char *)", NULL }, { "f(const size_t)", NULL },
	{ "f(struct x*, struct y)", NULL }, { "f(enum color)", NULL },
	{ "f(int (*)(int), char)", NULL }, { "f(int, ...)", NULL },
	{ "f((anonymous namespace)::X, unsigned char)", NULL },
	{ "f(std::vector<int, std::allocator<int> >, int [4])", NULL },
	{ "f(X const volatile&)", NULL },
	{ "void ns::f<int>(int)", NULL }, { "Foo* ns::f<int>(Foo*)", NULL },
	{ "ns::C::f(int) const", NULL }, { "ns::C::f(int n) const", NULL },
	{ "C::operator->()", NULL }, { "C::operator->*(int)", NULL }, { "C::operator()(int, long)", NULL },
	{ "C::operator int()", NULL }, { "operator new(unsigned long)", NULL },
	{ "C::operator<(C const&)", NULL }, { "C::operator<<(int)", NULL }, { "C::operator<=>(C const&)", NULL },
	{ "non-virtual thunk to C::f(int)", NULL }, { "virtual thunk to f(int)", NULL },
	{ "main.(*Server).Handle", NULL }, { "main.Map[...]", NULL }, { "main.f.func1", NULL },
	{ "<alloc::vec::Vec<T> as core::ops::Deref>::deref", NULL }, { "<fn() -> i32 as core::ops::FnOnce<()>>::call_once", NULL },
	{ "<<A as B>::C as D>::f", NULL },
	{ "main::{lambda(int)#1}::operator()(int) const", NULL },
	{ "core::ops::function::FnOnce::call_once{{vtable.shim}}", NULL },
	{ "[a-z]*", NULL }, { "f(", NULL }, { "f(int n", NULL }, { "", NULL }, { "(", NULL }, { ")", NULL },
};
/* clang-format on */

Test(proto_text, means_what_it_says)
{
	char why[PROTO_TEXT_WHY] = "", buf[1024];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct proto *p = NULL;

		cr_assert_eq(proto_text_parse(good[i].text, &p, why), 0, "%s: %s", good[i].text, why);
		buf[0] = '\0';
		show(p, buf, sizeof(buf));
		cr_expect_str_eq(buf, good[i].means, "%s: %s", good[i].text, buf);
		free(p);
	}
}

Test(proto_text, says_where_it_is_wrong)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char why[PROTO_TEXT_WHY] = "";
		struct proto *p = NULL;

		cr_expect_eq(proto_text_parse(bad[i].text, &p, why), -EINVAL, "%s", bad[i].text);
		cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
		cr_expect_null(p);
	}
}

Test(proto_text, is_told_from_a_pattern)
{
	for (size_t i = 0; i < ARRAY_SIZE(split); i++) {
		const char *proto = "unset";
		char *pattern = NULL;

		cr_assert_eq(proto_text_split(split[i].arg, &pattern, &proto), 0);
		cr_expect_str_eq(pattern, split[i].pattern ? split[i].pattern : split[i].arg, "%s: %s", split[i].arg, pattern);
		cr_expect_eq(proto, split[i].pattern ? split[i].arg : NULL, "%s", split[i].arg);
		free(pattern);
	}
}

/* Types have the names that values are shown with. */
Test(proto_text, types_are_named)
{
	static const struct {
		const char *text, *name;
	} cases[] = {
		{ "f() -> long unsigned int", "unsigned long int" }, { "f() -> uint32_t", "uint32_t" },
		{ "f() -> enum color {A}", "color" },		     { "f() -> _Bool", "bool" },
		{ "f() -> int *", "" },
	};
	char why[PROTO_TEXT_WHY];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct proto_view v;
		struct proto *p;

		cr_assert_eq(proto_text_parse(cases[i].text, &p, why), 0);
		cr_assert_eq(proto_check(p, p->bytes, &v), 0);
		cr_expect_str_eq(v.strings + v.types[p->result].name, cases[i].name);
		free(p);
	}
}

Test(proto_text, limits_are_told)
{
	AUTO_FREE char *text = malloc(2 * PROTO_TEXT_MAX);
	char why[PROTO_TEXT_WHY];
	struct proto *p = NULL;
	size_t n;

	memset(text, ' ', 2 * PROTO_TEXT_MAX);
	strcpy(text + PROTO_TEXT_MAX, "f()");
	cr_expect_eq(proto_text_parse(text, &p, why), -EINVAL);
	cr_expect_str_eq(why, "column 4097: longer than 4096 bytes");
	n = (size_t)sprintf(text, "f(int");
	for (int i = 0; i < PROTO_MAX_PARAMS - 1; i++)
		n += (size_t)sprintf(text + n, ",int");
	strcpy(text + n, ")");
	cr_assert_eq(proto_text_parse(text, &p, why), 0, "%s", why);
	cr_expect_eq(p->nparams, PROTO_MAX_PARAMS);
	free(p);
	strcpy(text + n, ",int)");
	cr_expect_eq(proto_text_parse(text, &p, why), -EINVAL);
	cr_expect_str_eq(why, "column 259: at most 64 parameters");
	n = (size_t)sprintf(text, "f(enum {A");
	for (int i = 0; i < 256; i++)
		n += (size_t)sprintf(text + n, ",A%d", i);
	strcpy(text + n, "} x)");
	cr_expect_eq(proto_text_parse(text, &p, why), -EINVAL);
	cr_expect(strstr(why, "at most 256 names"), "%s", why);
}

Test(proto_build, block_is_laid_out_as_told)
{
	struct proto_build *b = proto_build_new();
	struct proto head = { .lang = LANG_GO, .flags = PROTO_F_METHOD }, *p = NULL;
	struct type t = { .kind = TYPE_INT, .size = 4, .inner = PROTO_NO_TYPE };
	struct member m[2] = { { .value = 7 }, { .value = 8 } };
	struct piece piece = { .kind = PIECE_CFA, .value = 16 };
	struct param param = { .npieces = 1 };
	struct proto_view v;

	head.name = proto_build_string(b, "main.f", 6);
	cr_expect_eq(proto_build_string(b, "main.fx", 6), head.name);
	cr_expect_eq(proto_build_string(b, "", 0), 0);
	cr_expect_eq(proto_build_type(b, &t), 0);
	t.kind = TYPE_ENUM;
	cr_expect_eq(proto_build_type(b, &t), 1);
	cr_expect_eq(proto_build_members(b, m, 2), 0);
	m[0].value = 9;
	cr_expect_eq(proto_build_members(b, m, 1), 2);
	t = proto_build_get_type(b, 1);
	cr_expect_eq(t.kind, TYPE_ENUM);
	t.inner = 0;
	t.member = 1;
	t.nmembers = 2;
	proto_build_set_type(b, 1, &t);
	param.piece = proto_build_pieces(b, &piece, 1);
	param.type = 1;
	param.name = proto_build_string(b, "x\0y", 3);
	proto_build_param(b, &param);
	cr_assert_eq(proto_build_finish(b, &head, &p), 0);
	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	cr_expect_eq(v.p->lang, LANG_GO);
	cr_expect_eq(v.p->nparams, 1);
	cr_expect_str_eq(v.strings + v.p->name, "main.f");
	cr_expect_str_eq(v.strings + v.params[0].name, "x");
	cr_expect_eq(v.types[1].inner, 0);
	cr_expect_eq(v.members[v.types[1].member].value, 8);
	cr_expect_eq(v.members[v.types[1].member + 1].value, 9);
	cr_expect_eq(v.pieces[v.params[0].piece].value, 16);
	free(p);
	/* A failure sticks. */
	p = NULL;
	proto_build_set_type(b, 99, &t);
	cr_expect_eq(proto_build_error(b), -EINVAL);
	cr_expect_eq(proto_build_type(b, &t), 0);
	cr_expect_eq(proto_build_finish(b, &head, &p), -EINVAL);
	cr_expect_null(p);
	proto_build_free(b);
}

Test(proto_build, stays_small)
{
	struct proto_build *b = proto_build_new();
	struct type t = { .kind = TYPE_INT };
	struct proto head = { .result = PROTO_NO_TYPE }, *p;
	struct param param = { 0 };
	AUTO_FREE char *big = calloc(1, PROTO_MAX_BYTES + 1);
	size_t n = 0;

	while (!proto_build_error(b)) {
		proto_build_type(b, &t);
		n++;
	}
	cr_expect_eq(proto_build_error(b), -E2BIG);
	cr_expect(n * sizeof(t) <= PROTO_MAX_BYTES && (n + 2) * sizeof(t) > PROTO_MAX_BYTES);
	cr_expect_eq(proto_build_finish(b, &head, &p), -E2BIG);
	proto_build_free(b);
	b = proto_build_new();
	for (int i = 0; i < PROTO_MAX_PARAMS; i++)
		proto_build_param(b, &param);
	cr_expect_eq(proto_build_error(b), 0);
	proto_build_param(b, &param);
	cr_expect_eq(proto_build_error(b), -E2BIG);
	proto_build_free(b);
	b = proto_build_new();
	memset(big, 'x', PROTO_MAX_BYTES);
	cr_expect_eq(proto_build_string(b, big, PROTO_MAX_BYTES), 0);
	cr_expect_eq(proto_build_error(b), -E2BIG);
	proto_build_free(b);
	proto_build_free(NULL);
}
