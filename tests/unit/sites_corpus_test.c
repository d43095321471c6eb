/* SPDX-License-Identifier: MIT */
/*
 * sites_corpus_test.c: every function of some real programs, against objdump: each chosen address
 * is one where objdump sees an instruction begin, and each ret that objdump sees in a function is
 * an exit. Prints statistics.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <fcntl.h>
#include <gelf.h>

#include "target/sites.h"

struct function {
	uint64_t addr, size;
	const char *name;
};

struct segment {
	uint64_t addr, size;
	const uint8_t *code;
};

struct module {
	const char *path;
	int fd;
	Elf *elf;
	struct function *functions;
	size_t nfunctions;
	struct segment text;
	bool go;
	uint8_t *begins; /* per byte of text: 1 an instruction begins, 2 it is a ret */
};

struct tally {
	size_t errors[SITES_NO_MEMORY + 1], emulated, exits, indirect, wrong;
};

static int function_compare(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static bool module_is_function(void *arg, uint64_t addr)
{
	const struct module *m = arg;
	const struct function key = { .addr = addr };

	return bsearch(&key, m->functions, m->nfunctions, sizeof(key), function_compare);
}

static int module_text(void *arg, uint64_t addr, const uint8_t **ret, size_t *len)
{
	const struct module *m = arg;
	uint64_t off = addr - m->text.addr;

	if (off >= m->text.size)
		return -ERANGE;
	*ret = m->text.code + off;
	*len = m->text.size - off;
	return 0;
}

static void module_read_symbols(struct module *m, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t n = sh->sh_size / sh->sh_entsize, cap = 0;
	const struct segment *t = &m->text;
	GElf_Sym sym;

	for (int i = 0; i < (int)n && gelf_getsym(data, i, &sym); i++) {
		const char *name = elf_strptr(m->elf, sh->sh_link, sym.st_name);

		if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || !sym.st_size ||
		    strstr(name, ".cold") || sym.st_value < t->addr ||
		    sym.st_value + sym.st_size > t->addr + t->size)
			continue;
		cr_assert(!util_grow(&m->functions, m->nfunctions, &cap, sizeof(*m->functions)));
		m->functions[m->nfunctions++] =
			(struct function){ sym.st_value, sym.st_size, name };
	}
	if (m->nfunctions)
		qsort(m->functions, m->nfunctions, sizeof(*m->functions), function_compare);
}

static bool module_open(struct module *m, const char *path)
{
	Elf_Scn *scn = NULL, *symbols = NULL;
	GElf_Shdr sh, best = { 0 };
	size_t names, len;
	const char *image;

	*m = (struct module){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC) };
	elf_version(EV_CURRENT);
	if (m->fd < 0 || !(m->elf = elf_begin(m->fd, ELF_C_READ, NULL)))
		return false;
	image = elf_rawfile(m->elf, &len);
	cr_assert(image && !elf_getshdrstrndx(m->elf, &names));
	while ((scn = elf_nextscn(m->elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *name = elf_strptr(m->elf, names, sh.sh_name);

		if (!strcmp(name, ".text"))
			m->text = (struct segment){ sh.sh_addr, sh.sh_size,
						    (const uint8_t *)image + sh.sh_offset };
		m->go |= !strcmp(name, ".gopclntab");
		if (sh.sh_type == SHT_SYMTAB || (sh.sh_type == SHT_DYNSYM && !symbols)) {
			symbols = scn;
			best = sh;
		}
	}
	if (m->text.size && symbols)
		module_read_symbols(m, symbols, &best);
	return m->nfunctions;
}

static void module_close(struct module *m)
{
	elf_end(m->elf);
	util_closep(&m->fd);
	free(m->functions);
	free(m->begins);
}

static void module_disassemble(struct module *m)
{
	AUTO_FREE char *command = NULL, *line = NULL;
	size_t cap = 0;
	FILE *p;

	m->begins = calloc(m->text.size, 1);
	cr_assert(m->begins &&
		  asprintf(&command, "objdump -d --no-show-raw-insn -j .text %s", m->path) > 0);
	p = popen(command, "r");
	cr_assert(p);
	while (getline(&line, &cap, p) > 0) {
		char *end;
		uint64_t off = strtoull(line, &end, 16) - m->text.addr;

		if (*line != ' ' || *end != ':' || off >= m->text.size)
			continue;
		end += strspn(end, ": \t");
		m->begins[off] = strncmp(end, "ret", 3) && strncmp(end, "repz ret", 8) &&
						 strncmp(end, "bnd ret", 7)
					 ? 1
					 : 2;
	}
	cr_assert(!pclose(p));
}

static bool begins(const struct module *m, uint64_t addr)
{
	return addr - m->text.addr < m->text.size && m->begins[addr - m->text.addr];
}

/* False: a site that objdump does not know, or a ret that is no exit. */
static bool agrees(const struct module *m, const struct function *fn, const struct sites *s)
{
	const uint8_t *map = m->begins + (fn->addr - m->text.addr);
	size_t want = 0, got = 0;
	bool ok = begins(m, s->entry);

	for (size_t i = 0; i < fn->size; i++)
		want += map[i] == 2;
	for (size_t i = 0; i < s->nexits; i++) {
		ok &= begins(m, s->exits[i].addr);
		got += s->exits[i].kind == SITE_RET && s->exits[i].addr - fn->addr < fn->size;
	}
	return ok && got == want;
}

/* objdump decodes the text behind this one's first jump as if it were code. */
static bool is_data(const char *name)
{
	return !strncmp(name, "crypto/internal/boring/sig.", 27);
}

static void check_function(struct module *m, const struct function *fn, struct tally *t)
{
	struct sites_func f = { .addr = fn->addr, .size = fn->size, .go = m->go, .arg = m };
	enum sites_error e;
	struct sites s;
	size_t len;

	f.is_function = module_is_function;
	f.text = module_text;
	cr_assert(!module_text(m, fn->addr, &f.code, &len));
	e = sites_find(&s, &f);
	t->errors[e]++;
	if (!e && !is_data(fn->name) && !agrees(m, fn, &s)) {
		cr_log_warn("%s: %s at %#lx\n", m->path, fn->name, (unsigned long)fn->addr);
		t->wrong++;
	}
	t->emulated += s.entry_emulated;
	t->exits += s.nexits;
	for (size_t i = 0; i < s.nexits; i++)
		t->indirect += s.exits[i].kind == SITE_JMP_IND;
	sites_free(&s);
}

/* Returns how many functions were looked at. */
static size_t check_module(const char *path)
{
	AUTO_FREE char *real =
		realpath(path, NULL); /* objdump is to read our /proc/self/exe, not its own */
	struct tally t = { .wrong = 0 };
	struct module m;
	size_t ok, n;

	if (!real)
		return 0;
	if (!module_open(&m, real)) {
		module_close(&m);
		return 0;
	}
	module_disassemble(&m);
	n = m.nfunctions;
	for (size_t i = 0; i < n; i++)
		check_function(&m, &m.functions[i], &t);
	ok = t.errors[SITES_OK];
	cr_log_info("%s: %zu functions, %zu%% with an emulated entry, %zu exits, %zu of them "
		    "indirect\n",
		    path, n, ok ? t.emulated * 100 / ok : 0, t.exits, t.indirect);
	for (int e = 1; e <= SITES_NO_MEMORY; e++)
		if (t.errors[e])
			cr_log_info("    %zu refused: %s\n", t.errors[e], sites_strerror(e));
	cr_expect(t.wrong == 0, "%s", path);
	cr_expect(ok * 100 >= n * 99, "%s: %zu of %zu refused", path, n - ok, n);
	module_close(&m);
	return n;
}

Test(sites_corpus, system_programs)
{
	static const char *const paths[] = {
		"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/x86_64-linux-gnu/libm.so.6",
		"/lib/x86_64-linux-gnu/libstdc++.so.6",
		"/lib/x86_64-linux-gnu/libcrypto.so.3",
		"/lib/x86_64-linux-gnu/libelf.so.1",
		"/lib/x86_64-linux-gnu/libz.so.1",
		"/lib/x86_64-linux-gnu/libsqlite3.so.0",
		"/usr/bin/bash",
		"/usr/bin/redis-server",
		"/usr/bin/python3",
		"/usr/sbin/nginx",
		"/proc/self/exe",
	};
	size_t n = 0;

	if (system("objdump --version >/dev/null 2>&1"))
		cr_skip_test("needs objdump\n");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		n += check_module(paths[i]);
	cr_expect(n > 1000, "only %zu functions", n);
}

Test(sites_corpus, go_program)
{
	char dir[] = "/tmp/tpd-sites-XXXXXX";
	AUTO_FREE char *command = NULL;
	AUTO_FREE char *exe = NULL;

	if (system("go version >/dev/null 2>&1 && objdump --version >/dev/null 2>&1"))
		cr_skip_test("needs go and objdump\n");
	cr_assert(mkdtemp(dir));
	cr_assert(asprintf(&exe, "%s/hello", dir) > 0);
	cr_assert(asprintf(&command,
			   "printf 'package main\\nimport \"fmt\"\\nfunc main() { fmt.Println(1) "
			   "}\\n' >%s/h.go && "
			   "GOCACHE=%s/cache GOFLAGS=-mod=mod go build -o %s %s/h.go",
			   dir, dir, exe, dir) > 0);
	if (!system(command))
		cr_expect(check_module(exe) > 500);
	else
		cr_log_warn("go build failed\n");
	free(command);
	cr_assert(asprintf(&command, "rm -rf %s", dir) > 0);
	cr_expect(system(command) == 0);
}
