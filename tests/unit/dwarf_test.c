/* SPDX-License-Identifier: MIT */
/*
 * dwarf_test.c: prototypes out of debug information that compilers wrote, compared whole; see proto_print.h. What is odd, wrong
 * or hostile is in dwarf_broken_test.c.
 */
#include "dwarf_test.h"

TestSuite(dwarf, .init = build_begin, .fini = build_end, .timeout = 300);

struct expected {
	const char *symbol, *text;
};

static const char c_source[] =
	"#include <stdint.h>\n"
	"#include <stdio.h>\n"
	"#include <complex.h>\n"
	"struct point { int x, y; };\n"
	"struct list { struct list *next; const char *name; struct point at[2]; };\n"
	"typedef struct { char c; } nameless;\n"
	"enum plain { RED, GREEN = 5, BLUE = -3 };\n"
	"typedef enum { LOW = 1, HIGH = 0x80000000u } wide;\n"
	"struct bits { unsigned a : 3; int b : 5; int64_t c : 40; unsigned char d : 1; };\n"
	"struct __attribute__((packed)) tight { char z; unsigned a : 7; unsigned b : 30; };\n"
	"union both { int i; float f; char c[8]; };\n"
	"struct hidden;\n"
	"typedef int quad __attribute__((vector_size(16)));\n"
	"#define F __attribute__((noinline, used))\n"
	"F int ints(int a, const uint16_t b, signed char c, _Bool d, char e, uint64_t f, int8_t g, "
	"volatile int h)\n"
	"{ return printf(\"%d\", (int)(a + b + c + d + e + f + g + h)); }\n"
	"F double floats(float a, double b, long double c, double _Complex d) { return "
	"printf(\"x\") + a + b + c + creal(d); }\n"
	"F enum plain enums(enum plain a, wide b) { return printf(\"%d %u\", a, b) ? RED : GREEN; "
	"}\n"
	"F void pointers(void *a, const char *restrict b, struct hidden *c, int (*d)(int), char "
	"*const *e, struct list *f)\n"
	"{ printf(\"%p %p %p %d %p %p\", a, (void *)b, (void *)c, d(1), (void *)e, (void *)f); }\n"
	"F struct list by_value(struct list a, struct point b, nameless c, union both d)\n"
	"{ a.at[0].x += printf(\"%d %d %d\", b.x, c.c, d.i); return a; }\n"
	"F int fields(struct bits *a, struct tight *b) { return printf(\"%d\", (int)(a->a + "
	"b->b)); }\n"
	"F int arrays(int a[3][4], int (*b)[3][4], struct { char n; char rest[]; } *c) { return "
	"printf(\"%d\", a[0][0] + (*b)[0][1] + c->n); }\n"
	"F int more(const char *format, ...) { return printf(\"%s\", format); }\n"
	"F void none(void) { printf(\"none\"); }\n"
	"F quad vector(quad a, int b) { printf(\"%d\", b); return a + b; }\n"
	"F __int128 twice(__int128 a) { printf(\"x\"); return a + a; }\n"
	"int main(void) { return 0; }\n";

#define PLAIN  "enum plain{RED=0; GREEN=5; BLUE=-3}4"
#define REST   "next@0; c1:char* name@8; struct point{i4:int x@0; i4:int y@4}8[2] at@16}32"
#define LIST_0 "struct list{void*~ " REST
#define LIST   "struct list{" LIST_0 "* " REST
#define LIST_2 "struct list{" LIST "* " REST

static const struct expected c_expected[] = {
	{ "ints", "i4:int ints(i4:int a, u2:uint16_t b, c1:signed char c, b1:_Bool d, c1:char e, "
		  "u8:uint64_t f, "
		  "c1:int8_t g, i4:int h)" },
	{ "enums", PLAIN " enums(" PLAIN " a, enum wide{LOW=1; HIGH=2147483648}4 b)" },
	{ "pointers",
	  "void pointers(void* a, c1:char* b, struct hidden{?}* c, fn* d, c1:char** e, " LIST
	  "* f)" },
	{ "by_value", LIST_2 " by_value(" LIST_2 " a, struct point{i4:int x@0; i4:int y@4}8 b, "
			     "struct nameless{c1:char c@0}1 c, union both{i4:int i@0; f4:float "
			     "f@0; c1:char[8] c@0}8 d)" },
	{ "fields",
	  "i4:int fields(struct bits{u4:unsigned int a@0.0:3; i4:int b@0.3:5; i8:int64_t c@0.8:40; "
	  "cu1:unsigned char d@6.0:1}8* a, struct tight{c1:char z@0; u4:unsigned int a@0.8:7; "
	  "u4:unsigned int b@1.7:30}6* b)" },
	{ "arrays", "i4:int arrays(i4:int[4]* a, i4:int[4][3]* b, struct{c1:char n@0; c1:char[-1] "
		    "rest@1}1* c)" },
	{ "more", "i4:int more(c1:char* format, ...)" },
	{ "none", "void none()" },
	{ "vector", "?16:quad vector(?16:quad a, i4:int b)" },
	{ "twice", "i16:__int128 twice(i16:__int128 a)" },
	{ "main", "i4:int main()" },
};

static const char *const ways[] = {
	"-gdwarf-5 -O0",
	"-gdwarf-5 -O2",
	"-gdwarf-4 -O0",
	"-gdwarf-4 -O2",
	"-gdwarf-4 -O2 -fdebug-types-section",
	"-gdwarf-5 -O1 -fdebug-types-section",
	"-gdwarf-5 -O2 -gz=zlib",
	"-gdwarf-5 -O2 -gdwarf64",
	"-gdwarf-3 -gstrict-dwarf -O1",
};

static void compare(const char *file, const struct expected *e, size_t n, unsigned depth,
		    const char *how)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *text = proto_of(file, e[i].symbol, depth, false);

		cr_expect_str_eq(text, e[i].text, "%s: %s\n  got  %s\n  want %s", how, e[i].symbol,
				 text, e[i].text);
	}
}

Test(dwarf, c)
{
	static const char *const compilers[] = { "gcc", "clang" };

	build_need("gcc");
	build_write("p.c", c_source);
	for (size_t c = 0; c < ARRAY_SIZE(compilers); c++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
			char how[256];

			snprintf(how, sizeof(how), "%s %s", compilers[c], ways[i]);
			if (build_run(NULL, "%s -w -o p p.c -lm", how))
				cr_assert(c || strstr(ways[i], "dwarf64"), "%s", how);
			else
				compare("p", c_expected, ARRAY_SIZE(c_expected), 2, how);
		}
}

/* Where the compiler says anything about the first instruction, it is what the convention says. */
Test(dwarf, places)
{
	static const char *const compilers[] = { "gcc", "clang" };
	static const char *const places[] = { "<7>", "<6>", "<2>",     "<1>",
					      "<8>", "<9>", "<cfa+0>", "<cfa+8>" };
	unsigned told = 0;

	build_need("gcc");
	build_write("p.c", c_source);
	for (size_t c = 0; c < ARRAY_SIZE(compilers); c++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
			AUTO_FREE char *text = NULL;
			char *at, *open;
			size_t k = 0;

			if (build_run(NULL, "%s %s -w -o p p.c -lm", compilers[c], ways[i]))
				continue;
			text = proto_of("p", "ints", 1, true);
			for (at = strtok_r(strchr(text, '('), ",", &open); at;
			     at = strtok_r(NULL, ",", &open), k++) {
				char *place = strchr(at, '<');

				cr_expect(!place || !strncmp(place, places[k], strlen(places[k])),
					  "%s %s: %zu %s", compilers[c], ways[i], k, at);
				told += place != NULL;
			}
			cr_expect_eq(k, 8);
		}
	cr_expect(told > 20, "%u", told);
}

static const char cxx_source[] =
	"#include <memory>\n"
	"#include <stdio.h>\n"
	"#include <string>\n"
	"#include <string_view>\n"
	"#define F __attribute__((noinline, used))\n"
	"namespace ns {\n"
	"struct trivial { int a; trivial() : a(1) {} };\n"
	"struct copied { int a; copied(const copied &o) : a(o.a) {} copied() : a(0) {} };\n"
	"struct destroyed { int a; ~destroyed() { puts(\"\"); } };\n"
	"struct defaulted { int a; ~defaulted() = default; defaulted(const defaulted &) = default; "
	"defaulted() = default; };\n"
	"struct holds { copied c[2]; };\n"
	"struct empty {};\n"
	"struct derived : empty, trivial { static int shared; long long mine; unsigned f : 3; };\n"
	"struct seen { virtual ~seen() {} virtual int method(char c) const; int v; };\n"
	"struct shared : virtual seen { int s; };\n"
	"enum class colour : unsigned char { red, blue = 200 };\n"
	"template <class T, int N> struct array { T v[N]; struct inner { T i; }; };\n"
	"inline namespace v1 { struct versioned { int q; }; }\n"
	"namespace { struct local { int z; }; }\n"
	"F int seen::method(char c) const { return printf(\"%c\", c) + v; }\n"
	"struct made : virtual trivial { F made(int x, colour c) : m(x) { printf(\"%d\", (int)c); "
	"} int m; };\n"
	"F copied take(trivial t, copied c, destroyed d, defaulted e, holds h) { printf(\"%d\", "
	"t.a + d.a + e.a + h.c[0].a); return c; }\n"
	"F int names(array<int, 3> a, array<char, 2>::inner i, versioned q, local l, derived d, "
	"empty) { return printf(\"%d\", a.v[0] + i.i + q.q + l.z + d.a); }\n"
	"F int refs(int &a, const trivial &b, copied &&c, std::nullptr_t, int trivial::*d, int "
	"(seen::*e)(char) const, colour f, shared *g)\n"
	"{ return printf(\"%d %d %d\", a + b.a + c.a, (int)f, d == nullptr) + (e == nullptr) + (g "
	"== nullptr); }\n"
	"F int wide(wchar_t a, char16_t b, char8 c);\n"
	"}\n"
	"template <class... T> F int pack(int n, T... t) { return printf(\"%d\", n + (0 + ... + "
	"t)); }\n"
	"F int strings(std::string a, const std::string &b, std::string_view c) { return "
	"printf(\"%d\", (int)(a.size() + b.size() + c.size())); }\n"
	"typedef std::string my_string;\n"
	"F int renamed(my_string *a) { return printf(\"%d\", (int)a->size()); }\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	ns::shared s; ns::seen v; int a = argc; auto f = [&](int z) "
	"__attribute__((noinline)) { return printf(\"%d\", z + argc); };\n"
	"	std::string str(argv[0]);\n"
	"	ns::made m(argc, ns::colour::red);\n"
	"	ns::take({}, {}, {}, {}, {});\n"
	"	ns::names({}, {}, {}, {}, {}, {});\n"
	"	ns::refs(a, {}, {}, nullptr, nullptr, nullptr, ns::colour::blue, &s);\n"
	"	pack(argc, argc, (char)argc);\n"
	"	return f(argc) + v.method('x') + strings(str, str, str) + renamed(&str);\n"
	"}\n";

#define COPIED	"struct! ns::copied{i4:int a@0}4"
#define TRIVIAL "struct ns::trivial{i4:int a@0}4"
#define COLOUR	"enum ns::colour{red=0; blue=200}1"
#define EMPTY	"struct ns::empty{}1"
#define SEEN	"struct! ns::seen{void*~ VPTRseen@0; i4:int v@8}16"
#define STRING	"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"

static const struct expected cxx_expected[] = {
	{ "ns::take(",
	  COPIED " ns::take(" TRIVIAL " t, " COPIED " c, struct! ns::destroyed{i4:int a@0}4 d, "
		 "struct ns::defaulted{i4:int a@0}4 e, struct! ns::holds{" COPIED "[2] c@0}8 h)" },
	{ "ns::names(", "i4:int ns::names(struct ns::array<int, 3>{i4:int[3] v@0}12 a, struct "
			"ns::array<char, 2>::inner{c1:char i@0}1 i, "
			"struct ns::v1::versioned{i4:int q@0}4 q, struct ns::(anonymous "
			"namespace)::local{i4:int z@0}4 l, "
			"struct ns::derived{:struct ns::empty{}1@0; :struct ns::trivial{i4:int "
			"a@0}4@0; i8:long long mine@8; "
			"u4:unsigned int f@16.0:3}24 d, " EMPTY ")" },
	{ "ns::refs(",
	  "i4:int ns::refs(i4:int& a, struct ns::trivial{i4:int a@0}4& b, " COPIED
	  "& c, void*, i8 d, "
	  "struct{i8 ptr@0; i8 adj@8}16 e, enum ns::colour{red=0; blue=200}1 f, "
	  "struct! ns::shared{:virtual " SEEN "@0; void*~ VPTRshared@0; i4:int s@8}32* g)" },
	{ "ns::seen::method(", "i4:int ns::seen::method(" SEEN "* this, c1:char c) method" },
	{ "ns::made::made(",
	  "void ns::made::made(struct! ns::made{:virtual struct ns::trivial{i4:int a@0}4@0; void*~ "
	  "VPTRmade@0; "
	  "i4:int m@8}16* this, i4:int x, enum ns::colour{red=0; blue=200}1 c) method" },
};

/* What gcc and clang name differently. strict: DWARF 3 does not tell a defaulted destructor from another. */
static void rename_all(char *text, bool strict)
{
	static const char *const from[][2] = { { "_vptr.", "VPTR" },
					       { "_vptr$", "VPTR" },
					       { "long long int", "long long" },
					       { "std::nullptr_t=", "" },
					       { "decltype(nullptr)=", "" } };

	char *defaulted = strict ? strstr(text, "struct! ns::defaulted") : NULL;

	if (defaulted)
		memmove(defaulted + 6, defaulted + 7, strlen(defaulted + 7) + 1);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		size_t had = strlen(from[i][0]), has = strlen(from[i][1]);

		for (char *at = text; (at = strstr(at, from[i][0])); at += has) {
			memmove(at + has, at + had, strlen(at + had) + 1);
			memcpy(at, from[i][1], has);
		}
	}
}

static void compare_cxx(const char *how)
{
	for (size_t i = 0; i < ARRAY_SIZE(cxx_expected); i++) {
		AUTO_FREE char *text = proto_of("p", cxx_expected[i].symbol, 1, false);
		char *own;

		rename_all(text, strstr(how, "strict"));
		/* clang takes away the unused parameter where it can. */
		own = strstr(text, ") own");
		if (own)
			own[1] = 0;
		cr_expect_str_eq(text, cxx_expected[i].text, "%s: %s\n  got  %s\n  want %s", how,
				 cxx_expected[i].symbol, text, cxx_expected[i].text);
	}
}

static void expect_has(const char *how, const char *symbol, const char *const *part)
{
	AUTO_FREE char *text = proto_of("p", symbol, 2, false);

	for (; *part; part++)
		cr_expect(strstr(text, *part), "%s: %s\n  got  %s\n  want %s", how, symbol, text,
			  *part);
}

Test(dwarf, cxx)
{
	/* clang leaves out what it hopes to be in another unit, even parts of std::string. */
	static const char *const compilers[] = { "g++", "clang++ -fstandalone-debug" };

	build_need("g++");
	build_write("p.cc", cxx_source);
	build("sed -i /char8/d p.cc");
	for (size_t c = 0; c < ARRAY_SIZE(compilers); c++)
		for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
			char how[256];

			snprintf(how, sizeof(how), "%s -std=c++17 %s", compilers[c], ways[i]);
			if (build_run(NULL, "%s -w -o p p.cc", how)) {
				cr_assert(c || strstr(ways[i], "dwarf64"), "%s", how);
				continue;
			}
			compare_cxx(how);
			expect_has(how,
				   "main::{lambda(int)#1}::operator()\\|main::[$]_0::operator()",
				   (const char *const[]){ "operator()(struct", "* ", ", i4:int z)",
							  " method", NULL });
			expect_has(how, "int pack<int, char>(",
				   (const char *const[]){ "i4:int pack<int, char>(i4:int n, i4:int",
							  ", c1:char", NULL });
			expect_has(
				how, "strings(",
				(const char *const[]){
					"(struct! " STRING "{",
					"=c1:char* _M_p@0}8 _M_dataplus@0; ",
					" _M_string_length@8; union{c1:char[16] _M_local_buf@0; ",
					"}32& b, ", "_M_len@0; c1:char* _M_str@8}16 c)", NULL });
			expect_has(how, "renamed(",
				   (const char *const[]){ "(struct! " STRING "{", NULL });
		}
}

static const char copies_source[] =
	"#include <stdio.h>\n"
	"struct s { long a, b, c; };\n"
	"static __attribute__((noinline)) int part(struct s *p, int unused) { return puts(\"a\") + "
	"(int)p->b * 3; }\n"
	"static __attribute__((noinline)) int same(int a, int k) { if (k > 3) return puts(\"b\") + "
	"a; return a * k + puts(\"c\"); }\n"
	"__attribute__((noinline)) int plain(int a, int unused) { return puts(\"d\") + a; }\n"
	"int main(int c, char **v)\n"
	"{ struct s x = { c, c, c }; return part(&x, c) + part(&x + 1, 1) + same(c, 7) + same(c + "
	"1, 7) + plain(c, 1); }\n";

/* Copies with parameters of their own count only what is told: a constant, one that is gone, one moved to another register. */
Test(dwarf, copies)
{
	AUTO_FREE char *part = NULL, *same = NULL, *plain = NULL;

	build_need("gcc");
	build_write("p.c", copies_source);
	build("gcc -g -O2 -o p p.c");
	part = proto_of("p", "part", 0, true);
	same = proto_of("p", "same", 0, true);
	plain = proto_of("p", "plain", 0, true);
	cr_expect(strstr(part, "unused<gone>) own"), "%s", part);
	cr_expect(strstr(same, "i4:int a<7>, i4:int k<=7>) own"), "%s", same);
	cr_expect(!strstr(plain, "own") && !strstr(plain, "gone"), "%s", plain);
	if (!build_run(NULL, "clang -g -O2 -o p p.c")) {
		AUTO_FREE char *lost = proto_of("p", "part", 0, true);

		cr_expect(strstr(lost, "unused<gone>) own"), "%s", lost);
	}
}

static const char rust_source[] =
	"use std::hint::black_box as bb;\n"
	"pub struct P { pub x: i32, pub y: u8 }\n"
	"pub enum Shape { Circle(f64), Rect { w: u32, h: u32 }, Unit }\n"
	"#[derive(Clone, Copy)] #[repr(i8)] pub enum C { A = -1, B = 5 }\n"
	"#[inline(never)] pub fn texts(s: &str, b: &[u16], o: &String) -> usize { println!(\"{s} "
	"{o}\"); b.len() }\n"
	"#[inline(never)] pub fn options(a: Option<i32>, b: Option<&P>, c: Result<u8, u64>) -> "
	"Option<char>\n"
	"{ println!(\"{:?} {:?}\", a, c); b.map(|p| (p.y) as char) }\n"
	"#[inline(never)] pub fn shapes(s: &Shape, c: C, ch: char, t: (u8, u64)) -> u32\n"
	"{ println!(\"{} {}\", ch, t.1); match s { Shape::Circle(_) => 1, Shape::Rect { w, h } => "
	"*w + h, Shape::Unit => c as u32 } }\n"
	"fn main() { println!(\"{}\", texts(bb(\"a\"), bb(&[1]), bb(&String::from(\"b\"))));\n"
	" println!(\"{:?}\", options(bb(Some(1)), bb(Some(&P { x: 1, y: 2 })), bb(Ok(3))));\n"
	" println!(\"{:?}\", options(bb(None), bb(None), bb(Err(3))));\n"
	" println!(\"{}\", shapes(bb(&Shape::Unit), bb(C::A), bb('c'), bb((1, 2)))); "
	"bb(Shape::Circle(1.0)); bb(Shape::Rect { w: 1, h: 2 }); bb(C::B); }\n";

#define OPTION "core::option::Option<"

static const struct {
	const char *symbol, *part[8];
} rust_expected[] = {
	{ "::texts",
	  { "u8:usize p::texts(struct &str{u1:u8* data_ptr@0; u8:usize length@8}16 s, struct "
	    "&[u16]{u2:u16* data_ptr@0; u8:usize length@8}16 b, ",
	    "=struct alloc::string::String{struct alloc::vec::Vec<u8, alloc::alloc::Global>{" } },
	{ "::options",
	  { "variant " OPTION "i32>{u4:u32@0; 0 struct " OPTION
	    "i32>::None{}8 None@0; 1 struct " OPTION "i32>::Some{i4:i32 __0@4}8 Some@0}8 a, ",
	    "variant " OPTION "&p::P>{u8:u64@0; 0 struct " OPTION
	    "&p::P>::None{}8 None@0; else struct " OPTION
	    "&p::P>::Some{&p::P=struct p::P{i4:i32 x@0; u1:u8 y@4}8* __0@0}8 Some@0}8 b, ",
	    "variant core::result::Result<u8, u64>{u1:u8@0; 0 struct core::result::Result<u8, "
	    "u64>::Ok{u1:u8 __0@1}16 Ok@0; "
	    "1 struct core::result::Result<u8, u64>::Err{u8:u64 __0@8}16 Err@0}16 c)",
	    "variant " OPTION "char>{u4:u32@0; 1114112 struct " OPTION
	    "char>::None{}4 None@0; else struct " OPTION
	    "char>::Some{cu4:char __0@0}4 Some@0}4 p::options(" } },
	{ "::shapes",
	  { "u4:u32 p::shapes(&p::Shape=variant p::Shape{u4:u32@0; 0 struct "
	    "p::Shape::Circle{f8:f64 __0@8}16 Circle@0; "
	    "1 struct p::Shape::Rect{u4:u32 w@4; u4:u32 h@8}16 Rect@0; 2 struct p::Shape::Unit{}16 "
	    "Unit@0}16* s, "
	    "enum p::C{A=-1; B=5}1 c, cu4:char ch, struct (u8, u64){",
	    "u8:u64 __1@" } },
};

Test(dwarf, rust)
{
	static const char *const how[] = { "", "-O", "-C dwarf-version=5",
					   "-O -Z dwarf-version=5" };

	build_need("rustc");
	build_write("p.rs", rust_source);
	for (size_t k = 0; k < ARRAY_SIZE(how); k++) {
		if (build_run(NULL, "rustc -g %s -o p p.rs", how[k])) {
			cr_assert(k > 1, "%s", how[k]);
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(rust_expected); i++)
			expect_has(how[k], rust_expected[i].symbol, rust_expected[i].part);
	}
}

/* Without parameters in the debug information a function must not look as if it had none. */
Test(dwarf, only_lines)
{
	build_need("gcc");
	build_write("p.c", c_source);
	build("gcc -w -g1 -o p p.c -lm");
	compare("p", (const struct expected[]){ { "ints", "error -2" }, { "none", "error -2" } }, 2,
		1, "gcc -g1");
	if (!build_run(NULL, "clang -w -O2 -gmlt -o p p.c -lm"))
		compare("p", (const struct expected[]){ { "ints", "error -2" } }, 1, 1,
			"clang -gmlt");
	build("gcc -w -o p p.c -lm");
	compare("p", (const struct expected[]){ { "ints", "no debug information: -2" } }, 1, 1,
		"without");
	build("gcc -w -g -gsplit-dwarf -o p p.c -lm");
	compare("p", (const struct expected[]){ { "ints", "error -2" } }, 1, 1, "split");
}

static const char go_source[] =
	"package main\n"
	"import \"fmt\"\n"
	"type P struct { X int32; N *P; S string }\n"
	"type Cel float64\n"
	"type Shape interface { Area() int }\n"
	"//go:noinline\n"
	"func (p *P) Area() int { fmt.Println(p); return int(p.X) }\n"
	"//go:noinline\n"
	"func Texts(s string, b []byte, e error) (string, error) { fmt.Println(s, b, e); return s, "
	"e }\n"
	"//go:noinline\n"
	"func Numbers(a int, b uint8, c bool, d float64, e Cel, g rune, h [3]int16) (n int8, ok "
	"bool) { fmt.Println(a, b, c, d, e, g, h); return 1, c }\n"
	"//go:noinline\n"
	"func Others(s Shape, a interface{}, f func(int) int, m map[string]int) *P { "
	"fmt.Println(s, a, f(1), m); return nil }\n"
	"//go:noinline\n"
	"func Nothing() { fmt.Println() }\n"
	"func main() { p := &P{}; Nothing(); Texts(\"a\", nil, nil); Numbers(1, 2, true, 3, 4, 5, "
	"[3]int16{}); Others(p, 1, func(i int) int { return i }, nil); p.Area() }\n";

#define GO_STRING "struct string#24{*uint8=u1:uint8* str@0; i8:int len@8}16"

static const struct {
	const char *symbol, *part[8];
} go_expected[] = {
	{ "main.Texts",
	  { "struct{" GO_STRING " ~r0@0; struct error#20{",
	    "data@8}16 ~r1@16}32 main.Texts(" GO_STRING " s",
	    ", struct []uint8#23{*uint8=u1:uint8* array@0; i8:int len@8; i8:int cap@16}24 b",
	    ", struct error#20{", "data@8}16 e)" } },
	{ "main.Numbers",
	  { "struct{i1:int8 n@0; b1:bool ok@1}8 main.Numbers(i8:int a", ", u1:uint8 b",
	    ", b1:bool c", ", f8:float64 d", ", f8:main.Cel e", ", i4:int32 g",
	    ", i2:int16[3] h" } },
	{ "main.Others",
	  { "*main.P=struct main.P#25{i4:int32 X@0; *main.P=struct main.P#25{",
	    " main.Others(struct main.Shape#20{", ", struct interface {}#20{",
	    ", func(int) int=void* f", ", map[string]int=" } },
	/* Its unit has no types: they are all in another one. */
	{ "main.Nothing", { "main.Nothing()" } },
	{ "main.[(][*]P[)].Area",
	  { "i8:int main.(*P).Area(*main.P=struct main.P#25{i4:int32 X@0; " } },
};

Test(dwarf, go)
{
	static const char *const how[] = { "", "-gcflags='-N -l'",
					   "-ldflags=-compressdwarf=false" };

	build_need("go");
	build_write("p.go", go_source);
	for (size_t k = 0; k < ARRAY_SIZE(how); k++) {
		AUTO_FREE char *text = NULL;

		build("HOME=%s GOCACHE=%s/cache GO111MODULE=off go build %s -o p p.go", build_dir,
		      build_dir, how[k]);
		for (size_t i = 0; i < ARRAY_SIZE(go_expected); i++)
			expect_has(how[k], go_expected[i].symbol, go_expected[i].part);
		text = proto_of("p", "main.Numbers", 1, true);
		cr_expect(strstr(text, "a<0>, u1:uint8 b<3>, b1:bool c<1>, f8:float64 d<x>, "
				       "f8:main.Cel e<x>, i4:int32 g<7>, "),
			  "%s", text);
	}
}

Test(dwarf, depth)
{
	static const char *const expected[] = {
		"void pointers(void* a, c1:char* b, void*~ c, fn* d, void*~ e, void*~ f)",
		"void pointers(void* a, c1:char* b, struct hidden{?}* c, fn* d, c1:char** "
		"e, " LIST_0 "* f)",
		"void pointers(void* a, c1:char* b, struct hidden{?}* c, fn* d, c1:char** e, " LIST
		"* f)",
	};

	build_need("gcc");
	build_write("p.c", c_source);
	build("gcc -w -g -o p p.c -lm");
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++)
		compare("p", &(const struct expected){ "pointers", expected[i] }, 1, i, "depth");
}

/* Functions inside of others, in units that link-time optimization made, and in two pieces. */
Test(dwarf, hidden_well)
{
	static const struct expected nested[] = { { "inner",
						    "i4:int inner(i4:int a, c1:char* b)" } };
	static const struct expected lto[] = {
		{ "far_away", "i4:int far_away(i4:int a, c1:char* b)" },
		{ "method(",
		  "i4:int thing::method(struct thing{i4:int x@0}4* this, c1:char c) method" }
	};
	static const struct expected cold[] = { { "split", "i4:int split(i4:int a, c1:char* b)" } };

	build_need("g++");
	build_write("n.c", "#include <stdio.h>\n"
			   "int main(int c, char **v) { __attribute__((noinline)) int inner(int a, "
			   "char *b) { return printf(\"%d%s\", a + c, b); } "
			   "return inner(c, v[0]) + inner(2, v[0]); }\n");
	build("gcc -g -O1 -o p n.c");
	compare("p", nested, ARRAY_SIZE(nested), 1, "nested");
	build_write("a.c", "#include <stdio.h>\n__attribute__((noinline, noipa)) int far_away(int "
			   "a, char *b) { return printf(\"%d%s\", a, b); }\n");
	build_write("b.cc", "struct thing { int x; __attribute__((noinline, noipa)) int "
			    "method(char c) { return x + c; } };\n"
			    "extern \"C\" int far_away(int, char *);\n"
			    "int main(int c, char **v) { thing t{ c }; return far_away(c, v[0]) + "
			    "t.method('x'); }\n");
	build("gcc -flto -g -O2 -c a.c && g++ -flto -g -O2 -o p a.o b.cc");
	compare("p", lto, ARRAY_SIZE(lto), 1, "lto");
	build_write("c.c",
		    "#include <stdio.h>\n#include <stdlib.h>\n__attribute__((cold, noinline)) "
		    "static void fail(char *b) { puts(b); abort(); }\n"
		    "__attribute__((noinline)) int split(int a, char *b) { if (a > 5) { "
		    "puts(\"x\"); fail(b); } return printf(\"%d\", a); }\n"
		    "int main(int c, char **v) { return split(c, v[0]) + split(c + 1, v[0]); }\n");
	build("gcc -g -O2 -o p c.c");
	compare("p", cold, ARRAY_SIZE(cold), 1, "cold");
}

/* The function and the unit of any address in it. */
Test(dwarf, holding)
{
	struct dwarf_file *f;
	Dwarf_Die die;
	uint64_t addr;
	int err;

	build_need("gcc");
	build_write("p.c", c_source);
	build("gcc -w -g -O2 -o p p.c -lm");
	f = dwarf_open_built("p", NULL, NULL, &err);
	cr_assert_eq(err, 0);
	addr = dwarf_address("p", "pointers");
	cr_assert_eq(dwarf_file_function(f, addr + 5, &die), 0);
	cr_expect_str_eq(dwarf_diename(&die), "pointers");
	cr_assert_eq(dwarf_file_unit(f, addr + 5, &die), 0);
	cr_expect_str_eq(dwarf_diename(&die), "p.c");
	cr_expect_eq(dwarf_file_unit(f, 16, &die), -ENOENT);
	cr_expect_eq(dwarf_file_function(f, dwarf_address("p", "_start"), &die), -ENOENT);
	dwarf_file_close(f);
}
