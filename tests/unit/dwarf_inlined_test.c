/* SPDX-License-Identifier: MIT */
/*
 * dwarf_inlined_test.c: functions without code of their own, as gcc and clang tell of them; that none which has code is among
 * them, as the symbol table says; and what is done with debug information that is broken.
 */
#include "debug/debug.h"
#include "dwarf_test.h"
#include "target/symbols.h"

TestSuite(dwarf_inlined, .init = build_begin, .fini = build_end, .timeout = 300);

#define SECOND 1000000000ull

static char answer[65536];

static int add(void *arg, const struct debug_inlined *f)
{
	unsigned *n = arg;
	const char *base = f->file ? strrchr(f->file, '/') : NULL;
	size_t used = strlen(answer);

	used += (size_t)snprintf(answer + used, sizeof(answer) - used, "%s %s:%u", f->name,
				 base ? base + 1 : f->file ? f->file : "?", f->line);
	for (size_t i = 0; i < DEBUG_INLINED_INTO && f->into[i] && used < sizeof(answer); i++)
		used += (size_t)snprintf(answer + used, sizeof(answer) - used, "%s%s", i ? ", " : " in ", f->into[i]);
	cr_assert(used + 8 < sizeof(answer));
	strcat(answer, f->more ? ", ...\n" : "\n");
	++*n;
	return 0;
}

static unsigned ask(const char *file, const char *debug, const char *text, size_t max, uint64_t ns, unsigned *flags)
{
	struct dwarf_file *f;
	struct pattern p;
	const char *why;
	unsigned n = 0;
	int err;

	*answer = 0;
	*flags = 0;
	cr_assert_eq(pattern_parse(&p, text, &why), 0);
	f = dwarf_open_built(file, debug, NULL, &err);
	if (!err)
		cr_expect_eq(dwarf_inlined(f, &p, max, ns, flags, add, &n), 0);
	dwarf_file_close(f);
	pattern_free(&p);
	return n;
}

static void expect(const char *file, const char *text, const char *want)
{
	unsigned flags;

	ask(file, NULL, text, 64, 60 * SECOND, &flags);
	cr_expect_str_eq(answer, want, "%s, %s\n--- got\n%s--- want\n%s", file, text, answer, want);
	cr_expect_eq(flags, 0, "%s, %s: %#x", file, text, flags);
}

#define KEEP "#define KEEP(x) __asm__ volatile(\"\" : \"+r\"(x))\n#define INLINE __attribute__((always_inline)) inline\n"

static const char header[] = KEEP "static inline int shared(int x) { KEEP(x); return x; }\n"
				  "static INLINE int pure(int x) { KEEP(x); return x; }\n"
				  "int other(int);\n";

/* shared() has code, but only for this file, which takes its address; local() and twice() are others in each. */
static const char one_c[] = "#include \"h.h\"\n"
			    "static INLINE int local(int x) { KEEP(x); return x; }\n"
			    "static __attribute__((noinline)) int twice(int x) { KEEP(x); return x; }\n"
			    "int (*volatile taken)(int);\n"
			    "__attribute__((noinline)) int a(int x) { return local(x) + pure(x); }\n"
			    "__attribute__((noinline)) int b(int x) { return pure(x) + twice(x); }\n"
			    "__attribute__((noinline)) int c(int x) { return pure(x) ^ 3; }\n"
			    "int main(int n, char **v)\n"
			    "{ taken = shared; return a(n) + b(n) + c(n) + other(n) + taken(n); }\n";
static const char two_c[] = "#include \"h.h\"\n\n\n\n"
			    "static INLINE int twice(int x) { KEEP(x); return x; }\n"
			    "int other(int x) { return shared(x) + pure(x) + twice(x); }\n";

static void build_c(const char *cc, const char *flags)
{
	build_write("h.h", header);
	build_write("one.c", one_c);
	build_write("two.c", two_c);
	build("%s -O2 -g %s one.c two.c -o t || { cat log >&2; false; }", cc, flags);
}

/* pure: its line, as the order of the debug information has it. */
static void check_c(const char *cc, const char *flags, const char *pure)
{
	build_c(cc, flags);
	expect("t", "pure", pure);
	expect("t", "local", "local one.c:2 in a\n");
	expect("t", "twice", "twice two.c:5 in other\n");
	expect("t", "[lt]*", "local one.c:2 in a\ntwice two.c:5 in other\n");
	expect("t", "shared", "");
	expect("t", "a", "");
	expect("t", "pur", "");
	expect("t", "nothing*", "");
}

Test(dwarf_inlined, c_gcc)
{
	build_need("gcc");
	check_c("gcc", "", "pure h.h:4 in c, b, a, ...\n");
	check_c("gcc", "-gdwarf-4", "pure h.h:4 in c, b, a, ...\n");
	check_c("gcc", "-fdebug-types-section", "pure h.h:4 in c, b, a, ...\n");
}

Test(dwarf_inlined, c_clang)
{
	build_need("clang");
	check_c("clang", "", "pure h.h:4 in a, b, c, ...\n");
	check_c("clang", "-gdwarf-4", "pure h.h:4 in a, b, c, ...\n");
}

/* What the linker dropped is no code, and makes nobody a user. */
Test(dwarf_inlined, dropped)
{
	static const char *const how[] = { "gcc", "gcc -gdwarf-4", "clang", "clang -fuse-ld=lld" };
	unsigned flags;

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		build_write("t.c", KEEP "static int f(int x) { KEEP(x); return x; }\n"
					"int (*volatile taken)(int);\n"
					"void unused(void) { taken = f; }\n"
					"int unused_too(int x) { return f(x); }\n"
					"int main(int n, char **v) { return f(n); }\n");
		if (build_run(NULL, "%s -O2 -g -ffunction-sections -Wl,--gc-sections t.c -o t", how[i]))
			continue;
		ask("t", NULL, "f", 8, SECOND, &flags);
		cr_expect_str_eq(answer, "f t.c:3 in main\n", "%s: %s", how[i], answer);
		ask("t", NULL, "unused*", 8, SECOND, &flags);
		cr_expect_str_eq(answer, "", "%s: %s", how[i], answer);
	}
}

static const char cxx[] = KEEP "namespace shop {\n"
			       "struct Foo {\n"
			       " int a;\n"
			       " INLINE Foo(int x) : a(x) { KEEP(a); }\n"
			       " INLINE int get() const { int r = a; KEEP(r); return r; }\n"
			       " INLINE int get(int k) const { KEEP(k); return a + k; }\n"
			       " template <class T> INLINE T scaled(T t) const { KEEP(t); return t; }\n"
			       " __attribute__((noinline)) int real() const { int r = a; KEEP(r); return r; }\n"
			       "};\n"
			       "namespace { INLINE int hidden(int x) { KEEP(x); return x; } }\n"
			       "static INLINE int stat(int x) { KEEP(x); return x; }\n"
			       "__attribute__((noinline)) int user(int x)\n"
			       "{\n"
			       " Foo f(x);\n"
			       " struct Local { INLINE int f(int x) { KEEP(x); return x; } } l;\n"
			       " auto lambda = [](int y) { KEEP(y); return y; };\n"
			       " return f.get() + f.get(x) + f.scaled(5L) + hidden(x) + stat(x) + f.real() + l.f(x) + lambda(x);\n"
			       "}\n"
			       "}\n"
			       "int main(int n, char **v) { return shop::user(n); }\n";

static void check_cxx(const char *cc, const char *hidden, const char *stat)
{
	AUTO_FREE char *want_hidden = NULL, *want_stat = NULL;

	cr_assert(asprintf(&want_hidden, "shop::(anonymous namespace)::hidden%s t.cc:12 in shop::user(int)\n", hidden) > 0);
	cr_assert(asprintf(&want_stat, "shop::stat%s t.cc:13 in shop::user(int)\n", stat) > 0);
	build_write("t.cc", cxx);
	build("%s -O2 -g t.cc -o t || { cat log >&2; false; }", cc);
	expect("t", "shop::Foo::Foo", "shop::Foo::Foo(int) t.cc:6 in shop::user(int)\n");
	expect("t", "shop::Foo::get() const", "shop::Foo::get() const t.cc:7 in shop::user(int)\n");
	expect("t", "shop::Foo::get(int)", "shop::Foo::get(int) const t.cc:8 in shop::user(int)\n");
	expect("t", "shop::Foo::scaled", "shop::Foo::scaled<long>(long) const t.cc:9 in shop::user(int)\n");
	expect("t", "shop::(anonymous namespace)::hidden", want_hidden);
	expect("t", "shop::stat", want_stat);
	expect("t", "stat", "");
	expect("t", "shop::Foo::real", "");
	expect("t", "shop::user", "");
	/* What is local to a function is not known by less than its whole name. */
	expect("t", "f", "");
	expect("t", "shop::f", "");
	expect("t", "operator()", "");
}

Test(dwarf_inlined, cxx_gcc)
{
	build_need("g++");
	check_cxx("g++", "", "");
}

Test(dwarf_inlined, cxx_clang)
{
	build_need("clang++");
	check_cxx("clang++", "(int)", "(int)");
}

Test(dwarf_inlined, rust)
{
	build_need("rustc");
	build_write("t.rs", "mod shop { #[inline(always)] pub fn price(x: u32) -> u32 { std::hint::black_box(x) }\n"
			    "#[inline(never)] pub fn total(x: u32) -> u32 { price(x) + 1 } }\n"
			    "fn main() { std::process::exit(shop::total(std::env::args().count() as u32) as i32) }\n");
	build("rustc -g -C opt-level=2 t.rs -o t || { cat log >&2; false; }");
	expect("t", "t::shop::price", "t::shop::price t.rs:1 in t::shop::total\n");
	expect("t", "t::shop::total", "");
}

/* No name is told that the symbol table has: a whole program, where much is inlined. */
static void check_symbols(const char *cc)
{
	const struct symbol *sym;
	struct symbols *symbols;
	unsigned flags, n;
	struct elf *e;
	size_t nsym;

	build_write("t.cc", "#include <map>\n#include <string>\n#include <regex>\n#include <iostream>\n"
			    "int main(int n, char **v)\n"
			    "{ std::map<std::string, std::string> m; for (int i = 0; i < n; i++) m[v[i]] += v[0];\n"
			    "  std::cout << std::regex_match(v[0], std::regex(\"a*\")) << m.size(); }\n");
	build("%s -O1 -g t.cc -o t || { cat log >&2; false; }", cc);
	e = build_open("t");
	cr_assert_eq(symbols_load(&symbols, e, -1, NULL), 0);
	nsym = symbols_all(symbols, &sym);
	cr_assert_gt(nsym, 200);
	n = ask("t", NULL, "_Z*", 60, 60 * SECOND, &flags);
	cr_expect(n == 60 && flags == DEBUG_INLINED_MORE, "%s: %u, %#x", cc, n, flags);
	for (size_t i = 0; i < nsym; i++) {
		AUTO_FREE char *name = symbol_pretty(sym[i].name), *line = NULL;

		/* "NAME FILE:LINE in ..." */
		cr_assert(asprintf(&line, "\n%s ", name) > 0);
		for (char *at = answer; (at = strstr(at, line)); at++)
			cr_expect(strcspn(at + strlen(line), " \n") < strcspn(at + strlen(line), ":"), "%s: %s has code", cc, name);
	}
	symbols_free(symbols);
	elf_close(e);
}

Test(dwarf_inlined, agrees_with_symbols)
{
	build_need("g++");
	check_symbols("g++");
	if (!build_run(NULL, "command -v clang++"))
		check_symbols("clang++");
}

Test(dwarf_inlined, bounds)
{
	unsigned flags;

	build_need("gcc");
	build_c("gcc", "");
	cr_expect_eq(ask("t", NULL, "*", 2, SECOND, &flags), 2);
	cr_expect_eq(flags, DEBUG_INLINED_MORE);
	ask("t", NULL, "zzz*", 2, SECOND, &flags);
	cr_expect_eq(flags, 0);
	build_write("many.c", "#define A(n) static inline int f##n(int x) { return x + n; } int g##n(int x) { return f##n(x); }\n"
			      "#define B(n) A(n##0) A(n##1) A(n##2) A(n##3) A(n##4) A(n##5) A(n##6) A(n##7)\n"
			      "#define C(n) B(n##0) B(n##1) B(n##2) B(n##3) B(n##4) B(n##5) B(n##6) B(n##7)\n"
			      "C(1) C(2) int main(void) { return 0; }\n");
	build("gcc -O2 -g many.c -o many || { cat log >&2; false; }");
	ask("many", NULL, "*", 64, 0, &flags);
	cr_expect(flags & DEBUG_INLINED_STOPPED, "no time, but %#x", flags);
}

/* Through the child, from a separate file. */
Test(dwarf_inlined, asked_of_child)
{
	struct debug_file file = { .key = 7, .alt_fd = -1 };
	const struct debug_inlined *v;
	struct debug *d;
	unsigned flags;
	size_t n;

	build_need("gcc");
	build_c("gcc", "");
	build("objcopy --only-keep-debug t t.debug && strip t");
	file.fd = open(build_path("t"), O_RDONLY | O_CLOEXEC);
	file.debug_fd = open(build_path("t.debug"), O_RDONLY | O_CLOEXEC);
	cr_assert_eq(debug_open(&d), 0);
	cr_assert_eq(debug_inlined(d, &file, "t:pure", SECOND, &v, &n, &flags), 0);
	cr_assert(n == 1 && !flags, "%zu, %#x", n, flags);
	cr_expect_str_eq(v->name, "pure");
	cr_expect(v->line == 4 && v->more && v->into[2], "%u", v->line);
	cr_assert_eq(debug_inlined(d, &file, "other", SECOND, &v, &n, &flags), 0);
	cr_expect_eq(n, 0);
	cr_expect_eq(debug_inlined(d, &file, "[z-", SECOND, &v, &n, &flags), -EINVAL);
	close(file.debug_fd);
	file.debug_fd = -1;
	file.key = 8;
	cr_expect_eq(debug_inlined(d, &file, "pure", SECOND, &v, &n, &flags), -ENOENT);
	close(file.fd);
	debug_close(d);
}

/* A byte changed anywhere: whatever comes out, nothing breaks. */
Test(dwarf_inlined, changed_bytes)
{
	AUTO_FREE uint8_t *all = NULL;
	unsigned flags, seed = 1;
	AUTO_CLOSE int fd = -1;
	off_t size;

	build_need("gcc");
	build_c("gcc", "");
	fd = open(build_path("t"), O_RDWR | O_CLOEXEC);
	size = lseek(fd, 0, SEEK_END);
	all = malloc((size_t)size);
	cr_assert(all && pread(fd, all, (size_t)size, 0) == size);
	for (int i = 0; i < 600; i++) {
		off_t at[8];

		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			uint8_t byte = (uint8_t)rand_r(&seed);

			/* the debug information lies in the last two thirds */
			at[k] = size / 3 + rand_r(&seed) % (size - size / 3);
			cr_assert_eq(pwrite(fd, &byte, 1, at[k]), 1);
		}
		ask("t", NULL, i % 2 ? "*" : "pure", 64, SECOND, &flags);
		for (size_t k = 0; k < ARRAY_SIZE(at); k++)
			cr_assert_eq(pwrite(fd, all + at[k], 1, at[k]), 1);
	}
	ask("t", NULL, "local", 64, SECOND, &flags);
	cr_expect_str_eq(answer, "local one.c:2 in a\n");
}
