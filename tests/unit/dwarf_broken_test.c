/* SPDX-License-Identifier: MIT */
/*
 * dwarf_broken_test.c: debug information that no compiler writes: places of every kind, types that hold themselves, references in
 * circles, and whole files with bytes changed or missing. It may be refused; it must not crash, hang or come out wrong.
 */
#include <sys/mman.h>

#include "dwarf_test.h"

TestSuite(dwarf_broken, .init = build_begin, .fini = build_end, .timeout = 300);

/* DIEs as bytes; see the names of the abbreviations. */
static const char head[] =
	".text\n"
	".globl main\n.type main,@function\nmain: ret\n"
	"start:\n"
	"f0: nop\nf1: nop\nf2: nop\nf3: nop\nf4: nop\nf5: nop\nf6: nop\nf7: nop\n"
	"end:\n"
	".macro function name, at\n .uleb128 2\n .asciz \"\\name\"\n .quad \\at\n .quad \\at + 1\n "
	".byte 1, 0x9c\n.endm\n"
	".macro parameter name, type, location:vararg\n .uleb128 3\n .asciz \"\\name\"\n .long "
	"\\type - cu\n"
	"  .uleb128 2f - 1f\n1: .byte \\location\n2:\n.endm\n"
	".macro listed name, type, list\n .uleb128 4\n .asciz \"\\name\"\n .long \\type - cu\n "
	".long \\list\n.endm\n"
	".macro bare name, type\n .uleb128 5\n .asciz \"\\name\"\n .long \\type - cu\n.endm\n"
	".macro constant name, type, value\n .uleb128 6\n .asciz \"\\name\"\n .long \\type - cu\n "
	".sleb128 \\value\n.endm\n"
	".macro base name, encoding, size\n .uleb128 7\n .asciz \"\\name\"\n .byte \\encoding, "
	"\\size\n.endm\n"
	".macro pointer to\n .uleb128 8\n .long \\to - cu\n.endm\n"
	".macro alias name, to\n .uleb128 9\n .asciz \"\\name\"\n .long \\to - cu\n.endm\n"
	".macro struct name, size\n .uleb128 10\n .asciz \"\\name\"\n .uleb128 \\size\n.endm\n"
	".macro member name, type, at\n .uleb128 11\n .asciz \"\\name\"\n .long \\type - cu\n "
	".uleb128 \\at\n.endm\n"
	".macro from origin, at\n .uleb128 12\n .long \\origin - cu\n .quad \\at\n .quad \\at + "
	"1\n.endm\n"
	".macro array of, n\n .uleb128 13\n .long \\of - cu\n .uleb128 14\n .quad \\n\n .byte "
	"0\n.endm\n"
	".macro done\n .byte 0\n.endm\n"
	".macro abbrev n, tag, children, attrs:vararg\n .uleb128 \\n, \\tag\n .byte \\children\n "
	".uleb128 \\attrs, 0, 0\n.endm\n"
	".section .debug_abbrev,\"\",@progbits\nabbrevs:\n"
	"abbrev 1, 0x11, 1, 0x13,0x05, 0x03,0x08, 0x11,0x01, 0x12,0x01\n"
	"abbrev 2, 0x2e, 1, 0x03,0x08, 0x11,0x01, 0x12,0x01, 0x40,0x18\n"
	"abbrev 3, 0x05, 0, 0x03,0x08, 0x49,0x13, 0x02,0x18\n"
	"abbrev 4, 0x05, 0, 0x03,0x08, 0x49,0x13, 0x02,0x17\n"
	"abbrev 5, 0x05, 0, 0x03,0x08, 0x49,0x13\n"
	"abbrev 6, 0x05, 0, 0x03,0x08, 0x49,0x13, 0x1c,0x0d\n"
	"abbrev 7, 0x24, 0, 0x03,0x08, 0x3e,0x0b, 0x0b,0x0b\n"
	"abbrev 8, 0x0f, 0, 0x49,0x13\n"
	"abbrev 9, 0x16, 0, 0x03,0x08, 0x49,0x13\n"
	"abbrev 10, 0x13, 1, 0x03,0x08, 0x0b,0x0f\n"
	"abbrev 11, 0x0d, 0, 0x03,0x08, 0x49,0x13, 0x38,0x0f\n"
	"abbrev 12, 0x2e, 1, 0x31,0x13, 0x11,0x01, 0x12,0x01\n"
	"abbrev 13, 0x01, 1, 0x49,0x13\n"
	"abbrev 14, 0x21, 0, 0x37,0x07\n"
	".byte 0\n"
	".section .debug_info,\"\",@progbits\n"
	"cu: .long last - version\nversion: .short 4\n .long abbrevs\n .byte 8\n"
	" .uleb128 1\n .short LANG\n .asciz \"t.c\"\n .quad start, end\n"
	"int: base int, 5, 4\n"
	"long: base long, 5, 8\n";

static const char tail[] = " done\nlast:\n.section .note.GNU-stack,\"\",@progbits\n";

static void assemble(const char *lang, const char *body)
{
	AUTO_FREE char *text = NULL;

	cr_assert(asprintf(&text, ".set LANG, %s\n%s%s%s", lang, head, body, tail) > 0);
	build_write("t.S", text);
	build("gcc -o t t.S || { cat log >&2; false; }");
}

static void expect_text(const char *symbol, const char *want)
{
	AUTO_FREE char *text = proto_of("t", symbol, 3, true);

	cr_expect_str_eq(text, want, "%s\n  got  %s\n  want %s", symbol, text, want);
}

#define LIST(name, ...)                                                                 \
#name ": .quad f1 - start, f2 - start\n .short 2f - 1f\n1: .byte " #__VA_ARGS__ \
	      "\n2: .quad 0, 0\n"
#define LISTS                                                                                      \
	".section .debug_loc,\"\",@progbits\n" LIST(in_rdi, 0x55) LIST(in_rbx, 0x53) LIST(         \
		entry_value, 0xa3, 1, 0x54, 0x9f) LIST(gnu_entry_value, 0xf3, 1, 0x51, 0x9f)       \
		LIST(seven, 0x37, 0x9f) LIST(minus, 0x11, 0x7d, 0x9f) LIST(                        \
			implicit, 0x9e, 4, 1, 2, 0, 0) LIST(two, 0x55, 0x93, 4, 0x54, 0x93, 4)     \
			LIST(half, 0x55, 0x93, 4, 0x93, 4) LIST(first, 0x55, 0x93, 4) LIST(        \
				stack, 0x91, 16) LIST(cfa, 0x9c, 0x23, 24) LIST(below, 0x91, 0x70) \
				LIST(xmm, 0x63) LIST(as_value, 0x72, 0, 0x9f) LIST(                \
					plus_one, 0x72, 1, 0x9f) LIST(memory, 0x72, 0)             \
					LIST(nothing) LIST(mmx, 0x90, 41) LIST(                    \
						bits, 0x55, 0x9d, 3,                               \
						0) "later: .quad f1 - start + 1, f2 - start\n "    \
						   ".short 1\n .byte 0x55\n .quad 0, 0\n"

Test(dwarf_broken, places)
{
	build_need("gcc");
	assemble("12", "function f1, f1\n"
		       "listed a, int, in_rdi\n listed b, int, in_rbx\n listed c, int, "
		       "entry_value\n listed d, int, gnu_entry_value\n"
		       "listed e, int, seven\n listed f, int, minus\n listed g, int, implicit\n "
		       "listed h, long, two\n"
		       "listed i, long, half\n listed j, long, first\n listed k, int, stack\n "
		       "listed l, int, cfa\n"
		       "listed m, int, below\n listed n, int, xmm\n listed o, int, as_value\n "
		       "listed p, int, plus_one\n"
		       "listed q, int, memory\n listed r, int, nothing\n listed s, int, mmx\n "
		       "listed t, int, bits\n"
		       "listed u, int, later\n constant v, int, -9\n bare w, int\n parameter x, "
		       "int, 0x55\n"
		       "parameter y, int, 0x91, 8\n parameter z, int, 0x91, 0x60\n done\n" LISTS
		       ".section .debug_info\n");
	expect_text("f1", "void f1(i4:int a<7>, i4:int b<3>, i4:int c<6>, i4:int d<2>, i4:int "
			  "e<=7>, i4:int f<=-3>, i4:int g<=513>, "
			  "i8:long h<7:4 6:4>, i8:long i, i8:long j, i4:int k<cfa+16>, i4:int "
			  "l<cfa+24>, i4:int m, i4:int n<x>, "
			  "i4:int o<1>, i4:int p, i4:int q, i4:int r, i4:int s, i4:int t, i4:int "
			  "u, i4:int v<=-9>, i4:int w, "
			  "i4:int x, i4:int y<cfa+8>, i4:int z)");
	/* The same as a copy with an interface of its own: what is not told is gone. */
	build("sed -i 's/^f1: nop/.type \"f1.isra.0\",@function\\n\"f1.isra.0\":\\nf1: nop/' t.S "
	      "&& gcc -o t t.S");
	expect_text("f1.isra", "void f1(i4:int a<7>, i4:int b<3>, i4:int c<6>, i4:int d<2>, i4:int "
			       "e<=7>, i4:int f<=-3>, i4:int g<=513>, "
			       "i8:long h<7:4 6:4>, i8:long i<7:4 gone:4>, i8:long j<7:4>, i4:int "
			       "k<cfa+16>, i4:int l<cfa+24>, i4:int m<gone>, "
			       "i4:int n<x>, i4:int o<1>, i4:int p<gone>, i4:int q<gone>, i4:int "
			       "r<gone>, i4:int s<gone>, i4:int t<gone>, "
			       "i4:int u<gone>, i4:int v<=-9>, i4:int w<gone>, i4:int x<7>, i4:int "
			       "y<cfa+8>, i4:int z<gone>) own");
}

static const char circles[] =
	"function f0, f0\n bare a, self\n done\n"
	"function f1, f1\n bare a, ring\n done\n"
	"function f2, f2\n bare a, wheel\n done\n"
	"function f3, f3\n bare a, fine\n done\n"
	"here: from here, f4\n done\n"
	"function f5, f5\n bare a, huge\n done\n"
	"function f6, f6\n bare a, nowhere\n done\n"
	"function f7, f7\n bare a, outside\n done\n"
	"self: struct self, 8\n member inside, self, 0\n done\n"
	"ring: alias ring, ring2\nring2: alias ring2, ring\n"
	"wheel: struct wheel, 8\n member inside, turn, 0\n done\nturn: alias turn, again\nagain: "
	"array wheel, 1\n"
	"fine: struct fine, 8\n member next, next, 0\n done\nnext: pointer fine\n"
	"huge: array much, 0x7fffffffffff\nmuch: array long, 0x7fffffffffff\n"
	"nowhere: alias nowhere, last + 0x10000\n"
	"outside: struct outside, 8\n member x, long, 1\n done\n";

Test(dwarf_broken, circles)
{
	build_need("gcc");
	assemble("12", circles);
	expect_text("f0", "error -74");
	expect_text("f1", "error -74");
	expect_text("f2", "error -74");
	expect_text("f3", "void f3(struct fine{struct fine{struct fine{struct fine{void*~ "
			  "next@0}8* next@0}8* next@0}8* next@0}8 a)");
	expect_text("f4", "void ()");
	expect_text("f5", "error -74");
	expect_text("f6", "void f6(?:nowhere a)");
	expect_text("f7", "error -74");
}

Test(dwarf_broken, languages)
{
	static const char *const unknown[] = { "0x8001 /* assembler */", "5 /* Cobol */",
					       "0x13 /* D */", "0x99" };

	build_need("gcc");
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assemble(unknown[i], "function f0, f0\n bare a, int\n done\n");
		expect_text("f0", "error -2");
	}
	assemble("4", "function f0, f0\n bare a, int\n done\n");
	expect_text("f0", "void f0(i4:int a)");
	expect_text("main", "error -2");
}

/* A hundred structs inside each other, and as many parameters as there are bytes for. */
Test(dwarf_broken, too_much)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	build_need("gcc");
	fputs("function f0, f0\n bare a, s0\n done\nfunction f1, f1\n", f);
	for (int i = 0; i < 1000; i++)
		fprintf(f, "bare p%d, int\n", i);
	fputs("done\nfunction f2, f2\n bare a, wide\n done\n", f);
	for (int i = 0; i < 100; i++)
		fprintf(f, "s%d: struct s, 8\n member m, s%d, 0\n done\n", i, i + 1);
	fputs("s100: struct s, 8\n done\nwide: struct wide, 8\n", f);
	for (int i = 0; i < 50000; i++)
		fputs("member m, long, 0\n", f);
	fputs("done\n", f);
	fclose(f);
	assemble("12", text);
	expect_text("f0", "error -74");
	expect_text("f2", "error -74");
	free(text);
	text = proto_of("t", "f1", 1, false);
	cr_expect(strstr(text, ", i4:int p63)"), "the first %d: %s", PROTO_MAX_PARAMS, text);
}

static char *slurp(const char *name, size_t *len)
{
	FILE *f = fopen(build_path(name), "r");
	char *v = malloc(4 << 20);

	cr_assert(f && v);
	*len = fread(v, 1, 4 << 20, f);
	fclose(f);
	return v;
}

/* Every function of a file whose bytes are no longer what they were. */
static void ask_all(const char *bytes, size_t len, const uint64_t *addr, size_t n,
		    unsigned *answers)
{
	int fd = memfd_create("broken", MFD_CLOEXEC);
	struct dwarf_file *f;
	int err;

	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	err = dwarf_file_open(&f, fd, -1, -1);
	cr_assert(!err || err == -ENOENT || err == -EBADMSG, "%d", err);
	close(fd);
	for (size_t i = 0; !err && i < n; i++) {
		struct proto *p = NULL;
		struct proto_view v;
		int r = dwarf_proto(f, addr[i], 3, &p);

		cr_assert(!r || r == -ENOENT || r == -EBADMSG, "%d", r);
		if (!r)
			cr_assert_eq(proto_check(p, p->bytes, &v), 0);
		*answers += !r;
		free(p);
	}
	if (!err)
		dwarf_file_close(f);
}

static size_t addresses(const char *file, uint64_t *addr, size_t max)
{
	size_t n = 0;
	char out[4096];

	for (; n < max; n++) {
		build_run(out,
			  "nm --defined-only %s | grep -i ' [tw] ' | cut -d ' ' -f 1 | sed -n %zup",
			  file, n + 1);
		if (!out[0])
			break;
		addr[n] = strtoull(out, NULL, 16);
	}
	return n;
}

Test(dwarf_broken, bytes_changed)
{
	static const char *const how[] = { "-gdwarf-4 -O2", "-gdwarf-5 -O2" };
	AUTO_FREE char *bytes = NULL;
	uint64_t addr[24];
	unsigned answers = 0;
	uint64_t seed = 1;
	size_t len, n;

	build_need("g++");
	build_write(
		"p.cc",
		"#include <string>\n#include <stdio.h>\nstruct v { virtual ~v() {} int a : 3; };\n"
		"__attribute__((noinline)) int f(const std::string &s, v *p, int n, ...) { return "
		"printf(\"%d\", n + p->a) + s.size(); }\n"
		"int main(int c, char **a) { v x; return f(a[0], &x, c); }\n");
	for (size_t k = 0; k < ARRAY_SIZE(how); k++) {
		build("g++ %s -o p p.cc", how[k]);
		n = addresses("p", addr, ARRAY_SIZE(addr));
		free(bytes);
		bytes = slurp("p", &len);
		for (int round = 0; round < 400; round++) {
			AUTO_FREE char *copy = malloc(len);

			memcpy(copy, bytes, len);
			for (int i = 0; i < 1 + round / 8; i++) {
				seed = seed * 6364136223846793005u + 1442695040888963407u;
				/* Behind the program itself: debug sections and their headers. */
				copy[0x3000 + (seed >> 33) % (len - 0x3000)] = (char)(seed >> 20);
			}
			ask_all(copy, len, addr, n, &answers);
		}
		for (size_t cut = 0; cut < len; cut += len / 100 + 1)
			ask_all(bytes, cut, addr, n, &answers);
	}
	/* Otherwise nothing was tested. */
	cr_expect(answers > 500, "%u of %zu functions", answers, n);
}
