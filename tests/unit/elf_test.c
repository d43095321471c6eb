/* SPDX-License-Identifier: MIT */
/* elf_test.c: ELF files from several linkers against readelf, and broken ones. */
#include <elf.h>
#include <sys/mman.h>
#include "target_build.h"

TestSuite(elf, .init = build_begin, .fini = build_end, .timeout = 120);

static const char program[] =
	"#include <math.h>\n#include <stdlib.h>\n"
	"int marker(int x) { return x * 3 + 1; }\n"
	"int main(int c, char **v) { return marker(c) + (int)cos(atoi(v[0])); }\n";

/* Value of a symbol as nm tells it, 0 if it is not there. */
static uint64_t nm_value(const char *file, const char *symbol)
{
	char out[4096];

	build_run(out, "nm %s | awk '$3 == \"%s\" { print $1 }'", file, symbol);
	return strtoull(out, NULL, 16);
}

/* Offset of an address through readelf's program headers. */
static uint64_t readelf_offset(const char *file, uint64_t addr)
{
	char out[4096];

	build_run(
		out,
		"readelf -lW %s | awk '$1 == \"LOAD\" { print $2, $3, $5 }' | while read o v s; do "
		"[ $((%lu)) -ge $((v)) ] && [ $((%lu)) -lt $((v + s)) ] && echo $((%lu - v + o)); "
		"done",
		file, (unsigned long)addr, (unsigned long)addr, (unsigned long)addr);
	return strtoull(out, NULL, 10);
}

static void check_program(const char *how, const char *file)
{
	uint64_t addr = nm_value(file, "marker"), off = 0, back = 0;
	struct elf *e = build_open(file);
	const uint8_t *text;
	uint8_t raw[4];
	size_t len;

	cr_assert_neq(addr, 0, "%s", how);
	cr_assert_eq(elf_addr_to_offset(e, addr, &off), 0, "%s", how);
	cr_expect_eq(off, readelf_offset(file, addr), "%s: %#lx at %#lx", how, addr, off);
	cr_expect_eq(elf_offset_to_addr(e, off, &back), 0);
	cr_expect_eq(back, addr, "%s: %#lx became %#lx", how, addr, back);
	cr_assert_eq(elf_text(e, addr, &text, &len), 0, "%s", how);
	cr_expect_geq(len, 8);
	cr_assert_eq(pread(elf_fd(e), raw, sizeof(raw), (off_t)off), 4);
	cr_expect_arr_eq(text, raw, 4);
	cr_expect(elf_is_text(e, addr));
	cr_expect_not(elf_is_go(e));
	elf_close(e);
}

Test(elf, linkers)
{
	static const struct {
		const char *tool, *flags;
	} how[] = {
		{ "ld", "" },
		{ "ld", "-no-pie" },
		{ "ld", "-static" },
		{ "ld", "-static-pie" },
		{ "ld", "-Wl,-z,noseparate-code" },
		{ "ld.gold", "-fuse-ld=gold" },
		{ "ld.lld", "-fuse-ld=lld" },
		{ "ld.lld", "-fuse-ld=lld -no-pie" },
		{ "ld.lld", "-fuse-ld=lld -Wl,-z,separate-loadable-segments" },
		{ "mold", "-fuse-ld=mold" },
		{ "mold", "-fuse-ld=mold -no-pie" },
	};
	size_t i;

	build_need("gcc");
	build_write("p.c", program);
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		if (build_run(NULL, "command -v %s >/dev/null", how[i].tool))
			continue;
		build("gcc -O1 -fcf-protection=none %s -o p p.c -lm", how[i].flags);
		check_program(how[i].flags, "p");
	}
}

Test(elf, facts)
{
	char id[4096];
	struct elf *e;
	uint64_t v;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -o p p.c -lm");
	build_run(id, "readelf -n p | awk '/Build ID/ { print $3 }'");
	e = build_open("p");
	cr_expect_str_eq(elf_build_id(e), id);
	cr_expect_eq(strlen(id), 40);
	cr_expect(elf_is_dynamic(e));
	cr_expect(elf_needs(e, "libm.so"));
	cr_expect_not(elf_needs(e, "libpthread"));
	cr_expect(elf_imports(e, "atoi"));
	cr_expect_not(elf_imports(e, "marker"));
	cr_expect_not(elf_imports(e, "ato"));
	cr_expect_eq(elf_addr_to_offset(e, 1ull << 60, &v), -ERANGE);
	cr_expect_eq(elf_offset_to_addr(e, 1ull << 60, &v), -ERANGE);
	elf_close(e);
	build("gcc -static -Wl,--build-id=none -o p p.c -lm");
	e = build_open("p");
	cr_expect_str_eq(elf_build_id(e), "");
	cr_expect_not(elf_is_dynamic(e));
	cr_expect_not(elf_imports(e, "atoi"));
	elf_close(e);
}

/* Takes the section headers away, as sstrip does. */
static void cut_sections(const char *name)
{
	int fd = open(build_path(name), O_RDWR);
	Elf64_Ehdr h;

	cr_assert_eq(pread(fd, &h, sizeof(h), 0), sizeof(h));
	h.e_shoff = 0;
	h.e_shnum = h.e_shstrndx = h.e_shentsize = 0;
	cr_assert_eq(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
	close(fd);
}

Test(elf, no_sections)
{
	static const char *const hash[] = { "gnu", "sysv", "both" };
	struct elf_symtab with, without;
	const struct elf_section *sec;
	char id[129];
	struct elf *e;
	size_t i;

	build_need("gcc");
	build_write("p.c", program);
	for (i = 0; i < ARRAY_SIZE(hash); i++) {
		build("gcc -shared -fPIC -Wl,--hash-style=%s -o p p.c -lm", hash[i]);
		e = build_open("p");
		strcpy(id, elf_build_id(e));
		cr_assert_eq(elf_symtab(e, true, &with), 0);
		elf_close(e);
		cut_sections("p");
		e = build_open("p");
		cr_expect_eq(elf_sections(e, &sec), 0);
		cr_expect_str_eq(elf_build_id(e), id);
		cr_expect(elf_needs(e, "libm.so.6"));
		cr_expect(elf_imports(e, "atoi"), "%s", hash[i]);
		cr_assert_eq(elf_symtab(e, true, &without), 0);
		cr_expect_eq(without.count, with.count, "%s: %lu %lu", hash[i], without.count,
			     with.count);
		cr_expect_eq(without.offset, with.offset);
		cr_expect_eq(without.str_offset, with.str_offset);
		cr_expect_eq(elf_symtab(e, false, &without), -ENOENT);
		elf_close(e);
	}
}

Test(elf, not_elf)
{
	static const struct {
		const char *make;
		int err;
	} row[] = {
		{ ": > x", -ENOEXEC },
		{ "printf '#!/bin/sh\\n' > x", -ENOEXEC },
		{ "printf '\\177ELF' > x", -EBADMSG },
		{ "gcc -c -o x p.c", -ENOEXEC }, /* an object file */
		{ "gcc -o x p.c -lm && printf '\\001' | dd of=x bs=1 seek=4 conv=notrunc",
		  -ENOEXEC }, /* 32 bit */
		{ "gcc -o x p.c -lm && printf '\\267' | dd of=x bs=1 seek=18 conv=notrunc",
		  -ENOEXEC }, /* ARM */
		{ "truncate -s 5G x", -EFBIG },
	};
	struct elf *e;
	size_t i;
	int fd;

	build_need("gcc");
	build_write("p.c", program);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		build("%s", row[i].make);
		fd = open(build_path("x"), O_RDONLY);
		cr_expect_eq(elf_open(&e, fd), row[i].err, "%s", row[i].make);
		cr_expect_eq(fcntl(fd, F_GETFD), -1, "the descriptor was not taken over");
	}
	cr_expect_eq(elf_open(&e, open("/dev/null", O_RDONLY)), -ENOEXEC);
}

/* The file shrinks while it is open: errors, no SIGBUS. */
Test(elf, shrinks)
{
	struct elf_symtab t;
	const uint8_t *text;
	uint64_t addr;
	struct elf *e;
	size_t len;
	void *p;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -no-pie -o p p.c -lm");
	addr = nm_value("p", "marker");
	e = build_open("p");
	cr_assert_eq(elf_symtab(e, false, &t), 0);
	cr_assert_eq(truncate(build_path("p"), 4096), 0);
	cr_expect_eq(elf_text(e, addr, &text, &len), -ERANGE);
	cr_expect_eq(elf_read(e, t.offset, t.count * sizeof(Elf64_Sym), &p), -ERANGE);
	elf_close(e);
	/* what has been read stays */
	build("gcc -no-pie -o p p.c -lm");
	e = build_open("p");
	cr_assert_eq(elf_text(e, addr, &text, &len), 0);
	cr_assert_eq(truncate(build_path("p"), 0), 0);
	cr_expect_neq(text[0] + text[len - 1], -1);
	elf_close(e);
}

/* A small file in memory. */
struct image {
	Elf64_Ehdr h;
	Elf64_Phdr p[2];
	uint8_t text[64];
};

static struct image image_new(void)
{
	struct image m = {
		.h = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
	};

	m.p[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_vaddr = 0x400000,
			       .p_filesz = sizeof(m),
			       .p_memsz = sizeof(m) };
	m.p[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
			       .p_flags = PF_R | PF_W,
			       .p_vaddr = 0x600000,
			       .p_offset = 64,
			       .p_filesz = 32,
			       .p_memsz = 64 };
	return m;
}

static int image_open(struct elf **e, const struct image *m, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, m, size), (ssize_t)size);
	return elf_open(e, fd);
}

Test(elf, segments)
{
	struct image m = image_new();
	const struct elf_segment *seg;
	const uint8_t *text;
	struct elf *e;
	size_t len;
	uint64_t v;

	cr_assert_eq(image_open(&e, &m, sizeof(m)), 0);
	cr_expect_eq(elf_segments(e, &seg), 2);
	cr_expect_eq(elf_text(e, 0x400000 + sizeof(m) - 1, &text, &len), 0);
	cr_expect_eq(len, 1);
	cr_expect_eq(elf_text(e, 0x400000 + sizeof(m), &text, &len), -ERANGE);
	cr_expect_eq(elf_text(e, 0x600000, &text, &len), -ERANGE, "not executable");
	cr_expect_eq(elf_addr_to_offset(e, 0x60001f, &v), 0);
	cr_expect_eq(v, 64 + 31);
	cr_expect_eq(elf_addr_to_offset(e, 0x600020, &v), -ERANGE, "only in memory");
	/* both segments hold these bytes: the code is meant */
	cr_expect_eq(elf_offset_to_addr(e, 70, &v), 0);
	cr_expect_eq(v, 0x400000 + 70);
	elf_close(e);
	m.p[1].p_vaddr = 0x400010;
	cr_expect_eq(image_open(&e, &m, sizeof(m)), -EBADMSG, "overlap");
	m = image_new();
	m.p[0].p_filesz = 1ull << 40;
	cr_expect_eq(image_open(&e, &m, sizeof(m)), -EBADMSG, "more in the file than in memory");
	m.p[0].p_memsz = 1ull << 40;
	m.p[0].p_vaddr = UINT64_MAX - 100;
	cr_expect_eq(image_open(&e, &m, sizeof(m)), -EBADMSG, "wraps");
	m = image_new();
	m.h.e_phoff = UINT64_MAX - 8;
	cr_expect_eq(image_open(&e, &m, sizeof(m)), -EBADMSG);
	m = image_new();
	m.h.e_phnum = PN_XNUM;
	cr_expect_eq(image_open(&e, &m, sizeof(m)), -EBADMSG);
	/* bytes behind the end of the file are no text */
	m = image_new();
	m.p[0].p_filesz = m.p[0].p_memsz = 1 << 20;
	cr_assert_eq(image_open(&e, &m, sizeof(m)), 0);
	cr_expect_eq(elf_text(e, 0x400000 + sizeof(m), &text, &len), -ERANGE);
	elf_close(e);
}
