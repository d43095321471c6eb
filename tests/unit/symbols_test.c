/* SPDX-License-Identifier: MIT */
/* symbols_test.c: functions of real binaries, stripped and not, against nm; broken tables. */
#include <elf.h>
#include <sys/mman.h>
#include "target_build.h"
#include "target/symbols.h"

TestSuite(symbols, .init = build_begin, .fini = build_end, .timeout = 120);

static struct symbols *load(const struct elf *e, const char *path)
{
	int root = open(build_dir, O_PATH | O_DIRECTORY | O_CLOEXEC), err;
	struct symbols *s = NULL;

	err = symbols_load(&s, e, root, path);
	cr_assert_eq(err, 0, "%d", err);
	close(root);
	return s;
}

struct hits {
	size_t n;
	const struct symbol *last;
	char pretty[256];
};

static int hit(void *arg, const struct symbol *sym, const char *pretty)
{
	struct hits *h = arg;

	h->n++;
	h->last = sym;
	snprintf(h->pretty, sizeof(h->pretty), "%s", pretty ? pretty : "");
	return 0;
}

static struct hits find(struct symbols *s, const char *text)
{
	struct hits h = { 0 };
	struct pattern p;
	const char *why;

	cr_assert_eq(pattern_parse(&p, text, &why), 0, "%s", text);
	cr_expect_eq(symbols_match(s, &p, hit, &h), 0);
	pattern_free(&p);
	return h;
}

static uint64_t nm_value(const char *file, const char *symbol)
{
	char out[4096];

	build_run(out, "nm %s | awk '$3 == \"%s\" { print $1 }'", file, symbol);
	return strtoull(out, NULL, 16);
}

static const char program[] =
	"#include <stdlib.h>\n"
	"__attribute__((noinline)) int exported(int x) { return x * 7 + rand(); }\n"
	"__attribute__((noinline)) static int hidden_one(int x) { return x + exported(x); }\n"
	"extern int other(int) __attribute__((alias(\"exported\")));\n"
	"static int fast(int x) { return x; }\n"
	"static void *choose(void) { return fast; }\n"
	"int picked(int) __attribute__((ifunc(\"choose\")));\n"
	"int from_asm(void);\n"
	"__asm__(\".text\\n.globl from_asm\\n.type from_asm,@function\\nfrom_asm: mov "
	"$1,%eax\\nret\\n\"\n"
	"        \"bare_label: mov $2,%eax\\nret\\n.Llocal: nop\\n\"\n"
	"        \".type after,@function\\nafter: ret\\n.size after,1\\n\");\n"
	"int main(int c, char **v) { return hidden_one(c) + picked(c) + from_asm(); }\n";

Test(symbols, kinds)
{
	const struct symbol *sym;
	struct symbols *s;
	struct elf *e;
	struct hits h;
	uint64_t addr;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -O1 -rdynamic -o p p.c");
	e = build_open("p");
	s = load(e, "/p");
	h = find(s, "hidden_one");
	cr_assert_eq(h.n, 1);
	cr_expect_eq(h.last->addr, nm_value("p", "hidden_one"));
	cr_expect_eq(h.last->source, SYM_SYMTAB);
	cr_expect_not(h.last->global);
	cr_expect_neq(h.last->unit, 0);
	/* in .symtab and .dynsym, but once here; the alias is a symbol of its own */
	cr_expect_eq(find(s, "exported").n, 1);
	h = find(s, "other");
	cr_assert_eq(h.n, 1);
	cr_expect_eq(h.last->addr, nm_value("p", "exported"));
	cr_expect(h.last->global);
	cr_expect_str_eq(symbols_starting_at(s, h.last->addr)->name, "other", "the shorter alias");
	h = find(s, "picked");
	cr_assert_eq(h.n, 1);
	cr_expect(h.last->ifunc);
	/* size 0: up to the next symbol */
	h = find(s, "from_asm");
	cr_assert_eq(h.n, 1);
	cr_expect_eq(h.last->size, 0);
	addr = h.last->addr;
	cr_expect_eq(symbols_extent(s, e, h.last), addr + 6);
	cr_expect_eq(symbols_at(s, addr + 5), h.last);
	cr_expect_str_eq(symbols_after(s, addr)->name, "bare_label");
	cr_expect_eq(find(s, "bare_label").n, 1, "a label that no function covers");
	cr_expect_eq(find(s, ".Llocal").n, 0);
	h = find(s, "main");
	cr_assert_eq(h.n, 1);
	sym = h.last;
	cr_expect_eq(symbols_extent(s, e, sym), sym->addr + sym->size);
	cr_expect_eq(symbols_at(s, sym->addr + sym->size - 1), sym);
	cr_expect_neq(symbols_at(s, sym->addr + sym->size), sym);
	cr_expect_null(symbols_at(s, 0));
	cr_expect_null(symbols_after(s, UINT64_MAX));
	/* no data, no imports */
	cr_expect_eq(find(s, "rand").n, 0);
	cr_expect_eq(find(s, "_edata").n, 0);
	cr_expect_eq(find(s, "data_start").n, 0);
	symbols_free(s);
	elf_close(e);
}

Test(symbols, versions)
{
	struct symbols *s;
	struct elf *e;
	struct hits h;

	build_need("gcc");
	build_write("v.c", "int old_f(void) { return 1; }\nint new_f(void) { return 2; }\n"
			   "__asm__(\".symver old_f,f@V1\");\n__asm__(\".symver new_f,f@@V2\");\n");
	build_write("v.map", "V1 { global: f; local: *; };\nV2 { global: f; } V1;\n");
	build("gcc -shared -fPIC -o v.so v.c -Wl,--version-script=v.map");
	e = build_open("v.so");
	s = load(e, "/v.so");
	cr_expect_eq(find(s, "f").n, 2, "both versions");
	symbols_free(s);
	elf_close(e);
	build("strip v.so");
	e = build_open("v.so");
	s = load(e, "/v.so");
	h = find(s, "f");
	cr_expect_eq(h.n, 2);
	cr_expect_eq(h.last->source, SYM_DYNSYM);
	symbols_free(s);
	elf_close(e);
}

/* Each function that nm tells is there, at its address, and nothing else. */
Test(symbols, all_of_nm)
{
	char out[4096];
	const struct symbol *all;
	struct symbols *s;
	struct elf *e;

	build_need("g++");
	build_write("p.cc", "#include <map>\n#include <string>\n#include <iostream>\n"
			    "std::map<std::string, int> m;\n"
			    "int main(int c, char **v) { m[v[0]]++; for (auto &x : m) std::cout << "
			    "x.first; }\n");
	build("g++ -O0 -o p p.cc");
	build_run(out, "readelf -sW p | awk '/symtab/ { on = 1 } on && ($4 == \"FUNC\" || $4 == "
		       "\"IFUNC\") && "
		       "$7 != \"UND\"' | wc -l");
	e = build_open("p");
	s = load(e, "/p");
	cr_expect_eq(symbols_all(s, &all), strtoul(out, NULL, 10), "%zu, readelf: %s",
		     symbols_all(s, &all), out);
	cr_expect_geq(find(s, "std::map::operator[]").n, 1);
	cr_expect_geq(find(s, "std::*").n, 100);
	symbols_free(s);
	elf_close(e);
}

static void expect_from(const char *how, const char *name, uint64_t addr, enum symbol_source source)
{
	struct elf *e = build_open(name);
	struct symbols *s = load(e, "/dir/p");
	struct hits h = find(s, "hidden_one");

	cr_expect_eq(h.n, addr != 0, "%s", how);
	if (h.n) {
		cr_expect_eq(h.last->addr, addr, "%s", how);
		cr_expect_eq(h.last->source, source, "%s: source %d", how, h.last->source);
	}
	symbols_free(s);
	elf_close(e);
}

Test(symbols, separate_debug_files)
{
	char id[4096];
	uint64_t addr;

	build_need("gcc");
	build_need("objcopy");
	build_write("p.c", program);
	build("mkdir -p dir && gcc -g -O1 -o dir/p p.c && objcopy --only-keep-debug dir/p p.debug");
	addr = nm_value("dir/p", "hidden_one");
	cr_assert_neq(addr, 0);
	build_run(id, "readelf -n dir/p | awk '/Build ID/ { print $3 }'");
	build("strip dir/p && objcopy --add-gnu-debuglink=p.debug dir/p");
	expect_from("no debug file", "dir/p", 0, 0);
	build("cp p.debug dir/p.debug");
	expect_from("debuglink, same directory", "dir/p", addr, SYM_DEBUGFILE);
	build("mkdir dir/.debug && mv dir/p.debug dir/.debug/");
	expect_from("debuglink, .debug", "dir/p", addr, SYM_DEBUGFILE);
	build("mkdir -p usr/lib/debug/dir && mv dir/.debug/p.debug usr/lib/debug/dir/");
	expect_from("debuglink, /usr/lib/debug", "dir/p", addr, SYM_DEBUGFILE);
	build("printf x >> usr/lib/debug/dir/p.debug");
	expect_from("wrong CRC", "dir/p", 0, 0);
	build("mkdir -p usr/lib/debug/.build-id/%.2s && cp p.debug "
	      "usr/lib/debug/.build-id/%.2s/%s.debug",
	      id, id, id + 2);
	expect_from("build id", "dir/p", addr, SYM_DEBUGFILE);
	/* another program's debug file under our id */
	build("gcc -g -O2 -o q p.c && objcopy --only-keep-debug q "
	      "usr/lib/debug/.build-id/%.2s/%s.debug",
	      id, id + 2);
	expect_from("wrong build id", "dir/p", 0, 0);
	/* links lead to inside of the root only; a pipe does not block */
	build("ln -sf /p.debug usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	expect_from("link inside of the root", "dir/p", addr, SYM_DEBUGFILE);
	build("cp p.debug %s.out && ln -sf %s.out usr/lib/debug/.build-id/%.2s/%s.debug", build_dir,
	      build_dir, id, id + 2);
	expect_from("link out of the root", "dir/p", 0, 0);
	build("rm %s.out; f=usr/lib/debug/.build-id/%.2s/%s.debug; rm $f && mkfifo $f", build_dir,
	      id, id + 2);
	expect_from("pipe", "dir/p", 0, 0);
}

Test(symbols, mini_debug_info)
{
	struct symbols *s;
	uint64_t addr;
	struct elf *e;

	build_need("gcc");
	build_need("objcopy");
	build_need("xz");
	build_write("p.c", program);
	/* as in "MiniDebugInfo" of the gdb manual */
	build("gcc -g -O1 -rdynamic -o p p.c && cp p full && "
	      "nm -D p --format=posix --defined-only | awk '{ print $1 }' | sort > dynsyms && "
	      "nm p --format=posix --defined-only | awk '{ if ($2 == \"T\" || $2 == \"t\" || $2 == "
	      "\"D\") print $1 }' | "
	      "sort > funcsyms && comm -13 dynsyms funcsyms > keep && objcopy --only-keep-debug p "
	      "debug && "
	      "objcopy -S --remove-section .gdb_index --remove-section .comment "
	      "--keep-symbols=keep debug mini && "
	      "strip --strip-all -R .comment p && xz mini && objcopy --add-section "
	      ".gnu_debugdata=mini.xz p");
	addr = nm_value("full", "hidden_one");
	cr_assert_neq(addr, 0);
	expect_from("mini debug info", "p", addr, SYM_DEBUGDATA);
	e = build_open("p");
	s = load(e, "/p");
	cr_expect_eq(find(s, "exported").n, 1, "from .dynsym");
	cr_expect_eq(find(s, "main").n, 1);
	symbols_free(s);
	elf_close(e);
	/* broken and overlarge contents: the rest still works */
	build("printf garbage > bad && objcopy --update-section .gnu_debugdata=bad p");
	expect_from("garbage", "p", 0, 0);
	build("head -c 400000000 /dev/zero | xz -0 > bomb && objcopy --update-section "
	      ".gnu_debugdata=bomb p");
	expect_from("bomb", "p", 0, 0);
}

Test(symbols, go)
{
	static const struct {
		const char *flags;
		enum symbol_source source;
	} row[] = {
		{ "", SYM_SYMTAB },
		{ "-ldflags='-s -w'", SYM_PCLNTAB },
		{ "-buildmode=pie -ldflags='-s -w'", SYM_PCLNTAB },
		{ "-ldflags='-s -w -linkmode=external'", SYM_PCLNTAB },
		{ "-buildmode=pie -ldflags='-s -w -linkmode=external'", SYM_PCLNTAB },
	};
	static const char *const names[] = { "main.(*Server).Handle", "main.plain", "main.main" };
	uint64_t size[ARRAY_SIZE(names)] = { 0 };
	size_t i, k;

	build_need("go");
	build_need("gcc");
	build_write("p.go",
		    "package main\n\nimport \"os\"\n\ntype Server struct{ n int }\n\n"
		    "//go:noinline\nfunc (s *Server) Handle(x int) int { s.n += x; return s.n }\n\n"
		    "//go:noinline\nfunc plain(x int) int { return x * 3 }\n\n"
		    "func main() { s := &Server{}; os.Exit(s.Handle(plain(len(os.Args)))) }\n");
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct symbols *s;
		struct elf *e;

		build("HOME=%s GOCACHE=%s/cache GO111MODULE=off go build %s -o p p.go", build_dir,
		      build_dir, row[i].flags);
		e = build_open("p");
		cr_expect(elf_is_go(e), "%s", row[i].flags);
		s = load(e, "/p");
		for (k = 0; k < ARRAY_SIZE(names); k++) {
			struct hits h = find(s, names[k]);

			cr_expect_eq(h.n, 1, "%s: %s: %zu", row[i].flags, names[k], h.n);
			if (h.n != 1)
				continue;
			cr_expect_eq(h.last->source, row[i].source, "%s", row[i].flags);
			cr_expect_eq(symbols_at(s, h.last->addr + 1), h.last);
			/*
			 * the table counts the padding to 32 bytes as well, but not behind the last
			 * one
			 */
			if (row[i].source == SYM_SYMTAB)
				size[k] = h.last->size;
			else
				cr_expect(h.last->size == size[k] ||
						  h.last->size == ((size[k] + 31) & ~31ull),
					  "%s: %s: %lu, not %lu", row[i].flags, names[k],
					  h.last->size, size[k]);
		}
		cr_expect_eq(find(s, "main.(*Server).*").n, 1);
		cr_expect_geq(find(s, "runtime.*").n, 100);
		symbols_free(s);
		elf_close(e);
	}
}

/* The addresses of the table, stripped, are those that the same build tells unstripped. */
Test(symbols, go_addresses)
{
	const struct symbol *all;
	struct symbols *full, *bare;
	struct elf *ef, *eb;
	size_t n, i, found = 0;

	build_need("go");
	build_write("p.go", "package main\n\nfunc main() { println(\"x\") }\n");
	build("export HOME=%s GOCACHE=%s/cache GO111MODULE=off; go build -o full p.go && go build "
	      "-ldflags=-s -o bare p.go",
	      build_dir, build_dir);
	ef = build_open("full");
	eb = build_open("bare");
	full = load(ef, "/full");
	bare = load(eb, "/bare");
	n = symbols_all(bare, &all);
	cr_expect_geq(n, 1000);
	for (i = 0; i < n; i++) {
		const struct symbol *sym = symbols_starting_at(full, all[i].addr);
		size_t same = strcspn(all[i].name, "[");

		/* The full table tells type arguments and ".abi0" as well. */
		cr_expect_not_null(sym, "%s at %lx", all[i].name, all[i].addr);
		found += sym && (!strncmp(sym->name, all[i].name, same) ||
				 !strcmp(sym->name, "runtime.text"));
	}
	cr_expect_eq(found, n, "%zu of %zu", found, n);
	symbols_free(full);
	symbols_free(bare);
	elf_close(ef);
	elf_close(eb);
}

Test(symbols, cold_pieces)
{
	static const char text[] =
		"#include <stdlib.h>\n"
		"void NAME2(int);\n"
		"static __attribute__((noinline)) void f(int x) {\n"
		"  if (__builtin_expect(x > 5, 0)) { abort(); }\n  exit(x); }\n"
		"void NAME2(int x) { if (__builtin_expect(x == 77, 0)) abort(); f(x); }\n";
	const struct symbol *cold[2], *all;
	struct symbols *s;
	struct elf *e;
	size_t n, i, k = 0;

	build_need("gcc");
	build_write("a.c", text);
	build_write("m.c",
		    "void one(int), two(int);\nint main(int c, char **v) { one(c); two(c); }\n");
	build("gcc -O2 -DNAME2=one -c -o a.o a.c && gcc -O2 -DNAME2=two -c -o b.o a.c && gcc -o p "
	      "m.c a.o b.o");
	e = build_open("p");
	s = load(e, "/p");
	n = symbols_all(s, &all);
	/* two units have an f and an f.cold each */
	for (i = 0; i < n; i++) {
		if (strcmp(all[i].name, "f") || k == 2)
			continue;
		cold[k] = symbols_cold(s, &all[i]);
		cr_assert_not_null(cold[k]);
		cr_expect_str_eq(cold[k]->name, "f.cold");
		cr_expect_eq(cold[k]->unit, all[i].unit);
		k++;
	}
	cr_assert_eq(k, 2);
	cr_expect_neq(cold[0], cold[1]);
	cr_expect_null(symbols_cold(s, find(s, "main").last));
	cr_expect_eq(find(s, "f").n, 2, "not the pieces");
	cr_expect_str_eq(symbols_cold(s, find(s, "one").last)->name, "one.cold");
	symbols_free(s);
	elf_close(e);
}

Test(symbols, nearest)
{
	const char *near[3];
	struct symbols *s;
	struct elf *e;

	build_need("g++");
	build_write("p.cc",
		    "namespace shop { struct Cart { int add_item(int); int remove_item(int); }; }\n"
		    "int shop::Cart::add_item(int x) { return x; }\n"
		    "int shop::Cart::remove_item(int x) { return -x; }\n"
		    "extern \"C\" int process_request(int x) { return x; }\n"
		    "extern \"C\" int process_reply(int x) { return x; }\n"
		    "int main() { return 0; }\n");
	build("g++ -o p p.cc");
	e = build_open("p");
	s = load(e, "/p");
	cr_assert_geq(symbols_nearest(s, "proces_Request", near, 3), 1);
	cr_expect_str_eq(near[0], "process_request");
	cr_assert_geq(symbols_nearest(s, "shop::Cart::addItem", near, 3), 1);
	cr_expect_str_eq(near[0], "shop::Cart::add_item(int)");
	cr_assert_geq(symbols_nearest(s, "reply", near, 3), 1);
	cr_expect_str_eq(near[0], "process_reply");
	cr_expect_eq(symbols_nearest(s, "", near, 3), 0);
	cr_expect_eq(symbols_nearest(s, "zzqqxxyywwkkvv", near, 3), 0);
	cr_expect_eq(symbols_nearest(s, "main", near, 0), 0);
	symbols_free(s);
	elf_close(e);
}

/* Whatever comes out, nothing crashes: to be run with sanitizers. */
static bool survive(const char *bytes, size_t size)
{
	int fd = memfd_create("broken", MFD_CLOEXEC);
	struct symbols *s = NULL;
	struct elf *e = NULL;

	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	if (elf_open(&e, fd))
		return false;
	if (!symbols_load(&s, e, -1, NULL)) {
		find(s, "f");
		find(s, "*::g");
		symbols_at(s, 0x1000);
		symbols_free(s);
	}
	elf_close(e);
	return true;
}

Test(symbols, broken_files)
{
	static char bytes[1 << 16], copy[1 << 16];
	size_t size, i, bit, opened = 0;
	int fd;

	build_need("gcc");
	build_write("s.c", "int f(int x) { return x; }\nint g(int x) { return x + f(1); }\n");
	build("gcc -nostdlib -shared -fPIC -o s.so s.c");
	fd = open(build_path("s.so"), O_RDONLY);
	size = (size_t)read(fd, bytes, sizeof(bytes));
	close(fd);
	cr_assert(size > 4096 && size < sizeof(bytes));
	cr_expect(survive(bytes, size));
	for (i = 0; i < size; i += 1 + i / 512)
		opened += survive(bytes, i);
	cr_expect_lt(opened, size);
	/* each bit of the ELF and program headers, then each byte of the section headers */
	memcpy(copy, bytes, size);
	for (i = 0; i < sizeof(Elf64_Ehdr) + 12 * sizeof(Elf64_Phdr); i++)
		for (bit = 0; bit < 8; bit++) {
			copy[i] = (char)(bytes[i] ^ (1 << bit));
			survive(copy, size);
			copy[i] = bytes[i];
		}
	for (i = ((Elf64_Ehdr *)bytes)->e_shoff; i < size; i++) {
		copy[i] = (char)~bytes[i];
		survive(copy, size);
		copy[i] = bytes[i];
	}
}
